package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/journal"
)

type exportFlags struct {
	markdown    bool
	since       string
	until       string
	environment string
}

func newAuditExport(g *globals) *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export --markdown",
		Short: "An incident's time line: what people did, and what was observed",
		Long: "export writes a time line of one environment as Markdown: the commands of the journal, GitHub's runs,\n" +
			"approvals and deployments, what ECS did to each service, and the newest change of each alarm.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if !f.markdown {
				return usage(c, "export needs a format: --markdown")
			}
			now := time.Now()
			since, err := parseSince(f.since, now)
			if err != nil {
				return usage(c, err.Error())
			}
			until := now
			if f.until != "" {
				if until, err = parseSince(f.until, now); err != nil {
					return usage(c, strings.Replace(err.Error(), "--since", "--until", 1))
				}
			}
			if !since.Before(until) {
				return usage(c, "--since is not before --until")
			}
			return g.export(c.Context(), f.environment, since, until)
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.markdown, "markdown", false, "write Markdown (required)")
	fl.StringVar(&f.since, "since", "24h", "how far back: a span (2h, 3d) or a time (2026-11-01T00:00:00Z)")
	fl.StringVar(&f.until, "until", "", "until when, likewise (default: now)")
	fl.StringVarP(&f.environment, "environment", "e", "", "the environment (default: as configured, else production)")
	return c
}

// ecsDeploymentsRead is how many of each service's newest rollouts are told.
const ecsDeploymentsRead = 20

func (g *globals) export(ctx context.Context, environment string, since, until time.Time) error {
	s, snap, err := g.snapshot(ctx, sessionOptions{mode: pipeline.ModeReadOnly, noLogs: true})
	if err != nil {
		return err
	}
	defer s.Close()
	if environment == "" {
		environment = snap.Focus.Environment
	}
	env := snap.Environment(environment)
	if env == nil {
		return pipeline.NoSuch("environment", environment, snap.Config.EnvironmentNames())
	}
	path, err := g.journalPath()
	if err != nil {
		return err
	}
	entries, err := g.journalEntries()
	line := timeLine{repository: snap.Repository.FullName(), environment: environment, since: since, until: until}
	line.missing("the journal", err)
	report, err := journal.Verify(path)
	line.missing("the journal's chain", err)
	line.head = report.Head.Short()
	events, err := s.recorded(ctx, since, time.Now())
	line.missing("GitHub's record", err)
	for _, v := range env.Services {
		list, err := s.cloud.ServiceDeployments(ctx, v.Cluster, firstNamed(v.ARN, v.Key.Service), ecsDeploymentsRead)
		line.missing("what ECS did to "+v.Key.Service, err)
		events = append(events, pipeline.ServiceEvents(v.Key, list)...)
		line.missing("the alarms of "+v.Key.Service, v.Alarms.Err)
	}
	events = append(events, pipeline.Observed(snap, environment)...)
	for _, src := range snap.Sources {
		line.missing(src.Name, src.Err)
	}
	line.records = slices.DeleteFunc(merged(recordsOf(entries), events), func(r record) bool {
		return r.At.Before(since) || r.At.After(until) || r.Environment != environment && (r.Environment != "" || r.entry == nil)
	})
	line.write(g.Out)
	return nil
}

func firstNamed(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

// timeLine is an incident's time line.
type timeLine struct {
	repository, environment string
	since, until            time.Time
	head                    string // of the journal
	records                 []record
	unread                  []string
}

// missing notes what could not be read.
func (l *timeLine) missing(what string, err error) {
	if err != nil {
		l.unread = append(l.unread, what+": "+sentence(err))
	}
}

// write writes the time line. Times are in UTC, because who reads it may be
// anywhere.
func (l *timeLine) write(w io.Writer) {
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
	fmt.Fprintf(w, "# Time line of %s, %s\n\n", markdown(l.environment), markdown(l.repository))
	fmt.Fprintf(w, "%s to %s UTC, %s.", stamp(l.since), stamp(l.until), counted(len(l.records), "event"))
	if l.head != "" {
		fmt.Fprintf(w, " Head of the journal: `%s`.", l.head)
	}
	fmt.Fprint(w, "\n\n| when (UTC) | who | source | what |\n|---|---|---|---|\n")
	for _, r := range l.records {
		at := stamp(r.At)
		if r.By {
			at = "≤ " + at
		}
		what := "**" + markdown(strings.TrimSpace(r.Kind+" "+strings.TrimPrefix(r.Subject, r.Kind+" "))) + "**"
		if r.Sentence != "" {
			what += ": " + markdown(r.Sentence)
		}
		if strings.HasPrefix(r.URL, "http") {
			what += " ([open](" + strings.NewReplacer(")", "%29", " ", "%20", "|", "%7C").Replace(r.URL) + "))"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", at, markdown(orDash(r.Actor)), r.Source, what)
	}
	if len(l.unread) > 0 {
		fmt.Fprint(w, "\n## What could not be read\n\n")
		for _, what := range l.unread {
			fmt.Fprintln(w, "- "+markdown(what))
		}
	}
	fmt.Fprintln(w, "\n≤: the source does not say when; it had happened by then. ECS keeps service deployments for 90 days; of an alarm only the newest change is told.")
}

// markdown keeps a text from being read as markup, or as more cells than one.
func markdown(s string) string {
	return markup.Replace(strings.Join(strings.Fields(s), " "))
}

var markup = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "#", `\#`, "@", "@\u2060",
)
