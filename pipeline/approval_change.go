package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// revertLine is what git writes into the message of a revert.
var revertLine = regexp.MustCompile(`This reverts commit ([0-9a-f]{7,40})`)

// gateReverts (A11): the change brings no commit that was reverted later, with
// the revert left behind.
func gateReverts(ev *evidence) Gate {
	g := Gate{ID: "A11", Code: "revert_left_behind", Title: "reverts", Ack: "reverted", Verdict: Pass, Observation: ev.after.Observation}
	if unreadable(ev.compare.Observation) {
		return unreadGate(g, ev.compare.Observation, Inform)
	}
	if unreadable(ev.after.Observation) {
		return unreadGate(g, ev.after.Observation, Inform)
	}
	if len(ev.compare.Value.Commits) == 0 {
		g.Verdict, g.Sentence = NotApplicable, "it brings no commit"
		return g
	}
	for _, later := range ev.after.Value.Commits {
		for _, m := range revertLine.FindAllStringSubmatch(later.Message, -1) {
			i := slices.IndexFunc(ev.compare.Value.Commits, func(c Commit) bool { return strings.HasPrefix(c.SHA, m[1]) })
			if i < 0 {
				continue
			}
			reverted := ev.compare.Value.Commits[i]
			g.Verdict, g.Effect = Fail, Acknowledge
			g.Evidence = append(g.Evidence, Short(reverted.SHA)+" "+reverted.Title, Short(later.SHA)+" "+later.Title)
			g.Sentence = fmt.Sprintf("brings %s, which %s reverts later on %s", Short(reverted.SHA), Short(later.SHA), ev.snap.Repository.DefaultBranch)
			g.Remedy = "ship a release that holds the revert as well"
		}
	}
	switch {
	case g.Verdict == Fail:
	case ev.after.Value.Truncated || ev.compare.Value.Truncated:
		g.Verdict, g.Effect, g.Sentence = Unknown, Inform, "not every commit could be looked at"
	default:
		g.Sentence = "none of its commits was reverted later"
	}
	return g
}

// gateComment (A18): GitHub asks for a comment; then every fact is read again.
// Nothing but the operator can make it unknown, so it never is.
func gateComment(ev *evidence, comment string) Gate {
	g := Gate{ID: "A18", Code: "comment", Title: "comment and re-check", Observation: Observation{Source: "operator", At: ev.now}}
	switch {
	case comment == "":
		g.Verdict, g.Sentence = Pending, "wants a comment; then every fact is read again"
	case strings.TrimSpace(comment) == "":
		g.Verdict, g.Effect, g.Sentence = Fail, Block, "the comment says nothing"
	default:
		g.Verdict, g.Sentence = Pass, "there is a comment; every fact is read again before it is sent"
	}
	return g
}
