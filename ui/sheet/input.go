package sheet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// value is one workflow_dispatch input while it is filled in.
type value struct {
	input pipeline.Input
	text  *field // string, number, and an environment of which none is known
	pick  string // choice, environment
	on    bool   // boolean
}

// newValue is an input at its default.
func newValue(in pipeline.Input) *value {
	v := &value{input: in}
	switch {
	case in.Type == pipeline.InputBoolean:
		v.on = in.Default == "true"
	case v.picks():
		v.pick = in.Default
		if !slices.Contains(v.options(), v.pick) {
			v.pick = v.options()[0]
		}
	default:
		v.text = newField()
		v.text.set(in.Default)
	}
	return v
}

// picks reports whether the value is one of a list.
func (v *value) picks() bool {
	return (v.input.Type == pipeline.InputChoice || v.input.Type == pipeline.InputEnvironment) && len(v.input.Options) > 0
}

// options are what can be picked. An input that nobody has to give, and that
// has no default, can also be left out.
func (v *value) options() []string {
	if v.input.Required || v.input.Default != "" {
		return v.input.Options
	}
	return append([]string{""}, v.input.Options...)
}

// cycle picks the n-th option after the present one.
func (v *value) cycle(n int) {
	all := v.options()
	v.pick = all[((slices.Index(all, v.pick)+n)%len(all)+len(all))%len(all)]
}

// String is the value as it is sent.
func (v *value) String() string {
	switch {
	case v.input.Type == pipeline.InputBoolean:
		return strconv.FormatBool(v.on)
	case v.picks():
		return v.pick
	}
	return v.text.text()
}

// sent reports whether the value is part of the request. What is empty and was
// so by default is left out.
func (v *value) sent() bool { return v.String() != "" || v.input.Default != "" }

// problem says why the value cannot be sent; empty: it can.
func (v *value) problem() string {
	s := v.String()
	switch {
	case s == "" && v.input.Required:
		return "required"
	case s == "":
		return ""
	case v.input.Type == pipeline.InputNumber:
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			return "not a number"
		}
	case v.picks() && !slices.Contains(v.input.Options, s):
		return "not one of the options"
	}
	return ""
}

// keep takes over what an earlier form of the same input held, where the input
// is still of the same type and the value still possible.
func (v *value) keep(old *value) {
	if old == nil || old.input.Type != v.input.Type {
		return
	}
	if old.String() == old.input.Default {
		return // was never touched: the new default counts
	}
	v.take(old.String())
}

// take sets the value from how it is sent, where that is possible, and reports
// whether it is another than the default now.
func (v *value) take(s string) bool {
	switch {
	case v.input.Type == pipeline.InputBoolean:
		v.on = s == "true"
	case v.picks():
		if slices.Contains(v.options(), s) {
			v.pick = s
		}
	default:
		v.text.set(s)
	}
	return v.String() != newValue(v.input).String()
}

// dispatchCommand is the gh command that starts a workflow in the same way.
func dispatchCommand(repository, file, ref string, values []*value) string {
	var b strings.Builder
	fmt.Fprintf(&b, "gh workflow run %s", quote(file))
	if repository != "" {
		fmt.Fprintf(&b, " -R %s", quote(repository))
	}
	if ref != "" {
		fmt.Fprintf(&b, " --ref %s", quote(ref))
	}
	for _, v := range values {
		if v.sent() {
			fmt.Fprintf(&b, " -f %s", quote(v.input.Name+"="+v.String()))
		}
	}
	return b.String()
}

// quote makes a word safe for a POSIX shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@,+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
