package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// RunFilter selects runs by what an operator typed: terms such as
// workflow:ci, branch:main, actor:alice, event:push, status:failure, sha:9f8e
// and repo:web, all of which must hold, and free text. The zero RunFilter lets
// everything through.
type RunFilter struct {
	Workflow, Branch, Actor, Event, Status, SHA, Repository string
	Words                                                   []string // free text, each of which must be found
}

// filterKeys are the terms, with their short forms.
var filterKeys = map[string]func(*RunFilter) *string{
	"workflow": func(f *RunFilter) *string { return &f.Workflow }, "w": func(f *RunFilter) *string { return &f.Workflow },
	"branch": func(f *RunFilter) *string { return &f.Branch }, "b": func(f *RunFilter) *string { return &f.Branch },
	"actor": func(f *RunFilter) *string { return &f.Actor }, "u": func(f *RunFilter) *string { return &f.Actor },
	"event": func(f *RunFilter) *string { return &f.Event }, "e": func(f *RunFilter) *string { return &f.Event },
	"status": func(f *RunFilter) *string { return &f.Status }, "s": func(f *RunFilter) *string { return &f.Status },
	"conclusion": func(f *RunFilter) *string { return &f.Status }, // GitHub keeps the two apart, people do not
	"sha":        func(f *RunFilter) *string { return &f.SHA },
	"repo":       func(f *RunFilter) *string { return &f.Repository },
}

// FilterTerms names the terms of a RunFilter, for hints.
const FilterTerms = "workflow: branch: actor: event: status: sha: repo:"

// ParseRunFilter reads a filter. A word with a colon that is no term is free
// text; a term without a value, as while it is typed, filters nothing; of a term
// given twice the last counts.
func ParseRunFilter(text string) RunFilter {
	var f RunFilter
	for _, word := range strings.Fields(text) {
		name, value, ok := strings.Cut(word, ":")
		field, known := filterKeys[strings.ToLower(name)]
		switch {
		case !ok || !known:
			f.Words = append(f.Words, word)
		case value != "":
			*field(&f) = value
		}
	}
	return f
}

// Zero reports whether everything passes.
func (f RunFilter) Zero() bool { return f.terms() == RunFilter{}.terms() && len(f.Words) == 0 }

func (f RunFilter) terms() [7]string {
	return [7]string{f.Workflow, f.Branch, f.Actor, f.Event, f.Status, f.SHA, f.Repository}
}

// Match reports whether a run passes. Workflow, branch and repository match by
// a part of their names; the other terms as a whole, in any case. own is the
// repository of runs that name none.
func (f RunFilter) Match(r *Run, own string) bool {
	repository := r.Repository
	if repository == "" {
		repository = own
	}
	ok := holds(f.Workflow, r.Workflow, r.Name) && holds(f.Branch, r.Branch) && holds(f.Repository, repository) &&
		equals(f.Actor, r.Actor, r.TriggeringActor) && equals(f.Event, r.Event) && f.stands(r) &&
		(f.SHA == "" || strings.HasPrefix(r.SHA, strings.ToLower(f.SHA)))
	if !ok {
		return false
	}
	for _, word := range f.Words {
		if !holds(word, r.Workflow, r.Name, r.Title, r.CommitTitle, r.Branch, r.SHA, r.Actor, r.Event, string(r.Status), string(r.Conclusion),
			repository, "#"+strconv.Itoa(r.Number), strconv.FormatInt(r.ID, 10)) {
			return false
		}
	}
	return true
}

// stands reports whether a run's status or conclusion is the one asked for, in
// GitHub's words or in those of people.
func (f RunFilter) stands(r *Run) bool {
	switch strings.ToLower(f.Status) {
	case "running":
		return r.Status == StatusInProgress
	case "failed":
		return r.Failed()
	case "active":
		return !r.Done()
	}
	return equals(f.Status, string(r.Status), string(r.Conclusion))
}

// Query is the part of the filter that GitHub applies itself. GitHub compares
// workflow and branch as a whole: a part of a name is asked for by the one name
// among the known runs that it is a part of, or not at all.
func (f RunFilter) Query(known []Run) RunQuery {
	q := RunQuery{
		Workflow: only(f.Workflow, known, func(r *Run) string { return r.Workflow }),
		Branch:   only(f.Branch, known, func(r *Run) string { return r.Branch }),
		Actor:    f.Actor, Event: f.Event, Status: f.Status,
	}
	switch strings.ToLower(f.Status) {
	case "running":
		q.Status = string(StatusInProgress)
	case "failed":
		q.Status = string(ConclusionFailure)
	case "active":
		q.Status = ""
	}
	if len(f.SHA) == 40 {
		q.SHA = f.SHA
	}
	return q
}

// only is the name that is part, or of which it is a part; empty where there
// are several.
func only(part string, known []Run, name func(*Run) string) string {
	found := ""
	for i := range known {
		n := name(&known[i])
		switch {
		case part == "" || n == found || !holds(part, n):
		case strings.EqualFold(n, part):
			return n
		case found != "":
			return ""
		default:
			found = n
		}
	}
	return found
}

// String writes the filter as it can be typed.
func (f RunFilter) String() string {
	var parts []string
	for i, name := range []string{"workflow", "branch", "actor", "event", "status", "sha", "repo"} {
		if v := f.terms()[i]; v != "" {
			parts = append(parts, fmt.Sprintf("%s:%s", name, v))
		}
	}
	return strings.Join(append(parts, f.Words...), " ")
}

// CompleteRunFilter is what the last word of a filter that is being typed could
// become: the terms that begin like it or, behind a term, its values among known
// runs: those that begin like it before those that hold it, the most frequent
// first.
func CompleteRunFilter(text string, known []Run) []string {
	word := text[strings.LastIndexByte(text, ' ')+1:]
	name, part, isTerm := strings.Cut(word, ":")
	if !isTerm {
		return slices.DeleteFunc(strings.Fields(FilterTerms), func(term string) bool {
			return word == "" || !strings.HasPrefix(term, strings.ToLower(word))
		})
	}
	count := map[string]int{}
	for i := range known {
		for _, v := range termValues(strings.ToLower(name), &known[i]) {
			if v != "" && holds(part, v) {
				count[v]++
			}
		}
	}
	begins := func(v string) int { return min(strings.Index(strings.ToLower(v), strings.ToLower(part)), 1) }
	values := slices.Sorted(maps.Keys(count))
	slices.SortStableFunc(values, func(a, b string) int {
		return cmp.Or(begins(a)-begins(b), count[b]-count[a])
	})
	for i, v := range values {
		values[i] = name + ":" + v
	}
	return values
}

// termValues are the values of a run that a term of a filter could name.
func termValues(name string, r *Run) []string {
	switch name {
	case "workflow", "w":
		return []string{r.Workflow}
	case "branch", "b":
		return []string{r.Branch}
	case "actor", "u":
		if r.TriggeringActor == r.Actor {
			return []string{r.Actor}
		}
		return []string{r.Actor, r.TriggeringActor}
	case "event", "e":
		return []string{r.Event}
	case "status", "s", "conclusion":
		return []string{string(r.Status), string(r.Conclusion)}
	case "repo":
		return []string{r.Repository}
	}
	return nil
}

// holds reports whether any text holds part, in any case.
func holds(part string, texts ...string) bool {
	if part == "" {
		return true
	}
	part = strings.ToLower(part)
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), part) {
			return true
		}
	}
	return false
}

// equals reports whether any text is the wanted one, in any case.
func equals(wanted string, texts ...string) bool {
	if wanted == "" {
		return true
	}
	for _, t := range texts {
		if strings.EqualFold(t, wanted) {
			return true
		}
	}
	return false
}
