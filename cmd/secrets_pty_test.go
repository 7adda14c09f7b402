//go:build linux

package cmd_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// TestTypedSecretsAreNotShown types secrets at the prompt, a wrong one among them:
// no part of any reaches the terminal, neither on the screen nor between frames.
func TestTypedSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	w := startWorld(t, sandbox.Options{Scenario: "calm"})
	p := newClient(t, w).inPTY(100, 30, "secrets", "--aws")
	secrets := []struct{ name, value string }{
		{"AWS_ACCOUNT_ID", "918273645546"},
		{"AWS_ACCESS_KEY_ID", "AKIAQ7ZX4VTYRJWNHPLB"},
		{"AWS_SECRET_ACCESS_KEY", "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"},
	}
	const wrong = "mistyped-by-somebody"
	p.shows(secrets[0].name + ` for the repository`)
	p.types(wrong)
	p.shows(masked(wrong))
	p.types("\r")
	p.shows(`is no account id of 12 digits`)
	p.types("\x15") // takes the line back
	for _, s := range secrets {
		p.shows(s.name + ` for the repository`)
		p.types(s.value)
		p.shows(masked(s.value))
		p.types("\r")
	}
	p.shows(`Set 3 secrets\?`)
	p.types("y")
	p.shows(`done: set 3 of 3 secrets`)
	<-p.ended
	output := p.wrote()
	p.quit()
	for _, s := range append(secrets, struct{ name, value string }{"a wrong value", wrong}) {
		for i := 0; i+4 <= len(s.value); i++ {
			if part := s.value[i : i+4]; strings.Contains(output, part) {
				t.Errorf("%s: %q of its value was written", s.name, part)
				break
			}
		}
	}
	for _, r := range w.requests(t) {
		if regexp.MustCompile(`^PUT .*/actions/secrets/AWS_SECRET_ACCESS_KEY`).MatchString(r.String()) {
			return
		}
	}
	t.Error("the secret was not set")
}

// masked is how so many characters are shown.
func masked(value string) string { return regexp.QuoteMeta(strings.Repeat("*", len(value))) }
