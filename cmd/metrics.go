package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/metrics"
)

type metricsFlags struct {
	since       string
	environment string
	asJSON      bool
	explain     bool
}

func newMetrics(g *globals) *cobra.Command {
	var f metricsFlags
	c := &cobra.Command{
		Use:   "metrics",
		Short: "The four DORA keys of each environment, and the rollouts behind every number",
		Long: "metrics computes how often each environment is released to, how long a commit takes to get there,\n" +
			"how many releases fail, and how long it takes to be well again, from the deployments on record.\n" +
			"Medians and p90 are values that occurred. The trend compares with the equally long period before.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			now := time.Now()
			since, err := parseSince(f.since, now)
			if err != nil {
				return usage(c, err.Error())
			}
			if !since.Before(now) {
				return usage(c, "--since is not in the past")
			}
			return f.run(c.Context(), g, since, now)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.since, "since", "90d", "the period: a span (30d, 12h) or a time (2026-11-01T00:00:00Z)")
	fl.StringVarP(&f.environment, "environment", "e", "", "one environment (default: each)")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	fl.BoolVar(&f.explain, "explain", false, "list the rollouts behind each number")
	return c
}

func (f metricsFlags) run(ctx context.Context, g *globals, since, now time.Time) error {
	s, snap, err := g.snapshot(ctx, sessionOptions{mode: pipeline.ModeReadOnly, noLogs: true})
	if err != nil {
		return err
	}
	defer s.Close()
	var reports []metrics.Report
	for _, env := range snap.Config.Environments {
		if f.environment != "" && f.environment != env.Name {
			continue
		}
		in, err := metrics.Collect(ctx, s.reader, snap, env, since, now)
		if err != nil {
			return err
		}
		reports = append(reports, metrics.Compute(in))
	}
	if len(reports) == 0 && f.environment != "" {
		return pipeline.Errorf(pipeline.KindUsage, "there is no environment %q in the configuration", f.environment)
	}
	if f.asJSON {
		return printJSON(g.Out, metricsOf(snap.Repository.FullName(), reports, f.explain))
	}
	for i, r := range reports {
		if i > 0 {
			fmt.Fprintln(g.Out)
		}
		f.print(g, r, now)
	}
	return nil
}

func (f metricsFlags) print(g *globals, r metrics.Report, now time.Time) {
	w := g.Out
	fmt.Fprintf(w, "%s · since %s (%s)\n", r.Environment, g.clock(r.Since)[:10], pipeline.Duration(now.Sub(r.Since)))
	fmt.Fprintf(w, "  deployment frequency  %.1f a week, %d in all on %d days%s\n", r.Deployments.PerWeek, r.Deployments.Count, r.Deployments.Days, trend(r.Deployments.PerWeek, r.Deployments.Previous, "%.1f"))
	fmt.Fprintf(w, "  lead time             %s from written, %s from merged\n", spans(r.LeadTime, "commit"), spans(r.MergeToLive, ""))
	if r.Failures.Total == 0 {
		fmt.Fprintln(w, "  change failure rate   not known: nothing was released")
	} else {
		before := 0.0
		if r.Failures.Previous != nil {
			before = *r.Failures.Previous * 100
		}
		fmt.Fprintf(w, "  change failure rate   %.0f%%, %d of %d%s\n", r.Failures.Value*100, r.Failures.Failed, r.Failures.Total, trend(r.Failures.Value*100, before, "%.0f%%"))
	}
	fmt.Fprintf(w, "  time to recover       %s\n", recovery(r.Recovery))
	if !f.explain {
		return
	}
	for _, ro := range r.Rollouts {
		fmt.Fprintf(w, "    %s  deployment %d  %s %s  %s: %s%s\n", g.clock(ro.Live)[:16], ro.Deployment, orDash(ro.Version), pipeline.Short(ro.SHA), ro.Outcome, ro.Why, share(ro))
	}
}

// trend is how a value stood in the period before.
func trend(now, before float64, format string) string {
	if before == 0 {
		return ""
	}
	return arrow(now, before) + fmt.Sprintf(format, before)
}

func arrow(now, before float64) string {
	switch {
	case now > before:
		return "  ↑ from "
	case now < before:
		return "  ↓ from "
	}
	return "  = from "
}

func spans(s metrics.Spans, noun string) string {
	if s.Count == 0 {
		return "not known"
	}
	out := fmt.Sprintf("median %s, p90 %s", pipeline.Duration(s.Median), pipeline.Duration(s.P90))
	if s.Previous > 0 {
		out += " " + strings.TrimSpace(arrow(s.Median.Seconds(), s.Previous.Seconds())) + " " + pipeline.Duration(s.Previous)
	}
	if noun != "" {
		out += ", " + counted(s.Count, noun)
	}
	return out
}

func recovery(s metrics.Spans) string {
	switch {
	case s.Count == 0:
		return "nothing failed"
	case s.Open > 0:
		return fmt.Sprintf("%s, %s, %d still open (at least that long)", spans(s, ""), counted(s.Count, "failure"), s.Open)
	}
	return fmt.Sprintf("%s, %s", spans(s, ""), counted(s.Count, "failure"))
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// share is what a rollout adds to the keys.
func share(r metrics.Rollout) string {
	switch {
	case r.Outcome == metrics.Failed && r.PartOf != 0:
		return fmt.Sprintf("; part of the recovery from deployment %d", r.PartOf)
	case r.Outcome == metrics.Failed && r.Recovered.IsZero():
		return fmt.Sprintf("; open for at least %s", pipeline.Duration(r.Recovery))
	case r.Outcome == metrics.Failed:
		return "; recovered after " + pipeline.Duration(r.Recovery)
	case r.Commits > 0:
		return fmt.Sprintf("; %s, lead time %s", counted(r.Commits, "commit"), pipeline.Duration(r.LeadTime))
	}
	return ""
}

type metricsJSON struct {
	Schema       int          `json:"schema"`
	Repository   string       `json:"repository"`
	Environments []reportJSON `json:"environments"`
}

type reportJSON struct {
	Environment string        `json:"environment"`
	Since       time.Time     `json:"since"`
	Until       time.Time     `json:"until"`
	Deployments frequencyJSON `json:"deployment_frequency"`
	LeadTime    spansJSON     `json:"lead_time"`
	MergeToLive spansJSON     `json:"merge_to_live"`
	Failures    rateJSON      `json:"change_failure_rate"`
	Recovery    spansJSON     `json:"time_to_recover"`
	Rollouts    []shareJSON   `json:"rollouts,omitempty"`
}

type frequencyJSON struct {
	Count    int     `json:"count"`
	Days     int     `json:"days"`
	PerWeek  float64 `json:"per_week"`
	Previous float64 `json:"previous_per_week"`
}

type spansJSON struct {
	Count    int      `json:"count"`
	Median   *float64 `json:"median_seconds"`
	P90      *float64 `json:"p90_seconds"`
	Open     int      `json:"open"`
	Previous *float64 `json:"previous_median_seconds"`
}

type rateJSON struct {
	Failed   int      `json:"failed"`
	Total    int      `json:"total"`
	Value    *float64 `json:"value"`
	Previous *float64 `json:"previous"`
}

type shareJSON struct {
	Deployment int64      `json:"deployment_id"`
	SHA        string     `json:"sha"`
	Version    *string    `json:"version"`
	Outcome    string     `json:"outcome"`
	Why        string     `json:"why"`
	Live       time.Time  `json:"live_at"`
	Commits    int        `json:"commits"`
	LeadTime   *float64   `json:"lead_time_seconds"`
	Recovered  *time.Time `json:"recovered_at"`
	Recovery   *float64   `json:"recovery_seconds"`
	PartOf     *int64     `json:"part_of"`
}

func metricsOf(repository string, reports []metrics.Report, explain bool) metricsJSON {
	out := metricsJSON{Schema: 1, Repository: repository, Environments: []reportJSON{}}
	for _, r := range reports {
		j := reportJSON{
			Environment: r.Environment, Since: r.Since.UTC(), Until: r.Until.UTC(),
			Deployments: frequencyJSON{r.Deployments.Count, r.Deployments.Days, r.Deployments.PerWeek, r.Deployments.Previous},
			LeadTime:    spansOf(r.LeadTime), MergeToLive: spansOf(r.MergeToLive), Recovery: spansOf(r.Recovery),
			Failures: rateJSON{Failed: r.Failures.Failed, Total: r.Failures.Total, Previous: r.Failures.Previous},
		}
		if r.Failures.Total > 0 {
			j.Failures.Value = pointer(r.Failures.Value)
		}
		if explain {
			for _, ro := range r.Rollouts {
				j.Rollouts = append(j.Rollouts, shareOf(ro))
			}
		}
		out.Environments = append(out.Environments, j)
	}
	return out
}

func spansOf(s metrics.Spans) spansJSON {
	out := spansJSON{Count: s.Count, Open: s.Open}
	if s.Count > 0 {
		out.Median, out.P90 = pointer(s.Median.Seconds()), pointer(s.P90.Seconds())
	}
	if s.Previous > 0 {
		out.Previous = pointer(s.Previous.Seconds())
	}
	return out
}

func shareOf(r metrics.Rollout) shareJSON {
	out := shareJSON{
		Deployment: r.Deployment, SHA: r.SHA, Version: known(r.Version), Outcome: string(r.Outcome), Why: r.Why,
		Live: r.Live.UTC(), Commits: r.Commits, Recovered: moment(r.Recovered),
	}
	if r.Commits > 0 {
		out.LeadTime = pointer(r.LeadTime.Seconds())
	}
	if r.Outcome == metrics.Failed && r.PartOf == 0 {
		out.Recovery = pointer(r.Recovery.Seconds())
	}
	if r.PartOf != 0 {
		out.PartOf = pointer(r.PartOf)
	}
	return out
}
