package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

// verificationJSON is verify --json.
type verificationJSON struct {
	Schema      int           `json:"schema"`
	AsOf        time.Time     `json:"as_of"`
	Environment string        `json:"environment"`
	Verdict     string        `json:"verdict"`
	Findings    []findingJSON `json:"findings"`
}

type findingJSON struct {
	Service        *string  `json:"service"`
	Check          string   `json:"check"`
	Verdict        string   `json:"verdict"`
	Sentence       string   `json:"sentence"`
	URL            *string  `json:"url"`
	Status         *int     `json:"status"`
	ResponseTimeMS *float64 `json:"response_time_ms"`
}

func newVerify(g *globals) *cobra.Command {
	o := &stepFlags{globals: g, dryRun: true} // reads only: nothing that could change anything is made
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Health, smoke and version checks of an environment, from here",
		Long: "verify looks once at everything that the steps verify and smoke check: tasks, targets, images against the\n" +
			"newest deployment, health endpoints with their response time, versions, TLS, security headers, DEBUG.\n" +
			"It reads only. It exits with 1 where a check fails, and with 5 where one could not be made.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			suite, closing, err := o.suite(c.Context())
			if err != nil {
				return err
			}
			defer closing()
			suite.Run = steps.Run{} // no matter where it runs, it is about what is live
			if o.environment == "" {
				o.environment = suite.Configuration.Default
			}
			return g.verify(c.Context(), suite, o.environment, asJSON)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.environment, "environment", "e", "", "the environment (default: as configured)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (g *globals) verify(ctx context.Context, suite *steps.Suite, environment string, asJSON bool) error {
	found, err := suite.Look(ctx, environment)
	if err != nil {
		return err
	}
	verdict := worst(found)
	if asJSON {
		out := verificationJSON{Schema: 1, AsOf: time.Now().UTC().Truncate(time.Second), Environment: environment, Verdict: string(verdict), Findings: []findingJSON{}}
		for _, f := range found {
			out.Findings = append(out.Findings, findingOf(f))
		}
		if err := printJSON(g.Out, out); err != nil {
			return err
		}
	} else {
		t := newGrid(column{name: "service"}, column{name: "check"}, column{name: "verdict"}, column{name: "finding"})
		for _, f := range found {
			t.add(orAll(f.Service), f.Check, string(f.Verdict), f.Sentence)
		}
		if err := t.print(g.Out, g.width()); err != nil {
			return err
		}
	}
	switch verdict {
	case pipeline.Pass:
		return nil
	case pipeline.Unknown:
		return &pipeline.Error{Kind: pipeline.KindUnavailable, Op: "verify", On: environment, Message: "not every check could be made", Hint: "the lines above say why"}
	case pipeline.Fail, pipeline.Pending, pipeline.NotApplicable:
	}
	return &pipeline.Error{Kind: pipeline.KindFailed, Op: "verify", On: environment, Message: fmt.Sprintf("%d of %d checks did not pass", notGood(found), len(found)), Hint: "the lines above say which"}
}

// worst is the verdict on all findings: a failure outranks what is not known.
func worst(found []steps.Finding) pipeline.Verdict {
	verdict := pipeline.Pass
	for _, f := range found {
		switch f.Verdict {
		case pipeline.Fail, pipeline.Pending:
			return pipeline.Fail
		case pipeline.Unknown:
			verdict = pipeline.Unknown
		case pipeline.Pass, pipeline.NotApplicable:
		}
	}
	return verdict
}

func notGood(found []steps.Finding) int {
	n := 0
	for _, f := range found {
		if f.Verdict != pipeline.Pass && f.Verdict != pipeline.NotApplicable {
			n++
		}
	}
	return n
}

func orAll(service string) string {
	if service == "" {
		return "all"
	}
	return service
}

func findingOf(f steps.Finding) findingJSON {
	out := findingJSON{Check: f.Check, Verdict: string(f.Verdict), Sentence: f.Sentence}
	if f.Service != "" {
		out.Service = &f.Service
	}
	if f.URL != "" {
		out.URL = &f.URL
	}
	if f.Status != 0 {
		ms := float64(f.Took.Microseconds()) / 1000
		out.Status, out.ResponseTimeMS = &f.Status, &ms
	}
	return out
}
