package environments

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const nullTag = "!!null"

// place is a position in the file, from 1. The zero place is the whole file.
type place struct{ line, column int }

func at(node *yaml.Node) place { return place{line: node.Line, column: node.Column} }

// reader fills the schema's types from YAML nodes. It goes on after a mistake,
// so that one run shows them all, and remembers where each key stood, so that
// the checks across keys can say so too.
type reader struct {
	problems []pipeline.ConfigProblem
	places   map[string]place // dotted key to where its value stands
}

func (r *reader) add(where place, key, sentence string, warning bool) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, pipeline.ConfigProblem{
			Line: where.line, Column: where.column, Key: key, Sentence: sentence, Warning: warning,
		})
	}
}

func (r *reader) mistake(where place, key, sentence string) { r.add(where, key, sentence, false) }

// wrong reports a mistake in the value of a key, or of the nearest section
// around it that is in the file.
func (r *reader) wrong(key, format string, arguments ...any) {
	r.add(r.whereIs(key), key, fmt.Sprintf(format, arguments...), false)
}

// doubtful reports what can be used but hardly is meant.
func (r *reader) doubtful(key, format string, arguments ...any) {
	r.add(r.whereIs(key), key, fmt.Sprintf(format, arguments...), true)
}

func (r *reader) whereIs(key string) place {
	for key != "" {
		if where, ok := r.places[key]; ok {
			return where
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return place{}
}

// has reports whether a key is in the file.
func (r *reader) has(key string) bool {
	_, ok := r.places[key]
	return ok
}

// blamed reports whether a key has been complained about.
func (r *reader) blamed(key string) bool {
	return slices.ContainsFunc(r.problems, func(p pipeline.ConfigProblem) bool { return p.Key == key })
}

// document reads the root of the file.
func (r *reader) document(root *yaml.Node, into *document) {
	if root.Kind != yaml.MappingNode {
		r.mistake(at(root), "", fmt.Sprintf("the file holds %s; it begins with keys, such as version: 1", kindOf(root)))
		return
	}
	r.section(root, reflect.ValueOf(into).Elem(), "")
}

// value reads a node into a field of the schema.
func (r *reader) value(node *yaml.Node, into reflect.Value, key string) {
	r.places[key] = at(node)
	if scalar, ok := into.Addr().Interface().(format); ok {
		r.scalar(node, scalar, key)
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		r.value(node, into.Elem(), key)
	case reflect.Bool:
		r.boolean(node, into, key)
	case reflect.Slice:
		r.list(node, into, key)
	case reflect.Map:
		r.table(node, into, key)
	default:
		r.sectionOrShort(node, into, key)
	}
}

// scalar reads one value in its format.
func (r *reader) scalar(node *yaml.Node, into format, key string) {
	if node.Kind != yaml.ScalarNode {
		r.wrong(key, "is %s; write a single value: %s", kindOf(node), into.noun())
		return
	}
	if node.ShortTag() == nullTag {
		r.wrong(key, "has no value; write one (%s) or remove the key", into.noun())
		return
	}
	if len(node.Value) > longestValue {
		r.wrong(key, "%s", errTooLong)
		return
	}
	if err := into.read(node.Value); err != nil {
		r.wrong(key, "%s", err)
		return
	}
	switch into.(type) {
	case *schemaVersion, *nonNegativePeriod, *positivePeriod, *moment:
		return // these are no text
	}
	switch tag := node.ShortTag(); tag {
	case "!!int", "!!float", "!!bool", "!!timestamp":
		r.wrong(key, "YAML reads %s as %s; write it in quotes: %s", node.Value, tagNouns[tag], strconv.Quote(node.Value))
	}
}

var tagNouns = map[string]string{"!!int": "a number", "!!float": "a number", "!!bool": "true or false", "!!timestamp": "a time"}

func (r *reader) boolean(node *yaml.Node, into reflect.Value, key string) {
	if node.ShortTag() != "!!bool" {
		r.wrong(key, "is %s; write true or false", kindOf(node))
		return
	}
	into.SetBool(strings.EqualFold(node.Value, "true"))
}

func (r *reader) list(node *yaml.Node, into reflect.Value, key string) {
	if node.ShortTag() == nullTag {
		return
	}
	if node.Kind != yaml.SequenceNode {
		r.wrong(key, "is %s; write a list, such as %s", kindOf(node), exampleOf(node))
		return
	}
	most := mostItems
	if into.Type() == reflect.TypeFor[[]stage]() {
		most = mostEnvironments
	}
	if len(node.Content) > most {
		r.wrong(key, "has %d items; at most %d are read", len(node.Content), most)
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(node.Content), len(node.Content)))
	for i, item := range node.Content {
		r.value(item, into.Index(i), fmt.Sprintf("%s[%d]", key, i))
	}
}

// A list of more items is no configuration. The checks between items may take
// the square of their number.
const (
	mostEnvironments = 100
	mostItems        = 2000
)

// exampleOf shows a lone value as a list.
func exampleOf(node *yaml.Node) string {
	if node.Kind == yaml.ScalarNode && len(node.Value) < 40 {
		return "[" + strings.Join(strings.Fields(node.Value), ", ") + "]"
	}
	return "one item a line, each after a hyphen"
}

// table reads a mapping whose keys are the team's own.
func (r *reader) table(node *yaml.Node, into reflect.Value, key string) {
	if node.ShortTag() == nullTag {
		return
	}
	if node.Kind != yaml.MappingNode {
		r.wrong(key, "is %s; write KEY: VALUE lines", kindOf(node))
		return
	}
	into.Set(reflect.MakeMap(into.Type()))
	r.pairs(node, key, func(name, item *yaml.Node, key string) {
		value := reflect.New(into.Type().Elem()).Elem()
		r.value(item, value, key)
		into.SetMapIndex(reflect.ValueOf(name.Value).Convert(into.Type().Key()), value)
	})
}

func (r *reader) sectionOrShort(node *yaml.Node, into reflect.Value, key string) {
	if node.ShortTag() == nullTag {
		r.missing(into.Type(), key)
		return
	}
	if node.Kind == yaml.MappingNode {
		r.section(node, into, key)
		return
	}
	for i, field := range fieldsOf(into.Type()) {
		if field.short && node.Kind == yaml.ScalarNode {
			r.value(node, into.Field(i), key)
			return
		}
	}
	r.wrong(key, "is %s; it holds the keys %s", kindOf(node), strings.Join(keysOf(into.Type()), ", "))
}

// section reads a mapping whose keys are the schema's.
func (r *reader) section(node *yaml.Node, into reflect.Value, key string) {
	fields := fieldsOf(into.Type())
	r.pairs(node, key, func(name, item *yaml.Node, key string) {
		for i, field := range fields {
			if field.key == name.Value {
				r.value(item, into.Field(i), key)
				return
			}
		}
		r.mistake(at(name), key, unknownKey(name.Value, keysOf(into.Type())))
	})
	r.missing(into.Type(), key)
}

// missing reports the required keys of a section that are not in the file.
func (r *reader) missing(section reflect.Type, key string) {
	for _, field := range fieldsOf(section) {
		if child := join(key, field.key); field.required && !r.has(child) {
			r.wrong(child, "is missing; write %s", field.example())
		}
	}
}

func unknownKey(name string, known []string) string {
	name = shorten(name)
	if near := pipeline.Nearest(name, known); near != "" {
		return fmt.Sprintf("the key %q is unknown; did you mean %s?", name, near)
	}
	return fmt.Sprintf("the key %q is unknown; known here are %s", name, strings.Join(known, ", "))
}

// pairs visits the keys of a mapping once each, and reports the ones that are
// there twice or are no text.
func (r *reader) pairs(node *yaml.Node, key string, visit func(name, value *yaml.Node, key string)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content) && len(r.problems) < maxProblems; i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		if name.Kind != yaml.ScalarNode || name.ShortTag() == nullTag || strings.TrimSpace(name.Value) == "" {
			r.mistake(at(name), key, "a key must be a word; look for a stray bracket, colon or hyphen")
			continue
		}
		child := join(key, printable(shorten(name.Value)))
		if line, twice := seen[name.Value]; twice {
			r.mistake(at(name), child, fmt.Sprintf("the key %q stands already on line %d; keep one of them", shorten(name.Value), line))
			continue
		}
		seen[name.Value] = name.Line
		visit(name, value, child)
	}
}

// join makes a dotted key.
func join(section, key string) string {
	if section == "" {
		return key
	}
	return section + "." + key
}

// printable returns text that is safe on a terminal: quoted where it is not.
func printable(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// kindOf says what a node is, for "is X; write Y".
func kindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a section of keys"
	case yaml.SequenceNode:
		return "a list"
	default:
		if node.ShortTag() == nullTag {
			return "empty"
		}
		return fmt.Sprintf("the value %q", shorten(node.Value))
	}
}

// shorten keeps a quoted value on a line of a terminal.
func shorten(value string) string {
	const most = 60
	if runes := []rune(value); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return value
}
