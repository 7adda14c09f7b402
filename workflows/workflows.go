// Package workflows holds the delivery system's four GitHub Actions workflows
// as templates, and renders them for a repository.
//
// The templates carry the safety rules of the system: one job names the gate
// environment, every job with credentials names the one without reviewers,
// permissions are per job, actions are pinned by commit, and a rollback waits
// for no deployment. The tests of this package hold them to that.
package workflows

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed templates
var files embed.FS

// TemplateVersion counts the changes to the templates that a repository should
// take over. Every rendered file says in its first line which one it is of. A
// test keeps a record of what each version renders, so that none changes unseen.
const TemplateVersion = 3

// Directory is where workflows lie in a repository.
const Directory = ".github/workflows"

// The names of the files, in the order in which a commit meets them.
const (
	CI         = "ci.yml"
	Staging    = "cd-staging.yml"
	Production = "cd-production.yml"
	Rollback   = "rollback.yml"
)

// Names lists the files that Render makes.
func Names() []string { return []string{CI, Staging, Production, Rollback} }

// File is one rendered workflow.
type File struct {
	Name    string // below Directory
	Content []byte
}

// ApplicationSecrets are the secrets that the services' containers are given:
// the deployment job hands them to step deploy.
func ApplicationSecrets() []string {
	return []string{
		"DB_NAME", "DB_USER", "DB_PASSWORD", "DJANGO_SECRET_KEY", "JWT_SECRET_KEY", "SENTRY_DSN",
	}
}

// Render makes the four workflows for a system. The error names what of the
// system a workflow cannot hold.
func Render(s System) ([]File, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	set, err := parseTemplates(files, "templates", map[string]function{
		"action":  text(pinned),
		"head":    func(...any) (any, error) { return head(), nil },
		"list":    func(parts ...any) (any, error) { return list(parts...) },
		"q":       text(quoted),
		"secrets": func(...any) (any, error) { return ApplicationSecrets(), nil },
	})
	if err != nil {
		return nil, fmt.Errorf("read the workflow templates: %w", err)
	}
	var out []File
	for _, name := range Names() {
		var b strings.Builder
		if err := set.execute(&b, name, s.values()); err != nil {
			return nil, fmt.Errorf("render %s: %w", name, err)
		}
		out = append(out, File{Name: name, Content: tidy([]byte(b.String()))})
	}
	return out, nil
}

// text makes a template's function of one that takes a text.
func text(f func(string) (string, error)) function {
	return func(arguments ...any) (any, error) {
		if len(arguments) != 1 {
			return nil, fmt.Errorf("%d arguments in the place of one", len(arguments))
		}
		argument, ok := arguments[0].(string)
		if !ok {
			return nil, fmt.Errorf("%v is no text", arguments[0])
		}
		return f(argument)
	}
}

var emptyLines = regexp.MustCompile(`\n{3,}`)

// tidy leaves one empty line where parts that are not needed left several.
func tidy(b []byte) []byte {
	b = emptyLines.ReplaceAll(b, []byte("\n\n"))
	return append(bytes.TrimSpace(b), '\n')
}

const marker = "# gh deployctl init wrote this file, from its templates of version "

func head() string { return marker + strconv.Itoa(TemplateVersion) + "." }

// VersionOf is the template version that a workflow file was rendered from; 0
// where it was not written by this program.
func VersionOf(content []byte) int {
	line, _, _ := strings.Cut(string(content), "\n")
	number, ok := strings.CutPrefix(strings.TrimSuffix(strings.TrimSpace(line), "."), marker)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return n
}

// quoted is a YAML scalar that reads back as exactly this text. JSON strings
// are such scalars.
func quoted(text string) (string, error) {
	b, err := json.Marshal(text)
	return string(b), err
}

// list renders texts and lists of texts as the items of a YAML flow sequence,
// each once.
func list(parts ...any) (string, error) {
	var texts, items []string
	for _, p := range parts {
		switch v := p.(type) {
		case string:
			texts = append(texts, v)
		case []string:
			texts = append(texts, v...)
		default:
			return "", fmt.Errorf("a list cannot hold a %T", p)
		}
	}
	for _, text := range texts {
		item, err := quoted(text)
		if err != nil {
			return "", err
		}
		if text != "" && !slices.Contains(items, item) {
			items = append(items, item)
		}
	}
	return strings.Join(items, ", "), nil
}
