package cmd

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is how wide a line of the help may be, in columns.
const helpWidth = 80

// fitHelp makes the help of a command and of those below it fit a terminal of
// helpWidth columns.
func fitHelp(root *cobra.Command) {
	root.SetUsageFunc(printUsage)
	var fit func(c *cobra.Command)
	fit = func(c *cobra.Command) {
		c.Long = reflowed(c.Long)
		for _, sub := range c.Commands() {
			fit(sub)
		}
	}
	fit(root)
}

// printUsage prints what cobra's own usage says, in lines of helpWidth. A
// template of cobra's could do so too, but one that is set links its executor,
// and with it every method of every type: the binary would be 20 MB larger.
func printUsage(c *cobra.Command) error {
	w := c.OutOrStderr()
	fmt.Fprint(w, "Usage:")
	if c.Runnable() {
		fmt.Fprintf(w, "\n  %s", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n  %s [command]", c.CommandPath())
	}
	if c.HasExample() {
		fmt.Fprintf(w, "\n\nExamples:\n%s", c.Example)
	}
	printCommands(w, c)
	for _, part := range []struct {
		title string
		flags *pflag.FlagSet
	}{{"Flags", c.LocalFlags()}, {"Global Flags", c.InheritedFlags()}} {
		if part.flags.HasAvailableFlags() {
			fmt.Fprintf(w, "\n\n%s:\n%s", part.title, strings.TrimRight(part.flags.FlagUsagesWrapped(helpWidth), " \n"))
		}
	}
	printTopics(w, c)
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n\nUse \"%s [command] --help\" for more information about a command.", c.CommandPath())
	}
	fmt.Fprintln(w)
	return nil
}

// printCommands lists the commands below a command.
func printCommands(w io.Writer, c *cobra.Command) {
	if !c.HasAvailableSubCommands() {
		return
	}
	fmt.Fprint(w, "\n\nAvailable Commands:")
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			fmt.Fprintf(w, "\n  %-*s %s", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
}

// printTopics lists the pages of help that belong to no command.
func printTopics(w io.Writer, c *cobra.Command) {
	if !c.HasHelpSubCommands() {
		return
	}
	fmt.Fprint(w, "\n\nAdditional help topics:")
	for _, sub := range c.Commands() {
		if sub.IsAdditionalHelpTopicCommand() {
			fmt.Fprintf(w, "\n  %s   %s", sub.CommandPath(), sub.Short)
		}
	}
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
