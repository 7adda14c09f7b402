package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/metrics"
)

type metricsFlags struct {
	since       string
	environment string
	service     string
	as          string
	asJSON      bool
	explain     bool
}

func newMetrics(g *globals) *cobra.Command {
	var f metricsFlags
	c := &cobra.Command{
		Use:   "metrics",
		Short: "The four DORA keys, and the rollouts behind every number",
		Long: "metrics computes how often each environment is released to, how long a commit takes to get there,\n" +
			"how many releases fail, and how long it takes to be well again, from the deployments on record.\n" +
			"Medians and p90 are values that occurred. The trend compares with the equally long period before.\n" +
			"--as fourkeys and --as devlake compute as those tools do; both count rollbacks and redeploys as\n" +
			"deployments, and take each rollback for an incident. What was read is kept, so that the next call\n" +
			"reads only what is new.",
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
			if _, err := metrics.ParseDefinitions(f.as); err != nil {
				return usage(c, "--as: "+err.Error())
			}
			return f.run(c.Context(), g, since, now)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.since, "since", "90d", "the period: a span (30d, 12h) or a time (2026-11-01T00:00:00Z)")
	fl.StringVarP(&f.environment, "environment", "e", "", "one environment (default: each)")
	fl.StringVar(&f.service, "service", "", "only what changed this service (default: all)")
	fl.StringVar(&f.as, "as", string(metrics.Ours), "whose definitions: ours, fourkeys or devlake")
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
	envs, err := f.environments(snap.Config)
	if err != nil {
		return err
	}
	r, err := f.collect(ctx, s, snap, envs, since, now)
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(g.Out, metricsOf(r, f.explain))
	}
	for i, k := range r.keys {
		if i > 0 {
			fmt.Fprintln(g.Out)
		}
		f.print(g, k, now)
	}
	r.printStages(g)
	r.printCost(g)
	return nil
}

// environments are those that the keys are computed of.
func (f metricsFlags) environments(c pipeline.Configuration) ([]pipeline.Environment, error) {
	envs := c.Environments
	if f.environment != "" {
		env, err := c.Named(f.environment)
		if err != nil {
			return nil, err
		}
		envs = []pipeline.Environment{env}
	}
	serves := func(e pipeline.Environment) bool {
		return slices.ContainsFunc(e.Services, func(s pipeline.Service) bool { return s.Name == f.service })
	}
	if f.service != "" && !slices.ContainsFunc(envs, serves) {
		return nil, pipeline.NoSuch("service", f.service, c.ServiceNames())
	}
	return envs, nil
}

// measured is all that metrics prints.
type measured struct {
	repository    string
	keys          []metrics.Report
	stages        []metrics.StageTime
	breakdowns    []metrics.Breakdown
	sent, counted int64 // requests
	left          int   // runs whose jobs are not read yet
}

// collect reads what the history lacks, keeps it, and computes.
func (f metricsFlags) collect(ctx context.Context, s *session, snap *pipeline.Snapshot, envs []pipeline.Environment, since, now time.Time) (measured, error) {
	out := measured{repository: snap.Repository.FullName()}
	h := s.history()
	before := s.reader.Rate()
	left, err := metrics.Collect(ctx, s.reader, h, snap.Config, envs, since, now)
	h.Forget(now)
	s.keepHistory(h)
	if err != nil {
		return out, err
	}
	after := s.reader.Rate()
	out.left, out.sent, out.counted = left, after.Sent-before.Sent, after.Counted-before.Counted
	for _, env := range envs {
		in := metrics.InputOf(h, snap, env, since, now)
		in.Definitions, in.Service = metrics.Definitions(f.as), f.service
		out.keys = append(out.keys, metrics.Compute(in))
	}
	shown := workflowsOf(snap.Config, envs)
	out.stages = metrics.Stages(h, shown, since, now)
	out.breakdowns = metrics.Breakdowns(h, shown, since, now)
	return out, nil
}

// workflowsOf leaves of a configuration the workflows that bring releases into
// some of its environments, or back.
func workflowsOf(c pipeline.Configuration, envs []pipeline.Environment) pipeline.Configuration {
	if len(envs) == len(c.Environments) {
		return c
	}
	c.Environments, c.Workflows.Staging, c.Workflows.Production = envs, "", ""
	if !slices.ContainsFunc(envs, func(e pipeline.Environment) bool { return e.Production }) {
		c.Workflows.Rollback = ""
	}
	return c
}

func (f metricsFlags) print(g *globals, r metrics.Report, now time.Time) {
	w := g.Out
	about := r.Environment
	if r.Service != "" {
		about += " · " + r.Service
	}
	if r.Definitions != metrics.Ours {
		about += " · as " + string(r.Definitions)
	}
	fmt.Fprintf(w, "%s · since %s (%s)\n", about, g.clock(r.Since)[:10], pipeline.Duration(now.Sub(r.Since)))
	level := ""
	if r.Deployments.Level != "" {
		level = ": " + r.Deployments.Level
	}
	fmt.Fprintf(w, "  deployment frequency  %.1f a week, %d in all on %s, %g in the median week%s%s\n", r.Deployments.PerWeek, r.Deployments.Count,
		counted(r.Deployments.Days, "day"), r.Deployments.Median, level, trend(r.Deployments.PerWeek, r.Deployments.Previous, "%.1f"))
	if r.Definitions == metrics.Ours {
		fmt.Fprintf(w, "  lead time             %s from written, %s from merged\n", spans(r.LeadTime, "commit"), spans(r.MergeToLive, ""))
	} else {
		fmt.Fprintf(w, "  lead time             %s\n", spans(r.LeadTime, "change"))
	}
	fmt.Fprintf(w, "  change failure rate   %s\n", failureRate(r.Failures))
	fmt.Fprintf(w, "  time to recover       %s\n", recovery(r.Recovery))
	fmt.Fprintf(w, "  not among them        %s\n", apart(r))
	if !f.explain {
		return
	}
	for _, ro := range r.Rollouts {
		fmt.Fprintf(w, "    %s  deployment %d  %s %s  %s: %s%s\n", g.clock(ro.Live)[:16], ro.Deployment, orDash(ro.Version), pipeline.Short(ro.SHA), ro.Outcome, ro.Why, share(ro))
	}
}

func failureRate(r metrics.Rate) string {
	if r.Total == 0 {
		return "not known: nothing was released"
	}
	before := 0.0
	if r.Previous != nil {
		before = *r.Previous * 100
	}
	return fmt.Sprintf("%.0f%%, %d of %d%s", r.Value*100, r.Failed, r.Total, trend(r.Value*100, before, "%.0f%%"))
}

// apart tells what some definitions count and others do not.
func apart(r metrics.Report) string {
	text := counted(r.Redeploys, "redeploy") + " of the same release, " + counted(r.Rollbacks, "rollback")
	if r.Definitions != metrics.Ours {
		text = "nothing: " + text + " counted as deployments"
	}
	return text
}

// printStages prints how long workflows and their jobs took, and how they failed.
func (m measured) printStages(g *globals) {
	if len(m.stages) > 0 {
		fmt.Fprintln(g.Out, "\nduration of what succeeded (waiting for a person does not count)")
		t := g.table()
		for _, s := range m.stages {
			name := "  " + s.Workflow
			if s.Job != "" {
				name = "    " + s.Job
			}
			for _, field := range []string{name, "p50 " + pipeline.Duration(s.Median), "p90 " + pipeline.Duration(s.P90), strings.TrimSpace(spanTrend(s.Spans)), counted(s.Count, "sample")} {
				t.AddField(field)
			}
			t.EndRow()
		}
		_ = t.Render() // a broken pipe shows at the next write
	}
	if len(m.breakdowns) > 0 {
		fmt.Fprintln(g.Out, "\nfailures by phase and reason")
		t := g.table()
		for _, b := range m.breakdowns {
			for _, field := range []string{fmt.Sprintf("  %d", len(b.Runs)), b.Workflow, orDash(b.Phase), b.Reason, fmt.Sprintf("newest: run %d", b.Runs[0])} {
				t.AddField(field)
			}
			t.EndRow()
		}
		_ = t.Render() // likewise
	}
}

// printCost tells what the answer cost, and what is missing of it.
func (m measured) printCost(g *globals) {
	fmt.Fprintf(g.Err, "read with %s, %d of which GitHub counts\n", counted(int(m.sent), "request"), m.counted)
	if m.left > 0 {
		fmt.Fprintf(g.Err, "the jobs of %s are not read yet: the next call goes on with them\n", counted(m.left, "run"))
	}
}

// trend is how a value stood in the period before.
func trend(now, before float64, format string) string {
	if before == 0 {
		return ""
	}
	return "  " + arrow(now, before, fmt.Sprintf(format, now), fmt.Sprintf(format, before))
}

// arrow is which way a value went, and from what. Two values that read the same
// did not change.
func arrow(now, before float64, written, from string) string {
	sign := "="
	switch {
	case written == from:
	case now > before:
		sign = "↑"
	case now < before:
		sign = "↓"
	}
	return sign + " from " + from
}

func spans(s metrics.Spans, noun string) string {
	if s.Count == 0 {
		return "not known"
	}
	out := fmt.Sprintf("median %s, p90 %s", pipeline.Duration(s.Median), pipeline.Duration(s.P90))
	if t := spanTrend(s); t != "" {
		out += " " + t
	}
	if noun != "" {
		out += ", " + counted(s.Count, noun)
	}
	return out
}

// spanTrend is how a median stood in the period before; empty where nothing is known.
func spanTrend(s metrics.Spans) string {
	if s.Previous <= 0 {
		return ""
	}
	return arrow(s.Median.Seconds(), s.Previous.Seconds(), pipeline.Duration(s.Median), pipeline.Duration(s.Previous))
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
	case r.Outcome == metrics.Failed && r.Incidents == 0 && r.Recovered.IsZero():
		return fmt.Sprintf("; open for at least %s", pipeline.Duration(r.Recovery))
	case r.Outcome == metrics.Failed && r.Incidents == 0:
		return "; recovered after " + pipeline.Duration(r.Recovery)
	case r.Incidents > 0:
		return fmt.Sprintf("; counts %d against it; %s, lead time %s", r.Incidents, counted(r.Commits, "change"), pipeline.Duration(r.LeadTime))
	case r.Commits > 0:
		return fmt.Sprintf("; %s, lead time %s", counted(r.Commits, "commit"), pipeline.Duration(r.LeadTime))
	}
	return ""
}

type metricsJSON struct {
	Schema       int           `json:"schema"`
	Repository   string        `json:"repository"`
	Environments []reportJSON  `json:"environments"`
	Durations    []stageJSON   `json:"durations"`
	Failures     []failureJSON `json:"failures"`
	Cost         costJSON      `json:"cost"`
}

type reportJSON struct {
	Environment string        `json:"environment"`
	Definitions string        `json:"definitions"`
	Service     *string       `json:"service"`
	Since       time.Time     `json:"since"`
	Until       time.Time     `json:"until"`
	Deployments frequencyJSON `json:"deployment_frequency"`
	LeadTime    spansJSON     `json:"lead_time"`
	MergeToLive spansJSON     `json:"merge_to_live"`
	Failures    rateJSON      `json:"change_failure_rate"`
	Recovery    spansJSON     `json:"time_to_recover"`
	Redeploys   int           `json:"redeploys"`
	Rollbacks   int           `json:"rollbacks"`
	Rollouts    []shareJSON   `json:"rollouts,omitempty"`
}

type stageJSON struct {
	Workflow string  `json:"workflow"`
	Job      *string `json:"job"` // null: the workflow
	spansJSON
}

type failureJSON struct {
	Workflow string  `json:"workflow"`
	Phase    *string `json:"phase"`
	Reason   string  `json:"reason"`
	Count    int     `json:"count"`
	Runs     []int64 `json:"runs"`
}

type costJSON struct {
	Sent     int64 `json:"requests_sent"`
	Counted  int64 `json:"requests_counted"`
	JobsLeft int   `json:"runs_without_jobs"`
}

type frequencyJSON struct {
	Count    int     `json:"count"`
	Days     int     `json:"days"`
	PerWeek  float64 `json:"per_week"`
	Median   float64 `json:"median_days_per_week"`
	Level    *string `json:"level"`
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
	Incidents  int        `json:"incidents"`
}

func metricsOf(m measured, explain bool) metricsJSON {
	out := metricsJSON{
		Schema: 1, Repository: m.repository, Environments: []reportJSON{}, Durations: []stageJSON{}, Failures: []failureJSON{},
		Cost: costJSON{m.sent, m.counted, m.left},
	}
	for _, r := range m.keys {
		out.Environments = append(out.Environments, reportOf(r, explain))
	}
	for _, s := range m.stages {
		out.Durations = append(out.Durations, stageJSON{s.Workflow, known(s.Job), spansOf(s.Spans)})
	}
	for _, b := range m.breakdowns {
		out.Failures = append(out.Failures, failureJSON{b.Workflow, known(b.Phase), b.Reason, len(b.Runs), b.Runs})
	}
	return out
}

func reportOf(r metrics.Report, explain bool) reportJSON {
	j := reportJSON{
		Environment: r.Environment, Definitions: string(r.Definitions), Service: known(r.Service), Since: r.Since.UTC(), Until: r.Until.UTC(),
		Deployments: frequencyJSON{r.Deployments.Count, r.Deployments.Days, r.Deployments.PerWeek, r.Deployments.Median, known(r.Deployments.Level), r.Deployments.Previous},
		LeadTime:    spansOf(r.LeadTime), MergeToLive: spansOf(r.MergeToLive), Recovery: spansOf(r.Recovery),
		Failures:  rateJSON{Failed: r.Failures.Failed, Total: r.Failures.Total, Previous: r.Failures.Previous},
		Redeploys: r.Redeploys, Rollbacks: r.Rollbacks,
	}
	if r.Failures.Total > 0 {
		j.Failures.Value = pointer(r.Failures.Value)
	}
	if explain {
		for _, ro := range r.Rollouts {
			j.Rollouts = append(j.Rollouts, shareOf(ro))
		}
	}
	return j
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
		Live: r.Live.UTC(), Commits: r.Commits, Recovered: moment(r.Recovered), Incidents: r.Incidents,
	}
	if r.Commits > 0 {
		out.LeadTime = pointer(r.LeadTime.Seconds())
	}
	if r.Outcome == metrics.Failed && r.PartOf == 0 && r.Incidents == 0 {
		out.Recovery = pointer(r.Recovery.Seconds())
	}
	if r.PartOf != 0 {
		out.PartOf = pointer(r.PartOf)
	}
	return out
}
