// Package cmd is the command line of gh deployctl. It alone knows every other
// package: it wires adapters, engine and faces together, one file a command.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Main runs the program with its arguments and returns the exit code.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, args, Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run runs one command line. Errors are told on Err as one sentence; the exit
// code is the one that [pipeline.ExitCode] gives.
func Run(ctx context.Context, args []string, io Streams) int {
	root := newRoot(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return pipeline.ExitDone
	}
	var code exitError
	if errors.As(err, &code) {
		return code.code
	}
	fmt.Fprintln(io.Err, "gh deployctl: "+sentence(err))
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return 130
	}
	return pipeline.ExitCode(err)
}

// exitError ends the program with a code after everything was said.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// sentence is an error as one line.
func sentence(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

// Version is the program's version, as the build recorded it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "dev"
	}
	return info.Main.Version
}

// globals are the flags that every command has.
type globals struct {
	Streams
	repository   string
	config       string
	noColor      bool
	highContrast bool
	utc          bool
	logFile      string
}

func newRoot(io Streams) *cobra.Command {
	g := &globals{Streams: io}
	var console consoleFlags
	root := &cobra.Command{
		Use: "deployctl",
		// gh calls it gh-deployctl; who uses it types gh deployctl.
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "gh deployctl"},
		Short:       "The release console for GitHub Actions and Amazon ECS",
		Long: "gh deployctl shows CI runs, ECS services and CloudWatch logs side by side, joined on the\n" +
			"release, and takes a release to production: trigger, approve, watch it roll, roll it back.\n\n" +
			"Without a command it opens the console.\n\n" +
			"Try it without an account: gh deployctl demo",
		Version:       Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return runConsole(c.Context(), g, console)
		},
	}
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	root.SetIn(io.In)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		var invalid *pflag.InvalidValueError
		if errors.As(err, &invalid) {
			return usage(c, fmt.Sprintf("%q is no value for --%s", invalid.GetValue(), invalid.GetFlag().Name))
		}
		return unknownFlag(c, err)
	})
	f := root.PersistentFlags()
	f.StringVarP(&g.repository, "repo", "R", "", "repository, as [HOST/]OWNER/REPO (default: of the current directory, or GH_REPO)")
	offer(root, "repo", g.completeRepositories)
	f.StringVar(&g.config, "config", "", "configuration file (default: .github/deployctl.yml of the default branch)")
	f.BoolVar(&g.noColor, "no-color", false, "no colours (also: NO_COLOR)")
	f.BoolVar(&g.highContrast, "high-contrast", false, "the terminal's own bright colours (also: GH_ACCESSIBLE_COLORS)")
	f.BoolVar(&g.utc, "utc", false, "times in UTC instead of local time")
	f.StringVar(&g.logFile, "log-file", "", "write a log of this program to `FILE`")
	console.register(root.Flags())
	root.AddCommand(
		newWatch(g), newStatus(g), newRuns(g), newServices(g), newLogs(g), newTrigger(g),
		newReview(g, true), newReview(g, false), newRollback(g), newRerun(g), newCancel(g),
		newDemo(g), newSandbox(g), newAudit(g), newMetrics(g), newLock(g), newUnlock(g), newStop(g), newContinue(g),
		newInit(g), newEnv(g), newSecrets(g), newDoctor(g), newVerify(g), newChanges(g), newStep(g),
		newVariablesTopic(),
	)
	g.offerNames(root)
	fitHelp(root)
	return root
}

// usage is an error in how a command was called.
func usage(c *cobra.Command, message string) error {
	return &pipeline.Error{Kind: pipeline.KindUsage, Message: message, Hint: "see " + c.CommandPath() + " --help"}
}

// unknownFlag is the error for a flag that a command does not have.
func unknownFlag(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedName() == "" {
		return usage(c, err.Error())
	}
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if near := pipeline.Nearest(unknown.GetSpecifiedName(), known); near != "" {
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: err.Error(), Hint: "did you mean --" + near + "?"}
	}
	return usage(c, err.Error())
}

// unknownCommand is the error for a command that another does not have.
func unknownCommand(c *cobra.Command, name string) error {
	var known []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			known = append(known, sub.Name())
		}
	}
	message := fmt.Sprintf("there is no command %q", name)
	if c.HasParent() {
		message = fmt.Sprintf("%s has no command %q", c.Name(), name)
	}
	if near := pipeline.Nearest(name, known); near != "" {
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: message, Hint: "did you mean " + c.CommandPath() + " " + near + "?"}
	}
	return usage(c, message)
}

// noArguments refuses arguments; for a command with commands below it, it names
// the unknown one.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasAvailableSubCommands() {
		return unknownCommand(c, args[0])
	}
	return usage(c, fmt.Sprintf("%s takes no argument, and got %q", c.Name(), args[0]))
}

// oneArgument asks for exactly one argument, which it names.
func oneArgument(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage(c, fmt.Sprintf("%s takes one argument, %s", c.Name(), name))
		}
		return nil
	}
}

// atMost asks for no more arguments than a number, and says which they are.
func atMost(most int, names string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > most {
			return usage(c, fmt.Sprintf("%s takes %s at most, and got %q too", c.Name(), names, args[most]))
		}
		return nil
	}
}
