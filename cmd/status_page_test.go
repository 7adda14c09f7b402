package cmd

import (
	"cmp"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const statusPage = "../docs/status.md"

// The page of status --json is generated from the types that are printed, with
// a word on every key: a key without one, and a word without its key, fail here.
func TestStatusPage(t *testing.T) {
	p := statusPrinter{t: t, words: map[string]string{}, seen: map[reflect.Type]bool{}}
	for line := range strings.Lines(statusWords) {
		if key, words, ok := strings.Cut(strings.TrimSpace(line), "|"); ok {
			p.words[strings.TrimSpace(key)] = strings.TrimSpace(words)
		}
	}
	p.b.WriteString("# What `status --json` prints\n\nGenerated from the program by `make golden`. `schema` numbers the format: keys are added without a new number, and never change their meaning under one. " +
		"What is not known is `null`, never a zero; a list without entries is `[]`; a key that says *left out* is not there where it does not apply. Times are RFC 3339, in UTC. " +
		"`gh deployctl services --json` prints a list of the same [environments](#environment), `gh deployctl runs --json` one of [runs](#run).\n\n" +
		"```sh\ngh deployctl status --json | jq -r '.environments[] | [.name, .live.version, .live.verdict] | @tsv'\ngh deployctl status --json | jq -e '[.sources[] | select(.state != \"ok\")] == []'\n```\n")
	p.object(reflect.TypeFor[statusJSON]())
	for key := range p.words {
		t.Errorf("%s is described, and not printed", key)
	}
	if *update {
		if err := os.WriteFile(statusPage, []byte(p.b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(statusPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != p.b.String() {
		t.Error("docs/status.md is not what status --json prints; run make golden")
	}
}

type statusPrinter struct {
	t     *testing.T
	b     strings.Builder
	words map[string]string // of type.key; taken out when it is written
	seen  map[reflect.Type]bool
}

// object writes the keys of a type, and then those of the types in it.
func (p *statusPrinter) object(of reflect.Type) {
	if p.seen[of] {
		return
	}
	p.seen[of] = true
	name := nameOf(of)
	fmt.Fprintf(&p.b, "\n## %s\n\n| key | type | is |\n|---|---|---|\n", name)
	var inner []reflect.Type
	for i := range of.NumField() {
		f := of.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		words, ok := p.words[name+"."+key]
		if !ok {
			p.t.Errorf("%s.%s is printed, and not described", name, key)
		}
		delete(p.words, name+"."+key)
		kind, object := kindOf(f.Type)
		if strings.Contains(options, "omitempty") {
			kind += ", or left out"
		}
		fmt.Fprintf(&p.b, "| `%s` | %s | %s |\n", key, kind, words)
		if object != nil {
			inner = append(inner, object)
		}
	}
	for _, t := range inner {
		p.object(t)
	}
}

// kindOf is how JSON shows a type, and the object in it; nil: none.
func kindOf(t reflect.Type) (string, reflect.Type) {
	switch t {
	case reflect.TypeFor[time.Time]():
		return "time", nil
	case reflect.TypeFor[pipeline.Intent]():
		return "object", nil
	}
	switch t.Kind() { //nolint:exhaustive // the rest is not printed, and has no name below
	case reflect.Pointer:
		kind, object := kindOf(t.Elem())
		return kind + " or null", object
	case reflect.Slice:
		kind, object := kindOf(t.Elem())
		return "list of " + kind, object
	case reflect.Struct:
		return "[" + nameOf(t) + "](#" + strings.ReplaceAll(nameOf(t), " ", "-") + ")", t
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "number", nil
	case reflect.Bool:
		return "true or false", nil
	case reflect.String:
		return "text", nil
	}
	return t.String(), nil
}

// nameOf is a type's name as a heading.
func nameOf(t reflect.Type) string {
	name := strings.ToLower(strings.TrimSuffix(t.Name(), "JSON"))
	return cmp.Or(map[string]string{
		"return": "return path", "ecsrollout": "service deployment", "noreturn": "point of no return", "wayback": "way back", "connect": "service connect", "stopped": "stopped task",
	}[name], name)
}
