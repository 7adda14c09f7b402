package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// discoveryJSON is what services --discovery --json prints for each registration.
type discoveryJSON struct {
	Environment string         `json:"environment"`
	Service     string         `json:"service"`
	Registry    string         `json:"registry"`
	Running     int            `json:"running"` // tasks
	Healthy     int            `json:"healthy"` // instances
	Instances   []instanceJSON `json:"instances"`
}

type instanceJSON struct {
	ID      string `json:"id"`
	Address string `json:"address"`
	Health  string `json:"health"`
}

// printDiscovery prints where other services find each service: its instances in
// Cloud Map, beside the tasks that run.
func (g *globals) printDiscovery(ctx context.Context, s *session, envs []*pipeline.EnvironmentState, asJSON bool) error {
	out := []discoveryJSON{}
	for _, e := range envs {
		for _, v := range e.Services {
			found, err := s.engine.Registrations(ctx, v.ServiceState)
			if err != nil {
				return err
			}
			for _, r := range found {
				d := discoveryJSON{e.Environment.Name, v.Key.Service, strings.Trim(r.Name+"."+r.Namespace, "."), v.Running, r.Healthy(), []instanceJSON{}}
				for _, i := range r.Instances {
					d.Instances = append(d.Instances, instanceJSON{i.ID, i.Address, strings.ToLower(i.Health)})
				}
				out = append(out, d)
			}
		}
	}
	if asJSON {
		return printJSON(g.Out, out)
	}
	t := newGrid(
		column{name: "environment"}, column{name: "service"}, column{name: "tasks"}, column{name: "found"}, column{name: "registry", min: 12, rank: 1},
		column{name: "why", min: 20},
	)
	for _, d := range out {
		t.add(d.Environment, d.Service, fmt.Sprint(d.Running), fmt.Sprint(d.Healthy), d.Registry, d.why())
	}
	return t.print(g.Out, g.width())
}

// why says which tasks others do not find; empty where they find all.
func (d discoveryJSON) why() string {
	var parts []string
	for _, i := range d.Instances {
		if i.Health != "healthy" {
			parts = append(parts, fmt.Sprintf("%.8s %s is %s", i.ID, i.Address, i.Health))
		}
	}
	if lost := d.Running - len(d.Instances); lost > 0 {
		parts = append(parts, fmt.Sprintf("%s not registered", counted(lost, "task")))
	}
	return strings.Join(parts, ", ")
}
