package cmd

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// helpWidth is how wide a line of the help may be, in columns.
const helpWidth = 80

// fitHelp makes the help of a command and of those below it fit a terminal of
// helpWidth columns.
func fitHelp(root *cobra.Command) {
	wide := strconv.Itoa(helpWidth)
	root.SetUsageTemplate(strings.NewReplacer(
		".FlagUsages |", ".FlagUsagesWrapped "+wide+" |",
		"{{rpad .CommandPath .CommandPathPadding}}", "{{.CommandPath}}  ",
	).Replace(root.UsageTemplate()))
	var fit func(c *cobra.Command)
	fit = func(c *cobra.Command) {
		c.Long = reflowed(c.Long)
		for _, sub := range c.Commands() {
			fit(sub)
		}
	}
	fit(root)
}

// reflowed breaks the paragraphs of a text anew. One with a line that begins
// with a space stays as it is.
func reflowed(text string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if !strings.Contains("\n"+p, "\n ") {
			paragraphs[i] = strings.TrimSuffix(wrapped("", p), "\n")
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// wrapped is a text in lines that begin with an indent.
func wrapped(indent, text string) string {
	var b strings.Builder
	line := indent
	for word := range strings.FieldsSeq(text) {
		if line != indent && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > helpWidth {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}
