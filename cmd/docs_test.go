package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/sandbox"
	"github.com/deployctl/gh-deployctl/ui"
)

// pages are what a user reads; commands.md is generated and has no examples.
func pages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range append(files, "../README.md") {
		content, err := os.ReadFile(file) //nolint:gosec // a page of the repository
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) != "commands.md" {
			found[filepath.Base(file)] = string(content)
		}
	}
	return found
}

// quotedArguments splits a line as a shell would, as far as the pages need it.
var quotedArguments = regexp.MustCompile(`"[^"]*"|'[^']*'|[^\s"']+`)

// Every command of ours on a page parses: the command is there, and its flags,
// their values and its arguments are as it wants them.
func TestCommandsOnThePages(t *testing.T) {
	seen := 0
	for name, page := range pages(t) {
		for _, m := range regexp.MustCompile("(?m)^gh deployctl ?(.*)$|`gh deployctl ([^`]*)`").FindAllStringSubmatch(page, -1) {
			line := strings.TrimSpace(m[1] + m[2])
			line, _, _ = strings.Cut(line, " #")
			line, _, _ = strings.Cut(line, " > ")
			line, _, _ = strings.Cut(line, " | ")
			if strings.Contains(line, "…") { // a family of commands
				continue
			}
			seen++
			var args []string
			for _, a := range quotedArguments.FindAllString(line, -1) {
				args = append(args, strings.Trim(a, `"'`))
			}
			c, rest, err := newRoot(Streams{}).Find(args)
			if err == nil {
				err = c.ParseFlags(rest)
			}
			// Prose names a command without its arguments; an example has all.
			if err == nil && m[1] != "" {
				err = c.ValidateArgs(c.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: gh deployctl %s: %v", name, line, err)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d commands found", seen)
	}
}

// Every key of the run books and of the set-up is in the console's key table.
func TestKeysOnThePages(t *testing.T) {
	known := []string{"⏎", "→", "←"}
	for _, c := range ui.Commands() {
		known = append(known, c.Keys...)
	}
	all := pages(t)
	for _, name := range []string{"runbooks.md", "setup.md"} {
		prose := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(all[name], "")
		found := 0
		for _, m := range regexp.MustCompile("`([^` ]|tab|esc|[⏎→←])`").FindAllStringSubmatch(prose, -1) {
			found++
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s names the key %s, which the console does not have", name, m[1])
			}
		}
		if found < 3 {
			t.Errorf("%s: only %d keys found", name, found)
		}
	}
}

// The links between the pages lead somewhere.
func TestLinksOnThePages(t *testing.T) {
	for name, page := range pages(t) {
		dir := "../docs"
		if name == "README.md" {
			dir = ".."
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)[^):]*\)`).FindAllStringSubmatch(page, -1) {
			if _, err := os.Stat(filepath.Join(dir, m[1])); err != nil {
				t.Errorf("%s links %s: %v", name, m[1], err)
			}
		}
	}
}

// What doctor names as not tried is what the policies allow.
func TestWritesOnThePermissionsPage(t *testing.T) {
	page := pages(t)["permissions.md"]
	for _, action := range slices.Concat(operatorWrites, workflowWrites) {
		if !strings.Contains(page, `"`+action+`"`) {
			t.Errorf("docs/permissions.md has no policy for %s", action)
		}
	}
}

// Every run book names a fire drill that there is.
func TestDrillsOfTheRunBooks(t *testing.T) {
	var names []string
	for _, s := range sandbox.Scenarios() {
		names = append(names, s.Name)
	}
	books := strings.Split(pages(t)["runbooks.md"], "\n## ")[1:]
	if len(books) < 8 {
		t.Fatalf("only %d books", len(books))
	}
	for _, book := range books[:len(books)-1] { // the last is what comes afterwards
		title, text, _ := strings.Cut(book, "\n")
		drills := regexp.MustCompile("`gh deployctl demo(?: --scenario ([a-z-]+))?`").FindAllStringSubmatch(text, -1)
		if len(drills) == 0 {
			t.Errorf("%q names no drill", title)
		}
		for _, d := range drills {
			if d[1] != "" && !slices.Contains(names, d[1]) {
				t.Errorf("%q names the drill %s, which there is not", title, d[1])
			}
		}
	}
}
