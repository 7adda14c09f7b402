package pipeline

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	words := []string{"region", "role", "profile", "production"}
	for word, want := range map[string]string{
		"regoin": "region", "Region": "region", "rol": "role", "profiles": "profile", "xyz": "", "": "",
		strings.Repeat("region", 50): "",
		// The beginning of one name means it, of several none, one letter nothing.
		"prod": "production", "PROD": "production", "pro": "", "p": "",
	} {
		if got := Nearest(word, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestNoSuch(t *testing.T) {
	for want, known := range map[string][]string{
		`there is no environment "prodution"; did you mean production?`:  {"staging", "production"},
		`there is no environment "prodution"; choose one of blue, green`: {"blue", "green"},
		`there is no environment "prodution"`:                            nil,
	} {
		err := NoSuch("environment", "prodution", known)
		if err.Error() != want || ExitCode(err) != ExitUsage {
			t.Errorf("%v (exit %d), want %s", err, ExitCode(err), want)
		}
	}
}
