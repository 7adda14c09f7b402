//go:build linux

package cmd_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBoxesOfTheRunBooks opens the drills that need nobody's approval and looks
// for what their books draw, on a screen of the size that they draw for. What a
// key hides has to be there, as the book has it, before the key is pressed.
func TestBoxesOfTheRunBooks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for scenario, look := range map[string]struct{ first, keys string }{
		"failed-ci":         {`Test orders: pytest`, "1g"},
		"reverted-green":    {`1 disagrees`, ""},
		"wedged-lane":       {`no mi… lane #212`, "Z"},
		"lost-registration": {`all 6 healthy`, "2jjjj\r"},
	} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			p := (&client{t: t, dir: t.TempDir(), env: home(t.TempDir())}).inPTY(80, 24, "demo", "--scenario", scenario)
			defer p.quit()
			p.shows(look.first)
			left := boxLines(string(page), scenario)
			if len(left) < 3 {
				t.Fatalf("the book of %s draws %d lines", scenario, len(left))
			}
			for limit := time.After(time.Minute); ; {
				screen := p.text()
				left = slices.DeleteFunc(left, func(line *regexp.Regexp) bool { return line.MatchString(screen) })
				if len(left) == 0 {
					return
				}
				p.types(look.keys)
				look.keys = ""
				select {
				case <-p.looked:
				case <-limit:
					t.Fatalf("never on the screen: %q\n%s", left, screen)
				}
			}
		})
	}
}

// boxLines are the lines of the box in the book of a drill, without what differs
// between two looks: ages, loads, ids.
func boxLines(page, scenario string) (lines []*regexp.Regexp) {
	for _, book := range strings.Split(page, "\n## ") {
		if !strings.Contains(book, "demo --scenario "+scenario+"`") {
			continue
		}
		box := regexp.MustCompile("(?s)\n```\n(.*?)\n```\n").FindStringSubmatch(book)
		if box == nil {
			return nil
		}
		for line := range strings.SplitSeq(box[1], "\n") {
			text := regexp.QuoteMeta(strings.TrimSpace(line))
			for _, vague := range []struct{ what, like string }{
				{`\d+[smhdw]( \d+[smhd])?\b`, `\d+[smhdw]( \d+[smhd])?`},
				{`[▁▂▃▄▅▆▇█]+`, `[▁▂▃▄▅▆▇█]+`},
				{`\d+%`, `\d+%`},
				{`[0-9a-f]{8}\b`, `[0-9a-f]{8}`},
				{`\b[0-9a-f]{7}\b`, `[0-9a-f]{7}`},
				{`10(\\\.\d+){3}`, `10(\.\d+){3}`},
				{`\d:\d\d`, `\d:\d\d`},
				{` +`, ` +`},
			} {
				text = regexp.MustCompile(vague.what).ReplaceAllLiteralString(text, vague.like)
			}
			lines = append(lines, regexp.MustCompile(text))
		}
	}
	return lines
}
