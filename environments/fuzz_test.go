package environments

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

// Parse never panics. What it accepts can be written and means the same; what
// it refuses has at least one mistake, and no sentence of it can harm a
// terminal.
func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("example.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	for _, group := range [][]mistake{wholeFileMistakes, keyMistakes, valueMistakes, crossMistakes} {
		for _, m := range group {
			if len(m.file) < 1000 {
				f.Add([]byte(m.file))
			}
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := Parse("f", content)
		for _, p := range c.Problems {
			if strings.ContainsAny(p.Key+p.Sentence, "\x1b\n\r\x00") || p.Sentence == "" || len(p.Sentence) > 8*longestValue || p.Line < 0 {
				t.Errorf("problem %+v", p)
			}
		}
		if err != nil {
			var invalid *InvalidError
			if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
				t.Errorf("error %#v", err)
			}
			return
		}
		written, err := Marshal(c)
		if err != nil {
			t.Fatalf("accepted, but cannot be written: %v", err)
		}
		back, err := Parse("f", written)
		if err != nil {
			t.Fatal(err)
		}
		back.Problems = c.Problems
		if !reflect.DeepEqual(back, c) {
			t.Errorf("\n got %+v\nwant %+v\n%s", back, c, written)
		}
	})
}

// Reading any workflow file is safe, too.
func FuzzReadWorkflow(f *testing.F) {
	f.Add([]byte("on: {push: {branches: [main]}}\njobs: {a: {environment: {name: x}}}\n"))
	f.Add([]byte("a: &a [*a]\njobs: *a\n"))
	f.Fuzz(func(_ *testing.T, content []byte) { ReadWorkflow("x.yml", content) })
}
