package environments

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The page in docs/ is what the code generates: update it with -update.
func TestReferencePage(t *testing.T) {
	const page = "../docs/configuration.md"
	generated := Reference()
	if update := flag.Lookup("update"); update != nil && update.Value.String() == "true" {
		if err := os.MkdirAll("../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, []byte(generated), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != generated {
		t.Errorf("%s is not what the schema says; run make golden", page)
	}
}

// Every key has what the page and a written file need: a description that is a
// sentence, and a default unless it is required or a section.
func TestSchemaIsDocumented(t *testing.T) {
	keys := 0
	var check func(section reflect.Type, path string)
	check = func(section reflect.Type, path string) {
		for _, f := range fieldsOf(section) {
			keys++
			key := join(path, f.key)
			if f.key == "" || !strings.HasSuffix(f.doc, ".") {
				t.Errorf("%s: the description %q is no sentence", key, f.doc)
			}
			of := f.of
			for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
				of = of.Elem()
			}
			_, scalar := reflect.New(of).Interface().(format)
			if scalar && !f.required && f.fallback == "" {
				t.Errorf("%s has no default", key)
			}
			if !scalar && of.Kind() == reflect.Struct {
				check(of, key)
			}
		}
	}
	check(reflect.TypeFor[document](), "")
	if keys < 40 {
		t.Errorf("only %d keys were found", keys)
	}
}

// The file that the page shows is a good one.
func TestExampleIsValid(t *testing.T) {
	c, err := Parse("example", []byte(example))
	if err != nil || len(c.Problems) > 0 {
		t.Error(err, c.Problems)
	}
}
