package cmd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func newServices(g *globals) *cobra.Command {
	var asJSON, discovery bool
	var environment string
	var clusters []string
	var diff, revision string
	c := &cobra.Command{
		Use:   "services",
		Short: "ECS services: what runs, and whether it is well",
		Long: "services shows the services of the configured environments. With --cluster it needs neither\n" +
			"configuration nor GitHub: AWS_PROFILE, AWS_REGION and the cluster's name are enough.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			o := sessionOptions{mode: pipeline.ModeReadOnly, noLogs: true}
			if len(clusters) > 0 {
				o.noGitHub = true
				o.configure = clusterConfiguration(clusters)
			}
			s, snap, err := g.snapshot(c.Context(), o)
			if err != nil {
				return err
			}
			defer s.Close()
			envs, err := chosen(snap, environment)
			if err != nil {
				return err
			}
			if diff != "" {
				return g.diffService(c.Context(), s, envs, diff, revision, asJSON)
			}
			if discovery {
				return g.printDiscovery(c.Context(), s, envs, asJSON)
			}
			if asJSON {
				out := []environmentJSON{}
				for _, e := range envs {
					out = append(out, environmentOf(e))
				}
				if err := printJSON(g.Out, out); err != nil {
					return err
				}
			} else if err := g.printServices(envs); err != nil {
				return err
			}
			return noServices(snap, envs)
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.StringVarP(&environment, "environment", "e", "", "only this environment")
	f.StringVar(&diff, "diff", "", "what the task definition of this `SERVICE` changes of the one that ran before")
	f.StringVar(&revision, "revision", "", "with --diff: compare with this revision, a `NUMBER` or an ARN")
	f.BoolVar(&discovery, "discovery", false, "where other services find each: its tasks, and how many of them Cloud Map knows as healthy")
	f.StringArrayVar(&clusters, "cluster", nil, "only this ECS cluster, by `NAME` or ARN, with AWS alone (repeatable)")
	return c
}

// clusterConfiguration makes a configuration of clusters alone: each is an
// environment of its own, with all services that it has.
func clusterConfiguration(clusters []string) func(context.Context) (pipeline.Configuration, error) {
	c := pipeline.Configuration{Origin: "--cluster"}
	for _, name := range clusters {
		c.Environments = append(c.Environments, pipeline.Environment{Name: name, Clusters: []pipeline.Cluster{{Name: name}}})
	}
	return func(context.Context) (pipeline.Configuration, error) { return c, nil }
}

// chosen are the environments that a flag names; all where it names none.
func chosen(s *pipeline.Snapshot, name string) ([]*pipeline.EnvironmentState, error) {
	if name != "" {
		e := s.Environment(name)
		if e == nil {
			return nil, pipeline.NoSuch("environment", name, s.Config.EnvironmentNames())
		}
		return []*pipeline.EnvironmentState{e}, nil
	}
	var out []*pipeline.EnvironmentState
	for i := range s.Environments {
		out = append(out, &s.Environments[i])
	}
	return out, nil
}

// serviceNames are the services of some environments, each once.
func serviceNames(envs []*pipeline.EnvironmentState) []string {
	var names []string
	for _, e := range envs {
		for _, v := range e.Services {
			if !slices.Contains(names, v.Key.Service) {
				names = append(names, v.Key.Service)
			}
		}
	}
	return names
}

// noServices is the error of a listing that could not read a single service.
func noServices(s *pipeline.Snapshot, envs []*pipeline.EnvironmentState) error {
	for _, e := range envs {
		if e.Known() {
			return nil
		}
	}
	for _, e := range envs {
		if e.Err != nil {
			return e.Err
		}
	}
	for _, src := range s.Sources {
		if src.Err != nil {
			return src.Err
		}
	}
	return nil
}

func (g *globals) printServices(envs []*pipeline.EnvironmentState) error {
	now := time.Now()
	t := newGrid(
		column{name: "environment"}, column{name: "service"}, column{name: "running"}, column{name: "release"}, column{name: "health"},
		column{name: "rollout", rank: 2}, column{name: "why", min: 20}, column{name: "since", rank: 1},
	)
	for _, e := range envs {
		for _, v := range e.Services {
			rollout, since := "", v.Created
			if p, ok := v.Primary(); ok {
				rollout, since = p.RolloutState, p.Created
			}
			if v.Rollout != nil {
				if _, waits := v.Rollout.Pause(); waits {
					rollout = "waits for a person"
				}
			}
			why := v.Why
			if v.Disagreement != nil {
				why = v.Disagreement.Sentence
			}
			t.add(
				e.Environment.Name, v.Key.Service, fmt.Sprintf("%d/%d", v.Running, v.Desired), orDash(pipeline.Short(v.SHA)),
				string(v.Health), orDash(rollout), why, ago(since, now),
			)
		}
	}
	return t.print(g.Out, g.width())
}
