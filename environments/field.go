package environments

import (
	"reflect"
	"strings"
)

// field is one key of a section, as its struct tags say.
type field struct {
	key, doc, fallback             string
	required, short, inline, shown bool
	of                             reflect.Type
}

// fieldsOf returns the keys of a section in the order of its type.
func fieldsOf(section reflect.Type) []field {
	fields := make([]field, section.NumField())
	for i := range fields {
		f := section.Field(i)
		fields[i] = field{
			key:      f.Tag.Get("yaml"),
			doc:      f.Tag.Get("doc"),
			fallback: f.Tag.Get("default"),
			required: f.Tag.Get("required") == "true",
			short:    f.Tag.Get("short") == "true",
			inline:   f.Tag.Get("inline") == "true",
			shown:    f.Tag.Get("shown") == "true",
			of:       f.Type,
		}
	}
	return fields
}

func keysOf(section reflect.Type) []string {
	var keys []string
	for _, field := range fieldsOf(section) {
		keys = append(keys, field.key)
	}
	return keys
}

// noun names what a key takes, for the reference and for errors.
func (f field) noun() string { return nounOf(f.of) }

func nounOf(of reflect.Type) string {
	if scalar, ok := reflect.New(of).Interface().(format); ok {
		return scalar.noun()
	}
	switch of.Kind() {
	case reflect.Pointer:
		return nounOf(of.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "list: " + nounOf(of.Elem())
	case reflect.Map:
		return nounOf(of.Key()) + ": " + nounOf(of.Elem()) + " lines"
	default:
		for _, field := range fieldsOf(of) {
			if field.short {
				return field.noun() + " or section"
			}
		}
		return "section"
	}
}

// example shows how a missing key is written.
func (f field) example() string {
	switch {
	case f.key == "version":
		return "version: 1"
	case f.of.Kind() == reflect.Slice:
		return f.key + ": and below it one item after a hyphen each"
	default:
		return f.key + ": " + strings.ToUpper(f.key)
	}
}
