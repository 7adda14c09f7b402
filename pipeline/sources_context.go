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
		case slices.ContainsFunc(e.Services, func(v ServiceView) bool {
			return v.ARN != "" && v.Status != missingService && untouched(v.Scaling.Observation) || registrationWanted(s.Focus, v.ServiceState) && untouched(v.Registrations.Observation)
		}):
			return soon
		}
		return everyHistory
	}
}

// missingService is the status of a service that ECS does not know.
const missingService = "MISSING"

// untouched reports whether a source was never asked.
func untouched(o Observation) bool { return !o.Known() && o.Err == nil }

// registrationWanted reports whether Cloud Map is asked about a service: of
// what moves or is looked at, because it takes two calls for each.
func registrationWanted(f Focus, svc ServiceState) bool {
	looked := f.Environment == svc.Key.Environment && f.Service == svc.Key.Service
	return len(svc.Registries) > 0 && (looked || svc.Moving())
}

// readContext reads the bounds of autoscaling and the registrations.
func (e *Engine) readContext(ctx context.Context, name string) error {
	_, services, ok := e.environment(name)
	if !ok || len(services) == 0 {
		return nil
	}
	err := firstError([]error{e.readScalings(ctx, services), e.readRegistrations(ctx, services)})
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
		if registrationWanted(focus, svc) {
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
