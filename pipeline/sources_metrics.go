package pipeline

import (
	"context"
	"time"
)

// loadWindow is how much of CPU and memory is read: enough for a sparkline of
// one value a minute.
const loadWindow = 30 * time.Minute

// metricsWanted reports whether CloudWatch metrics of an environment are read
// now. They cost money: by default only while a rollout moves there, or while
// one of its services is looked at.
func metricsWanted(s *Snapshot, env string) bool {
	switch s.Config.Policy.Metrics {
	case "always":
		return true
	case "never":
		return false
	}
	return moves(s, env) || (s.Focus.Environment == env && s.Focus.Service != "")
}

// metricsInterval is a minute, as long as metrics are: one value a minute.
func metricsInterval(env string) func(*Snapshot) time.Duration {
	return func(s *Snapshot) time.Duration {
		e := s.Environment(env)
		switch {
		case e == nil || !e.Known() || !metricsWanted(s, env):
			return everyHistory
		case len(e.Services) > 0 && !e.Services[0].Load.Known() && e.Services[0].Load.Err == nil:
			return soon
		}
		return everySettled
	}
}

func (e *Engine) readLoads(ctx context.Context, name string) error {
	_, services, ok := e.environment(name)
	if !ok || len(services) == 0 || !metricsWanted(e.Snapshot(), name) {
		return nil
	}
	byCluster := map[Cluster][]ServiceState{}
	for _, svc := range services {
		byCluster[svc.Cluster] = append(byCluster[svc.Cluster], svc)
	}
	var failed error
	for cluster, list := range byCluster {
		names := make([]string, len(list))
		for i, svc := range list {
			names[i] = ecsName(svc)
		}
		loads, err := e.opt.Cloud.Loads(ctx, cluster, names, loadWindow)
		failed = firstError([]error{failed, err})
		e.observe(func(s *state) {
			for i, svc := range list {
				s.loads[svc.Key] = fact(s.loads[svc.Key], "aws metrics", staleFactor*everySettled, loads[names[i]], err)
			}
		})
	}
	return firstError([]error{failed, e.readTraffic(ctx, services)})
}

// readTraffic reads what the load balancers say of the services that move or
// are looked at, and of all where the team's configuration always reads metrics.
func (e *Engine) readTraffic(ctx context.Context, services []ServiceState) error {
	snap := e.Snapshot()
	byCluster := map[Cluster][]ServiceState{}
	groups := map[Cluster][]string{}
	for _, svc := range services {
		looked := snap.Focus.Environment == svc.Key.Environment && snap.Focus.Service == svc.Key.Service
		if len(svc.TargetGroups) > 0 && (looked || svc.Moving() || snap.Config.Policy.Metrics == "always") {
			byCluster[svc.Cluster] = append(byCluster[svc.Cluster], svc)
			groups[svc.Cluster] = append(groups[svc.Cluster], svc.TargetGroups...)
		}
	}
	var failed error
	for cluster, list := range byCluster {
		found, err := e.opt.Cloud.Traffic(ctx, cluster, groups[cluster], loadWindow)
		failed = firstError([]error{failed, err})
		e.observe(func(s *state) {
			for _, svc := range list {
				var own []Traffic
				for _, group := range svc.TargetGroups {
					if t, ok := found[group]; ok {
						own = append(own, t)
					}
				}
				s.traffic[svc.Key] = fact(s.traffic[svc.Key], "aws metrics", staleFactor*everySettled, own, err)
			}
		})
	}
	return failed
}
