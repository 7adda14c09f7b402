package pipeline

import (
	"fmt"
	"strings"
)

// NoSuch is the error for a name that was mistyped: it says what there is
// instead. What is the noun in the singular, known are the names that exist.
func NoSuch(what, name string, known []string) *Error {
	e := &Error{Kind: KindUsage, Message: fmt.Sprintf("there is no %s %q", what, name)}
	near := Nearest(name, known)
	switch {
	case near != "":
		e.Hint = "did you mean " + near + "?"
	case len(known) > 0:
		e.Hint = "choose one of " + strings.Join(known, ", ")
	}
	return e
}

// Nearest returns the candidate that a writer of word most probably meant, or
// nothing where none is near: as many as a third of the letters may differ, or
// the word is the beginning of one candidate alone.
func Nearest(word string, candidates []string) string {
	limit := len(word)/3 + 1
	best, bestDistance := "", limit+1
	var begun []string
	for _, candidate := range candidates {
		if strings.EqualFold(candidate, word) {
			return candidate
		}
		if len(word) > 1 && strings.HasPrefix(strings.ToLower(candidate), strings.ToLower(word)) {
			begun = append(begun, candidate)
		}
		if d := distance(word, candidate); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	if best == "" && len(begun) == 1 {
		return begun[0]
	}
	return best
}

// distance is the number of letters to insert, delete or replace, or of
// neighbours to swap, that turns a into b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
