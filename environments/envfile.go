package environments

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-envparse"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// EnvDirectory is where the environment files lie in a repository.
const EnvDirectory = "ci-cd/environments"

// EnvPath is where the settings of an environment lie, below the repository's
// root and with slashes. Beside it lies its example, with .example behind.
func EnvPath(e pipeline.Environment) string {
	return cmp.Or(e.EnvFile, EnvDirectory+"/"+e.Name+".env")
}

// EnvFile is a parsed environment file.
type EnvFile struct {
	Name    string     // as it was given to ParseEnv
	Entries []EnvEntry // in the order of the file
	// Modified is when the file was last changed; zero: unknown. Who reads the
	// file says it.
	Modified time.Time
}

// EnvEntry is one setting of a file.
type EnvEntry struct {
	Key, Value string
	Line       int // from 1
}

// Secret reports whether the value must not be shown.
func (e EnvEntry) Secret() bool { return IsSecretKey(e.Key) }

// Shown is the value as it may be shown: of a secret only whether there is one.
func (e EnvEntry) Shown() string { return Masked(e.Key, e.Value) }

// Masked is a value as it may be shown. A mask says nothing of a secret's
// length.
func Masked(key, value string) string {
	switch {
	case value == "":
		return ""
	case IsSecretKey(key):
		return "********"
	default:
		return value
	}
}

// Get returns the last entry of a key, which is the one that counts.
func (f EnvFile) Get(key string) (EnvEntry, bool) {
	for _, e := range slices.Backward(f.Entries) {
		if e.Key == key {
			return e, true
		}
	}
	return EnvEntry{}, false
}

// ParseEnv reads an environment file. What is no assignment comes back as
// problems with their lines; the rest is read all the same.
func ParseEnv(name string, content []byte) (EnvFile, []pipeline.ConfigProblem) {
	f := EnvFile{Name: name}
	var problems []pipeline.ConfigProblem
	if len(content) > MaxSize || !utf8.Valid(content) {
		return f, []pipeline.ConfigProblem{{Sentence: "is no text of at most 1 MB in UTF-8"}}
	}
	number := 0
	for line := range bytes.Lines(bytes.TrimPrefix(content, []byte("\ufeff"))) {
		number++
		// One line at a time, so that each setting has its place; the format
		// has no values of several lines.
		read, err := envparse.Parse(bytes.NewReader(line))
		if err != nil {
			problems = append(problems, pipeline.ConfigProblem{Line: number, Column: 1, Sentence: envSyntax(err)})
			continue
		}
		for key, value := range read { // one or none
			f.Entries = append(f.Entries, EnvEntry{Key: key, Value: value, Line: number})
		}
	}
	return f, problems
}

// envSyntax says what is wrong with a line without repeating it: a part of a
// secret may be in it.
func envSyntax(err error) string {
	switch {
	case errors.Is(rootOf(err), envparse.ErrMissingSeparator):
		return "is no assignment; write KEY=value, or # before a comment"
	case errors.Is(rootOf(err), envparse.ErrEmptyKey):
		return "has no key before ="
	case errors.Is(rootOf(err), envparse.ErrUnmatchedDouble), errors.Is(rootOf(err), envparse.ErrUnmatchedSingle):
		return "opens a quote and does not close it"
	default:
		return "cannot be read; keys are letters, digits and _, and values with spaces, # or backslashes stand in single quotes"
	}
}

// rootOf takes the cause out of the parser's error, which does not unwrap.
func rootOf(err error) error {
	var parse *envparse.ParseError
	if errors.As(err, &parse) {
		return parse.Err
	}
	return err
}

// CheckEnv holds a file against the known keys, and against the rules for
// production where it is one. The problems are in the order of the file; those
// without a line come last.
func CheckEnv(f EnvFile, production bool) []pipeline.ConfigProblem {
	c := envCheck{file: f, production: production}
	seen := map[string]int{}
	for _, e := range f.Entries {
		if first, twice := seen[e.Key]; twice {
			c.add(e.Line, e.Key, true, fmt.Sprintf("is set on line %d already; this line counts", first))
		}
		seen[e.Key] = e.Line
		c.entry(e)
	}
	for _, k := range envKeys {
		_, there := seen[k.Name]
		switch {
		case there || !k.Required:
		case k.Secret:
			c.add(0, k.Name, true, "is missing, "+elsewhere)
		default:
			c.add(0, k.Name, false, fmt.Sprintf("is missing; add %s=… (%s)", k.Name, k.kind.noun))
		}
	}
	slices.SortStableFunc(c.problems, func(a, b pipeline.ConfigProblem) int {
		return cmp.Or(boolOrder(a.Line == 0, b.Line == 0), cmp.Compare(a.Line, b.Line))
	})
	return c.problems
}

// elsewhere is where a secret may be that a file leaves open: GitHub has those
// that were set by themselves, and nobody can read them back into a file.
const elsewhere = "which is right where it was set with gh deployctl secrets; gh deployctl secrets --check tells"

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

type envCheck struct {
	file       EnvFile
	production bool
	problems   []pipeline.ConfigProblem
}

func (c *envCheck) add(line int, key string, warning bool, sentence string) {
	p := pipeline.ConfigProblem{Line: line, Key: key, Sentence: sentence, Warning: warning}
	if line > 0 {
		p.Column = 1
	}
	c.problems = append(c.problems, p)
}

func (c *envCheck) entry(e EnvEntry) {
	k, known := EnvKeyNamed(e.Key)
	switch {
	case !known:
		c.unknown(e)
	case e.Value == "" && k.Required && k.Secret:
		c.add(e.Line, e.Key, true, "is empty, "+elsewhere)
	case e.Value == "" && k.Required:
		c.add(e.Line, e.Key, false, "is empty; write its value ("+k.kind.noun+")")
	case e.Value == "":
	default:
		if err := k.Check(e.Value, c.production); err != nil {
			c.add(e.Line, e.Key, false, err.Error())
		}
	}
}

func (c *envCheck) unknown(e EnvEntry) {
	var names []string
	for _, k := range envKeys {
		if _, used := c.file.Get(k.Name); !used {
			names = append(names, k.Name)
		}
	}
	sentence := "is not known to this program, and is passed on as it is"
	if near := pipeline.Nearest(e.Key, names); near != "" {
		sentence = "is not known; did you mean " + near + "?"
	}
	c.add(e.Line, e.Key, true, sentence)
}

// EnvDifference is one key that two files do not agree on.
type EnvDifference struct {
	Key             string
	Left, Right     string // as they may be shown; of secrets only whether they are the same
	InLeft, InRight bool
}

// DiffEnv compares two files, in the order of the known keys and then of the
// names of others.
func DiffEnv(left, right EnvFile) []EnvDifference {
	var names []string
	for _, k := range envKeys {
		names = append(names, k.Name)
	}
	var others []string
	for _, e := range slices.Concat(left.Entries, right.Entries) {
		if !slices.Contains(names, e.Key) {
			others = append(others, e.Key)
		}
	}
	slices.Sort(others)
	var out []EnvDifference
	for _, name := range append(names, slices.Compact(others)...) {
		l, inLeft := left.Get(name)
		r, inRight := right.Get(name)
		if inLeft == inRight && l.Value == r.Value {
			continue
		}
		d := EnvDifference{Key: name, Left: l.Shown(), Right: r.Shown(), InLeft: inLeft, InRight: inRight}
		out = append(out, d)
	}
	return out
}

// EnvExample is the documented example of an environment's file, with empty
// secrets, which may stay so.
func EnvExample(environment string, production bool) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Settings of the services in %s. Copy this file to %s.env, which git ignores,\n", environment, environment)
	fmt.Fprintf(&b, "# fill it in, and:\n#   gh deployctl env check %s\n#   gh deployctl env push %s\n", environment, environment)
	b.WriteString("# A secret stays empty where it was set with gh deployctl secrets.\n")
	area := ""
	for _, k := range envKeys {
		if k.Area != area {
			area = k.Area
			fmt.Fprintf(&b, "\n# ---- %s ----\n", area)
		}
		facts := []string{k.kind.noun}
		if k.Required {
			facts = append(facts, "required")
		}
		if k.Secret {
			facts = append(facts, "secret")
		}
		fmt.Fprintf(&b, "\n# %s (%s).\n%s=%s\n", k.Doc, strings.Join(facts, "; "), k.Name, k.example(production))
	}
	return []byte(b.String())
}

func (k EnvKey) example(production bool) string {
	switch {
	case len(k.Examples) == 0:
		return ""
	case production:
		return k.Examples[len(k.Examples)-1]
	default:
		return k.Examples[0]
	}
}
