package pipeline

import (
	"context"
	"slices"
	"time"
)

// contextInterval asks at once when a service became known, or came into
// focus, whose surroundings were never asked about, and then seldom: nobody
// changes them during a release.
func contextInterval(env string) func(*Snapshot) time.Duration {
	return func(s *Snapshot) time.Duration {
		e := s.Environment(env)
		switch {
		case e == nil || !e.Known():
			return everyFocused
		case slices.ContainsFunc(e.Services, func(v ServiceView) bool { return unasked(s.Focus, v.ServiceState, s.AsOf) }):
			return soon
		}
		return everyHistory
	}
}

// unasked reports whether something around a service is wanted and was never
// asked for, or is from before the service was looked at: the tasks and the
// registrations of a rollout that has ended since are no longer true.
func unasked(f Focus, svc ServiceState, now time.Time) bool {
	if svc.ARN == "" || svc.Status == "MISSING" {
		return false
	}
	return untouched(svc.Scaling.Observation) ||
		closely(f, svc) && (untouched(svc.Definition.Observation) || outdated(svc.Tasks.Observation, now) || len(svc.Registries) > 0 && outdated(svc.Registrations.Observation, now))
}

// outdated reports whether a fact about a service that is looked at has to be
// read. What could not be read is left to the poller's own patience.
func outdated(o Observation, now time.Time) bool {
	return o.Err == nil && now.Sub(o.At) > 2*everySettled
}

// untouched reports whether a source was never asked.
func untouched(o Observation) bool { return !o.Known() && o.Err == nil }

// closely reports whether a service moves or is looked at. Only then is asked
// what takes calls for each service by itself.
func closely(f Focus, svc ServiceState) bool {
	return svc.Moving() || f.Environment == svc.Key.Environment && f.Service == svc.Key.Service
}

// readContext reads the bounds of autoscaling, the registrations, what the task
// definitions change, and the tasks of a service that has just come into focus.
func (e *Engine) readContext(ctx context.Context, name string) error {
	_, services, ok := e.environment(name)
	if !ok || len(services) == 0 {
		return nil
	}
	err := firstError([]error{e.readScalings(ctx, services), e.readRegistrations(ctx, services), e.readComparisons(ctx, services), e.readTasks(ctx, name)})
	if KindOf(err) == KindForbidden {
		return nil // said beside each service: a console does without, and is not ill
	}
	return err
}

func (e *Engine) readScalings(ctx context.Context, services []ServiceState) error {
	byCluster := map[Cluster][]ServiceState{}
	for _, svc := range services {
		if svc.ARN != "" {
			byCluster[svc.Cluster] = append(byCluster[svc.Cluster], svc)
		}
	}
	var failed error
	for cluster, list := range byCluster {
		names := make([]string, len(list))
		for i, svc := range list {
			names[i] = ecsName(svc)
		}
		found, err := e.opt.Cloud.Scalings(ctx, cluster, names)
		failed = firstError([]error{failed, err})
		e.observe(func(s *state) {
			for i, svc := range list {
				s.scalings[svc.Key] = fact(s.scalings[svc.Key], "aws autoscaling", 2*everyHistory, found[names[i]], err)
			}
		})
	}
	return failed
}

func (e *Engine) readRegistrations(ctx context.Context, services []ServiceState) error {
	focus := view(e, func(s *state) Focus { return s.focus })
	var want []ServiceState
	for _, svc := range services {
		if closely(focus, svc) && len(svc.Registries) > 0 {
			want = append(want, svc)
		}
	}
	return each(ctx, want, func(ctx context.Context, svc ServiceState) error {
		found, err := e.opt.Cloud.Registrations(ctx, svc.Cluster, svc.Registries)
		e.observe(func(s *state) {
			s.registered[svc.Key] = fact(s.registered[svc.Key], "aws service discovery", 2*everyHistory, found, err)
		})
		return err
	})
}

// Registrations reads where other services find a service.
func (e *Engine) Registrations(ctx context.Context, svc ServiceState) ([]Registration, error) {
	if len(svc.Registries) == 0 {
		return nil, nil
	}
	return e.opt.Cloud.Registrations(ctx, svc.Cluster, svc.Registries)
}

func (e *Engine) readComparisons(ctx context.Context, services []ServiceState) error {
	focus := view(e, func(s *state) Focus { return s.focus })
	var want []ServiceState
	for _, svc := range services {
		if closely(focus, svc) && svc.TaskDefinition != "" {
			want = append(want, svc)
		}
	}
	return each(ctx, want, func(ctx context.Context, svc ServiceState) error {
		found, err := e.CompareService(ctx, svc, "")
		e.observe(func(s *state) {
			s.compared[svc.Key] = fact(s.compared[svc.Key], "aws task definitions", 2*everyHistory, found, err)
		})
		if KindOf(err) == KindNotFound {
			return nil // the first revision, or one that was deleted
		}
		return err
	})
}
