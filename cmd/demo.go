package cmd

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
	"github.com/deployctl/gh-deployctl/ui/frame"
)

func newDemo(g *globals) *cobra.Command {
	var f sandboxFlags
	var list, asJSON bool
	var console consoleFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "The console on a simulated GitHub and AWS: no account, no network",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case list:
				return g.printScenarios(asJSON)
			case asJSON:
				return &pipeline.Error{Kind: pipeline.KindUsage, Message: "--json goes with --list"}
			}
			return g.inSandbox(c, f, func() error { return runConsole(c.Context(), g, console) })
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list the scenarios, each with its goal")
	c.Flags().BoolVar(&asJSON, "json", false, "with --list: print JSON")
	f.register(c, "bad-release", 10)
	console.register(c.Flags())
	c.AddCommand(newDemoWatch(g))
	return c
}

// newDemoWatch is the wall on the sandbox.
func newDemoWatch(g *globals) *cobra.Command {
	var f sandboxFlags
	var w watchFlags
	c := &cobra.Command{
		Use:   "watch",
		Short: "The wall on a simulated GitHub and AWS",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.inSandbox(c, f, func() error { return runWatch(c.Context(), g, w) })
		},
	}
	f.register(c, "bad-release", 10)
	w.register(c.Flags())
	return c
}

type scenarioJSON struct {
	Name string `json:"name"`
	What string `json:"what"`
	Goal string `json:"goal"`
}

func (g *globals) printScenarios(asJSON bool) error {
	if asJSON {
		var out []scenarioJSON
		for _, s := range sandbox.Scenarios() {
			out = append(out, scenarioJSON{s.Name, s.Title, s.Goal})
		}
		return printJSON(g.Out, out)
	}
	if width := g.width(); width > 0 {
		return writeGoals(g.Out, width)
	}
	t := newGrid(column{name: "scenario"}, column{name: "what"}, column{name: "goal"})
	for _, s := range sandbox.Scenarios() {
		t.add(s.Name, s.Title, s.Goal)
	}
	return t.print(g.Out, 0)
}

// writeGoals writes what each scenario is and its goal, within a width.
func writeGoals(w io.Writer, width int) error {
	names := 0
	for _, s := range sandbox.Scenarios() {
		names = max(names, len(s.Name))
	}
	for _, s := range sandbox.Scenarios() {
		name, room := s.Name, max(width-names-gap, 20)
		for _, text := range append(frame.Wrap(s.Title, room), frame.Wrap(s.Goal, room)...) {
			if _, err := fmt.Fprintf(w, "%-*s%s%s\n", names, name, strings.Repeat(" ", gap), text); err != nil {
				return err
			}
			name = ""
		}
	}
	return nil
}

// inSandbox serves a world and runs a face in it. The clients find it by the
// same names that any client reads, set for this process; those that could
// lead elsewhere are taken out, and the journal goes to a directory that is
// removed at the end.
func (g *globals) inSandbox(c *cobra.Command, f sandboxFlags, face func() error) error {
	world, err := f.world(c)
	if err != nil {
		return err
	}
	served, err := serve(c.Context(), "127.0.0.1:0", world)
	if err != nil {
		return err
	}
	state, err := os.MkdirTemp("", "gh-deployctl-demo-")
	if err != nil {
		_ = served.close() // the first error counts
		return &pipeline.Error{Kind: pipeline.KindInternal, Op: "make a directory for the demo", Err: err}
	}
	defer func() { _ = os.RemoveAll(state) }() // a leftover in the temporary directory harms nobody
	if err := neutralise(world.Environment(served.address), state); err != nil {
		return err
	}
	g.repository, g.config = "", ""
	err = face()
	if closed := served.close(); err == nil {
		err = closed
	}
	return err
}

// inherited are the variables that could lead a client out of the sandbox.
var inherited = []string{
	"GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy",
	"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "GH_DEBUG", "DEBUG",
}

// neutralise sets this process's environment by the sandbox's own shell lines.
func neutralise(lines []string, state string) error {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "AWS_ENDPOINT_URL") {
			_ = os.Unsetenv(name) // only an empty name is refused
		}
	}
	for _, name := range inherited {
		_ = os.Unsetenv(name) // likewise
	}
	for _, line := range lines {
		if names, ok := strings.CutPrefix(line, "unset "); ok {
			for _, name := range strings.Fields(names) {
				_ = os.Unsetenv(name) // likewise
			}
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok {
			return fmt.Errorf("the sandbox prints a line that is no assignment: %q", line)
		}
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	for name, value := range map[string]string{
		"XDG_STATE_HOME": state, "XDG_CACHE_HOME": state, "GH_CONFIG_DIR": state,
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}
