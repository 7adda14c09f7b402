package journal

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// anchors are the heads of a journal after each intent, as they are sent.
func anchors(t *testing.T, j *Journal) (out []Anchor) {
	t.Helper()
	for e, err := range j.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != Intent {
			continue
		}
		a, ok := ParseAnchor(j.Anchor(e.head()))
		if !ok {
			t.Fatalf("%q is not read back", j.Anchor(e.head()))
		}
		a.ID = e.ID
		out = append(out, a)
	}
	return out
}

// Whatever is done to a journal after its heads were sent, also with the note
// of its head taken away, the first head that it does not hold any more is named.
func TestCompareNamesTheFirstHeadThatIsGone(t *testing.T) {
	lines := func(j *Journal) [][]byte { return bytes.SplitAfter(contents(t, j), []byte("\n")) }
	tests := map[string]struct {
		harm  func(*testing.T, *Journal)
		first string // id of the intent whose head is missed; empty: all are held
		says  string
	}{
		"untouched":      {func(*testing.T, *Journal) {}, "", ""},
		"goes on":        {func(t *testing.T, j *Journal) { add(t, j, "intent/d", "receipt/d") }, "", ""},
		"its end is cut": {func(t *testing.T, j *Journal) { replace(t, j, bytes.Join(lines(j)[:4], nil)) }, "c", "entry 5 is missing: the journal ends at entry 4"},
		"cut, then more": {func(t *testing.T, j *Journal) {
			replace(t, j, bytes.Join(lines(j)[:2], nil))
			add(t, j, "intent/x", "receipt/x", "intent/y")
		}, "b", "entry 3 is another one"},
		"written anew": {func(t *testing.T, j *Journal) {
			replace(t, j, nil)
			add(t, j, "intent/a", "receipt/a", "intent/b", "receipt/b", "intent/c", "receipt/c")
		}, "a", "entry 1 is another one"},
		"deleted": {func(t *testing.T, j *Journal) {
			if err := os.Remove(j.Path()); err != nil {
				t.Fatal(err)
			}
		}, "a", "entry 1 is missing: the journal ends at entry 0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			j := fresh(t)
			add(t, j, "intent/a", "receipt/a", "intent/b", "receipt/b", "intent/c", "receipt/c")
			sent := anchors(t, j)
			slices.Reverse(sent) // whatever their order
			if err := os.Remove(j.Path() + ".head"); err != nil {
				t.Fatal(err)
			}
			tt.harm(t, j)
			if _, err := Verify(j.Path()); err != nil {
				t.Fatalf("the chain alone shows it already: %v", err)
			}
			c, err := Compare(j.Path(), sent)
			var missing *AnchorError
			switch {
			case tt.first == "":
				if err != nil || len(c.Held) != 3 || len(c.Foreign) != 0 {
					t.Errorf("%+v, %v", c, err)
				}
			case !errors.As(err, &missing) || missing.Anchor.ID != tt.first || !strings.Contains(err.Error(), tt.says):
				t.Errorf("%+v, %v; want %s: %s", c, err, tt.first, tt.says)
			}
		})
	}
}

// Heads of other journals prove nothing, and are told apart. Those of older
// versions do not say of which journal they are; the intent tells, where it is
// still there.
func TestCompareLeavesOtherJournals(t *testing.T) {
	j, other := fresh(t), fresh(t)
	add(t, j, "intent/a", "receipt/a")
	add(t, other, "intent/b", "receipt/b", "intent/c")
	foreign := anchors(t, other)
	old := slices.Concat(anchors(t, j), foreign)
	for i := range old {
		old[i].Origin = ""
	}
	c, err := Compare(j.Path(), slices.Concat(anchors(t, j), foreign, old))
	if err != nil || len(c.Held) != 2 || len(c.Foreign) != 4 {
		t.Errorf("%+v, %v", c, err)
	}
	old[0].Hash = "abcdef012345"
	if _, err := Compare(j.Path(), old); err == nil {
		t.Error("an intent that was sent with another head is taken")
	}
	for _, text := range []string{"", "7", "0:abcdef012345", "7:xyz", "7:abcdef012345@", "7:abcdef012345@12 "} {
		if a, ok := ParseAnchor(text); ok {
			t.Errorf("%q is read as %+v", text, a)
		}
	}
}
