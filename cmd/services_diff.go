package cmd

import (
	"context"
	"fmt"
	"path"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// definitionChangeJSON is one line of services --diff.
type definitionChangeJSON struct {
	Sign string `json:"sign"` // + added, - removed, ~ changed
	Text string `json:"text"`
}

// comparisonJSON is what services --diff --json prints for each environment.
type comparisonJSON struct {
	Environment string                 `json:"environment"`
	Service     string                 `json:"service"`
	From        string                 `json:"from"`
	To          string                 `json:"to"`
	TakenBack   bool                   `json:"taken_back"` // ECS went back from it: the service runs what it is compared with
	Changes     []definitionChangeJSON `json:"changes"`
}

// diffService prints what the task definition of a service changes of another
// revision, in every chosen environment that has the service.
func (g *globals) diffService(ctx context.Context, s *session, envs []*pipeline.EnvironmentState, service, revision string, asJSON bool) error {
	out := []comparisonJSON{}
	for _, e := range envs {
		for _, v := range e.Services {
			if v.Key.Service != service {
				continue
			}
			found, err := s.engine.CompareService(ctx, v.ServiceState, revision)
			if err != nil {
				return err
			}
			c := comparisonJSON{e.Environment.Name, service, found.From, found.To, found.TakenBack, []definitionChangeJSON{}}
			for _, change := range found.Changes {
				c.Changes = append(c.Changes, definitionChangeJSON(change))
			}
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return pipeline.NoSuch("service", service, serviceNames(envs))
	}
	if asJSON {
		return printJSON(g.Out, out)
	}
	for _, c := range out {
		note := ""
		if c.TakenBack {
			note = ", which ECS took back"
		}
		_, _ = fmt.Fprintf(g.Out, "%s %s: %s → %s%s\n", c.Environment, c.Service, path.Base(c.From), path.Base(c.To), note)
		for _, change := range c.Changes {
			_, _ = fmt.Fprintf(g.Out, "  %s %s\n", change.Sign, change.Text)
		}
		if len(c.Changes) == 0 {
			_, _ = fmt.Fprintln(g.Out, "  nothing differs")
		}
	}
	return nil
}
