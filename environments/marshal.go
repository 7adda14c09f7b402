package environments

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Marshal writes a configuration as a commented file that Parse reads back to
// the same. Origin and Problems are not part of a file; Notes become comments
// at its head. The error says which value a file cannot hold, as Parse would.
func Marshal(configuration pipeline.Configuration) ([]byte, error) {
	e := encoder{explained: map[string]bool{}}
	root := e.section(reflect.ValueOf(unresolve(configuration)), 0)
	var body bytes.Buffer
	encoder := yaml.NewEncoder(&body)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(root), encoder.Close()); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	content := append([]byte(headComment(configuration)), spaced(body.Bytes())...)
	if _, err := Parse("the configuration", content); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return content, nil
}

// headComment introduces the file, and says how its values were guessed.
func headComment(c pipeline.Configuration) string {
	var head strings.Builder
	head.WriteString("# How this team ships, for gh deployctl. It is read from the default branch.\n")
	if len(c.Notes) > 0 {
		head.WriteString("#\n# These values were inferred; correct what is wrong and remove this list:\n")
	}
	for _, note := range c.Notes {
		head.WriteString("# - " + strings.Join(wrap(printable(note), 76), "\n#   ") + "\n")
	}
	return head.String()
}

// spaced puts an empty line before each commented key of the first level.
func spaced(body []byte) []byte {
	var out []byte
	inComment := false
	for line := range bytes.Lines(body) {
		comment := line[0] == '#'
		if comment && !inComment {
			out = append(out, '\n')
		}
		inComment = comment
		out = append(out, line...)
	}
	return out
}

// encoder turns the schema's types into YAML nodes.
type encoder struct {
	explained map[string]bool // keys whose comment has been written, by type and key
}

// section writes the keys of a section that have a value, each explained the
// first time that it comes.
func (e encoder) section(v reflect.Value, depth int) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for i, field := range fieldsOf(v.Type()) {
		value := v.Field(i)
		if isEmpty(value) && !field.shown {
			continue
		}
		key := textNode(field.key)
		if id := v.Type().Name() + "." + field.key; !e.explained[id] {
			e.explained[id] = true
			key.HeadComment = "# " + strings.Join(wrap(field.doc, 76-2*depth), "\n# ")
		}
		encoded := e.value(value, depth+1)
		if field.inline {
			flow(encoded)
		}
		node.Content = append(node.Content, key, encoded)
	}
	return node
}

func isEmpty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		return v.Len() == 0
	}
	return v.IsZero()
}

func (e encoder) value(v reflect.Value, depth int) *yaml.Node {
	switch scalar := v.Interface().(type) {
	case nonNegativePeriod, positivePeriod:
		return textNode(periodText(v.Int()))
	case moment:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!timestamp", Value: scalar.text()}
	}
	switch v.Kind() {
	case reflect.Pointer:
		return e.value(v.Elem(), depth)
	case reflect.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(v.Bool())}
	case reflect.Int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprint(v.Int())}
	case reflect.Slice:
		return e.list(v, depth)
	case reflect.Map:
		return e.table(v, depth)
	case reflect.Struct:
		if short, ok := shortForm(v); ok {
			return e.value(short, depth)
		}
		return e.section(v, depth)
	default:
		return textNode(v.String())
	}
}

// shortForm returns the one value that stands for a whole section, where that
// is all it holds.
func shortForm(v reflect.Value) (reflect.Value, bool) {
	var short reflect.Value
	for i, field := range fieldsOf(v.Type()) {
		switch {
		case field.short:
			short = v.Field(i)
		case !isEmpty(v.Field(i)):
			return reflect.Value{}, false
		}
	}
	return short, short.IsValid()
}

// list writes plain values on one line and sections below each other.
func (e encoder) list(v reflect.Value, depth int) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for i := range v.Len() {
		item := e.value(v.Index(i), depth+1)
		if item.Kind != yaml.ScalarNode {
			node.Style = 0
			item.Content[0].HeadComment = "" // it would stand between the hyphen and the key
		}
		node.Content = append(node.Content, item)
	}
	return node
}

func (e encoder) table(v reflect.Value, depth int) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, key := range sortedKeys(v) {
		node.Content = append(node.Content, textNode(key.String()), e.value(v.MapIndex(key), depth+1))
	}
	return node
}

// flow puts a section on one line, where comments have no place.
func flow(node *yaml.Node) {
	node.Style, node.HeadComment = yaml.FlowStyle, ""
	for _, child := range node.Content {
		if child.Kind == yaml.ScalarNode {
			child.HeadComment = ""
			continue
		}
		flow(child)
	}
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// wrap breaks a text at spaces into lines of at most width letters, where the
// words allow it.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
