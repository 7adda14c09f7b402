// Package environments reads, writes and infers the team's configuration.
//
// Parse turns .github/deployctl.yml into a pipeline.Configuration, or into a
// list of mistakes with their places. Marshal writes a configuration as a
// commented file that Parse reads back to the same. Infer makes a configuration
// from what GitHub and AWS show, for a repository that has no file.
package environments

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Path is where the configuration lies in a repository.
const Path = ".github/deployctl.yml"

// MaxSize is the size of the largest file that is read, in bytes.
const MaxSize = 1 << 20

// maxProblems is how many mistakes are reported at once. Whoever has more has
// handed in something else than a configuration.
const maxProblems = 100

// InvalidError says that a configuration file cannot be used.
type InvalidError struct {
	Name     string                   // the file, as it was given to Parse
	Problems []pipeline.ConfigProblem // the mistakes in the order of the file; no warnings, never empty
}

// Error names the first mistake and counts the others.
func (e *InvalidError) Error() string {
	sentence := Describe(e.Name, e.Problems[0])
	switch more := len(e.Problems) - 1; more {
	case 0:
		return sentence
	case 1:
		return sentence + " (and 1 more mistake)"
	default:
		return fmt.Sprintf("%s (and %d more mistakes)", sentence, more)
	}
}

// Describe renders a problem of the named file on one line, as compilers do:
// "deployctl.yml:12:5: environments[1].soak: …". What has no place or key is
// left out.
func Describe(file string, problem pipeline.ConfigProblem) string {
	var line strings.Builder
	line.WriteString(file)
	if problem.Line > 0 {
		fmt.Fprintf(&line, ":%d:%d", problem.Line, problem.Column)
	}
	line.WriteString(": ")
	if problem.Warning {
		line.WriteString("warning: ")
	}
	if problem.Key != "" {
		line.WriteString(problem.Key + ": ")
	}
	line.WriteString(problem.Sentence)
	return line.String()
}

// Parse reads a configuration file; name is how the file is called in errors
// and in Origin. The error is an *InvalidError that holds every mistake. The
// configuration is filled as far as the file could be understood, also beside
// an error, and its Problems hold the mistakes and the warnings.
func Parse(name string, content []byte) (pipeline.Configuration, error) {
	r := reader{places: map[string]place{}}
	configuration := pipeline.Configuration{Origin: name}
	if root := r.load(content); root != nil && r.isPlain(root) {
		var file document
		r.document(root, &file)
		configuration = r.resolve(file)
		configuration.Origin = name
	}
	slices.SortStableFunc(r.problems, func(a, b pipeline.ConfigProblem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	configuration.Problems = r.problems
	mistakes := slices.DeleteFunc(slices.Clone(r.problems), func(p pipeline.ConfigProblem) bool { return p.Warning })
	if len(mistakes) > 0 {
		return configuration, &InvalidError{Name: name, Problems: mistakes}
	}
	return configuration, nil
}

// load returns the root of the file's one YAML document, or nil after it has
// reported why there is none.
func (r *reader) load(content []byte) *yaml.Node {
	if len(content) > MaxSize {
		r.mistake(place{}, "", "the file is larger than 1 MB; a configuration is a few hundred lines")
		return nil
	}
	if !r.isText(content) {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var first, second yaml.Node
	if err := decoder.Decode(&first); err != nil && !errors.Is(err, io.EOF) {
		r.syntax(content, err)
		return nil
	}
	if first.Kind == 0 || len(first.Content) == 0 || first.Content[0].ShortTag() == nullTag {
		r.mistake(place{}, "", "the file is empty; gh deployctl init writes one to begin with")
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.mistake(at(&second), "", "a second YAML document begins here; put everything into one and remove the line ---")
		return nil
	case !errors.Is(err, io.EOF):
		r.syntax(content, err)
		return nil
	}
	return first.Content[0]
}

// isText reports whether the content is text, and complains about the first
// byte that is none. The YAML library would not say where it is.
func (r *reader) isText(content []byte) bool {
	where := place{line: 1, column: 1}
	for rest := content; len(rest) > 0; {
		char, size := utf8.DecodeRune(rest)
		switch {
		case char == utf8.RuneError && size == 1:
			r.mistake(where, "", "the file is not UTF-8 text from here on; save it as UTF-8")
			return false
		case char < ' ' && char != '\n' && char != '\r' && char != '\t' || char == 0x7f:
			r.mistake(where, "", fmt.Sprintf("the control character %U does not belong into a text file; remove it", char))
			return false
		}
		where.column++
		if char == '\n' {
			where = place{line: where.line + 1, column: 1}
		}
		rest = rest[size:]
	}
	return true
}

// isPlain refuses aliases, anchors, merge keys and tags wherever they are. A
// configuration needs none, and a small file of aliases can stand for gigabytes.
func (r *reader) isPlain(node *yaml.Node) bool {
	switch {
	case node.Kind == yaml.AliasNode:
		r.mistake(at(node), "", fmt.Sprintf("the alias %q is not allowed here; write the value out", node.Value))
		return false
	case node.Anchor != "":
		r.mistake(at(node), "", fmt.Sprintf("the anchor %q is not allowed here; write the value out where it is needed", node.Anchor))
		return false
	case node.ShortTag() == "!!merge":
		r.mistake(at(node), "", "the merge key << is not allowed here; write the keys out")
		return false
	case node.Style&yaml.TaggedStyle != 0:
		r.mistake(at(node), "", fmt.Sprintf("the tag %q is not allowed here; remove it", node.Tag))
		return false
	}
	for _, child := range node.Content {
		if !r.isPlain(child) {
			return false
		}
	}
	return true
}

// syntax reports content that is no YAML.
func (r *reader) syntax(content []byte, err error) {
	message := err.Error()
	if syntax := new(yaml.ParserError); errors.As(err, &syntax) {
		message = syntax.Message
	}
	number, line := firstBadLine(content)
	indentation := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if strings.Contains(indentation, "\t") {
		r.mistake(place{line: number, column: 1 + strings.IndexByte(indentation, '\t')}, "", "the line is indented with a tab; YAML wants spaces")
		return
	}
	r.mistake(place{line: number, column: 1 + len(indentation)}, "", fmt.Sprintf(
		"this is no valid YAML from here on: %s; look for a missing quote, bracket or colon, or a wrong indentation", message))
}

// firstBadLine returns the line behind the longest beginning of the content
// that is valid YAML. The YAML library's own line is that of the construct
// around the fault, which may begin a page above it. Of a file that is larger
// than anybody writes, only the last lines are searched.
func firstBadLine(content []byte) (number int, line string) {
	const budget = 16 << 20 // bytes to parse
	most := budget / len(content)
	lines := strings.SplitAfter(string(content), "\n")
	number = len(lines)
	for number > 1 && number > len(lines)-most && !isYAML(strings.Join(lines[:number-1], "")) {
		number--
	}
	return number, lines[number-1]
}

func isYAML(content string) bool {
	decoder := yaml.NewDecoder(strings.NewReader(content))
	for {
		switch err := decoder.Decode(new(yaml.Node)); {
		case errors.Is(err, io.EOF):
			return true
		case err != nil:
			return false
		}
	}
}
