package pipeline

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// anchored adds the request id and the journal's head to what GitHub keeps.
func anchored(text, id, head string) string {
	if head == "" {
		return fmt.Sprintf("%s [deployctl req=%s]", text, id)
	}
	return fmt.Sprintf("%s [deployctl req=%s journal=%s]", text, id, head)
}

var anchorForm = regexp.MustCompile(`\[deployctl req=([0-9A-Za-z]+) journal=([0-9a-z:@]+)\]`)

// Anchor is what a command left of its journal in GitHub's record.
type Anchor struct {
	Request string // id of the intent
	Head    string // of the journal when it was sent
	Event   Event  // where it stands
}

// Anchors finds the heads of journals that stand in events, each once: where
// several events carry it, the first one's.
func Anchors(events []Event) []Anchor {
	var out []Anchor
	for _, e := range events {
		for _, m := range anchorForm.FindAllStringSubmatch(e.Sentence, -1) {
			if !slices.ContainsFunc(out, func(a Anchor) bool { return a.Request == m[1] && a.Head == m[2] }) {
				out = append(out, Anchor{m[1], m[2], e})
			}
		}
	}
	return out
}

// holdSteps bounds how far back the steps of a hold are followed.
const holdSteps = 20

// HoldEvents tell how the holds that there are came to be, step by step. What a
// hold that was lifted had to tell is gone with it.
func HoldEvents(ctx context.Context, from interface {
	HoldReader
	CommitReader
},
) ([]Event, error) {
	holds, err := from.Holds(ctx)
	if err != nil {
		return nil, err
	}
	var out []Event
	for _, environment := range sortedKeys(holds) {
		for sha, steps := holds[environment].Token, 0; sha != "" && steps < holdSteps; steps++ {
			c, err := from.Commit(ctx, sha)
			if err != nil {
				return out, err
			}
			message := strings.Join(strings.Fields(firstOf(c.Message, c.Title)), " ")
			out = append(out, Event{
				At: c.Committed, Source: "github", Kind: "hold", Actor: c.Author, Environment: environment, Subject: environment,
				Sentence: strings.TrimPrefix(message, "Hold "+environment+": "),
			})
			if sha = ""; len(c.Parents) > 0 {
				sha = c.Parents[0]
			}
		}
	}
	return TimeLine(out), nil
}
