package pipeline

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// ensureEnvironments gives every environment of the configuration its pollers.
// addPoller keeps those that run already.
func (e *Engine) ensureEnvironments(s *Snapshot) {
	if e.opt.Cloud == nil || e.ctx == nil || e.ctx.Err() != nil {
		return
	}
	for _, env := range s.Config.Environments {
		if len(env.Clusters) == 0 || e.hasPoller("aws services "+env.Name) {
			continue
		}
		name := env.Name
		e.addPoller(newPoller("aws services "+name, cloudInterval(name), func(ctx context.Context) error { return e.readServices(ctx, name) }))
		e.addPoller(newPoller("aws health "+name, healthInterval(name), func(ctx context.Context) error { return e.readFitness(ctx, name) }))
		e.addPoller(newPoller("aws metrics "+name, metricsInterval(name), func(ctx context.Context) error { return e.readLoads(ctx, name) }))
		e.addPoller(newPoller("aws context "+name, contextInterval(name), func(ctx context.Context) error { return e.readContext(ctx, name) }))
		e.addPoller(newPoller("aws artifacts "+name, artifactsInterval(name), func(ctx context.Context) error { return e.readArtifacts(ctx, name) }))
		e.addPoller(newPoller("aws history "+name, historyInterval(name), func(ctx context.Context) error { return e.readHistory(ctx, name) }))
	}
}

func (e *Engine) hasPoller(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.pollers, func(p *poller) bool { return p.name == name })
}

// cloudInterval follows an environment closely while it moves and is looked at.
func cloudInterval(env string) func(*Snapshot) time.Duration {
	return func(s *Snapshot) time.Duration {
		switch {
		case unnamed(s.Environment(env)):
			return everyFocused
		case !moves(s, env):
			return everySettled
		case s.Focus.Environment == env && !s.Focus.Blurred:
			return everyFocused
		}
		return everyMoving
	}
}

// unnamed reports whether it is not known yet what some services run, because
// AWS would not let all task definitions through at once.
func unnamed(e *EnvironmentState) bool {
	return e != nil && slices.ContainsFunc(e.Services, func(v ServiceView) bool { return v.Unread })
}

// soon is the pause before a source that waits for another's first answer.
const soon = 100 * time.Millisecond

// healthInterval asks at once when services became known that were never asked about.
func healthInterval(env string) func(*Snapshot) time.Duration {
	every := cloudInterval(env)
	return func(s *Snapshot) time.Duration {
		switch e := s.Environment(env); {
		case e == nil || !e.Known():
			return everyFocused
		case unread(e):
			return soon
		}
		return every(s)
	}
}

// artifactsInterval asks at once when a candidate appeared, then seldom.
func artifactsInterval(env string) func(*Snapshot) time.Duration {
	return func(s *Snapshot) time.Duration {
		switch e := s.Environment(env); {
		case e == nil || !e.Known() || !e.Deployments.Known():
			return everyFocused
		case undecided(e):
			return soon
		}
		return everyHistory
	}
}

// environment reads an environment's configuration and services.
func (e *Engine) environment(name string) (env Environment, services []ServiceState, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	env, ok = e.state.config.Value.Environment(name)
	return env, e.state.services[name].Value, ok
}

// servicesByCluster groups an environment's services by the cluster that runs
// them. An environment that names none has all of its clusters' services.
func (e *Engine) servicesByCluster(ctx context.Context, env Environment) (map[Cluster][]Service, error) {
	out := map[Cluster][]Service{}
	if len(env.Services) == 0 {
		for _, c := range env.Clusters {
			names, err := e.opt.Cloud.ServiceNames(ctx, c)
			if err != nil {
				return nil, err
			}
			for _, n := range names {
				out[c] = append(out[c], Service{Name: n})
			}
		}
		return out, nil
	}
	for _, svc := range env.Services {
		c := env.Clusters[0]
		for _, candidate := range env.Clusters {
			if candidate.Name == svc.Cluster {
				c = candidate
			}
		}
		out[c] = append(out[c], svc)
	}
	return out, nil
}

func (e *Engine) readServices(ctx context.Context, name string) error {
	env, old, ok := e.environment(name)
	if !ok {
		return nil // taken out of the configuration
	}
	read := e.beginRead()
	states, err := readEnvironment(ctx, e, env, old)
	e.observe(func(s *state) {
		if !s.newest("aws services "+name, read, err) {
			return
		}
		f := fact(s.services[name], "aws services "+name, staleFactor*everySettled, states, err)
		f.Value = states // also where one cluster of several could not be read
		s.services[name] = f
	})
	if err != nil {
		return err
	}
	e.readIdentity(ctx, env)
	e.retarget()
	return e.readTasks(ctx, name)
}

// readEnvironment reads the services of an environment in configuration order,
// its clusters at once. Of a cluster that cannot be read it gives what old had
// of it, and the error: an account whose login has run out hides no other.
func readEnvironment(ctx context.Context, e *Engine, env Environment, old []ServiceState) ([]ServiceState, error) {
	clusters, err := e.servicesByCluster(ctx, env)
	if err != nil {
		return old, err
	}
	var mu sync.Mutex
	var all []ServiceState
	err = each(ctx, slices.Collect(maps.Keys(clusters)), func(ctx context.Context, cluster Cluster) error {
		states, err := e.readCluster(ctx, env.Name, cluster, clusters[cluster])
		if err != nil {
			states = slices.DeleteFunc(slices.Clone(old), func(s ServiceState) bool { return s.Cluster != cluster })
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, states...)
		return err
	})
	order := map[string]int{}
	for i, svc := range env.Services {
		order[svc.Name] = i
	}
	slices.SortStableFunc(all, func(a, b ServiceState) int {
		if d := order[a.Key.Service] - order[b.Key.Service]; d != 0 || len(order) > 0 {
			return d
		}
		return strings.Compare(a.Key.Service, b.Key.Service)
	})
	return all, err
}

func (e *Engine) readCluster(ctx context.Context, env string, cluster Cluster, services []Service) ([]ServiceState, error) {
	names := make([]string, len(services))
	for i, svc := range services {
		names[i] = svc.ECSServiceName()
	}
	states, err := e.opt.Cloud.Services(ctx, cluster, names)
	if err != nil {
		return nil, err
	}
	for i := range states {
		states[i].Key = ServiceKey{env, services[i].Name}
		states[i].Cluster = cluster
	}
	return states, nil
}

// readIdentity proves the credentials once.
func (e *Engine) readIdentity(ctx context.Context, env Environment) {
	if view(e, func(s *state) bool { return s.identity.Known() }) {
		return
	}
	id, err := e.opt.Cloud.Identity(ctx, env.Clusters[0])
	e.observe(func(s *state) { s.identity = fact(s.identity, "aws identity", 0, id, err) })
}

// readTasks reads the tasks of the services that need a look: those that move,
// lack tasks, run more than one revision, or have the focus.
func (e *Engine) readTasks(ctx context.Context, name string) error {
	_, services, _ := e.environment(name)
	var want []ServiceState
	for _, svc := range services {
		if e.closelyWatched(name, svc) {
			want = append(want, svc)
		}
	}
	return each(ctx, want, e.readTasksOf)
}

func (e *Engine) readTasksOf(ctx context.Context, svc ServiceState) error {
	tasks, err := e.opt.Cloud.Tasks(ctx, svc.Cluster, ecsName(svc))
	e.observe(func(s *state) {
		s.tasks[svc.Key] = fact(s.tasks[svc.Key], "aws tasks", staleFactor*everyMoving, tasks, err)
	})
	return err
}

// ecsName is the name of the service in ECS: the last part of its ARN, else
// the name in the configuration.
func ecsName(s ServiceState) string {
	if name := lastPart(s.ARN); name != "" {
		return name
	}
	return s.Key.Service
}

// readFitness reads target health and alarms of every service. AWS tells the
// health of one target group at a time, and a hundred alarms at once.
func (e *Engine) readFitness(ctx context.Context, name string) error {
	env, services, ok := e.environment(name)
	if !ok || len(services) == 0 {
		return nil
	}
	return firstError([]error{e.readTargets(ctx, e.targetsDue(name, services)), e.readAlarms(ctx, env, services)})
}

// targetsAtOnce is how many target groups of services that stand still one
// reading asks about. AWS describes them one by one.
const targetsAtOnce = 60

// targetsDue are the services whose target health is asked for now: those that
// move, lack tasks or are looked at, and of the others those whose answer is the
// oldest. A few services are all asked about each time.
func (e *Engine) targetsDue(name string, services []ServiceState) []ServiceState {
	var due, still []ServiceState
	for _, svc := range services {
		switch {
		case len(svc.TargetGroups) == 0:
		case e.closelyWatched(name, svc):
			due = append(due, svc)
		default:
			still = append(still, svc)
		}
	}
	if len(still) > targetsAtOnce {
		asked := view(e, func(s *state) map[ServiceKey]time.Time {
			at := map[ServiceKey]time.Time{}
			for _, svc := range still {
				at[svc.Key] = s.targets[svc.Key].At
			}
			return at
		})
		slices.SortStableFunc(still, func(a, b ServiceState) int { return asked[a.Key].Compare(asked[b.Key]) })
		still = still[:targetsAtOnce]
	}
	return append(due, still...)
}

// closelyWatched reports whether a service moves, lacks tasks or is looked at.
func (e *Engine) closelyWatched(name string, svc ServiceState) bool {
	focus := view(e, func(s *state) Focus { return s.focus })
	return focus.Environment == name && focus.Service == svc.Key.Service || svc.Moving() || svc.Running < svc.Desired || len(svc.Deployments) > 1
}

func (e *Engine) readTargets(ctx context.Context, services []ServiceState) error {
	return each(ctx, services, func(ctx context.Context, svc ServiceState) error {
		targets, err := e.opt.Cloud.Targets(ctx, svc.Cluster, svc.TargetGroups)
		e.observe(func(s *state) {
			rounds := time.Duration(1 + len(s.targets)/targetsAtOnce) // until all were asked about
			s.targets[svc.Key] = fact(s.targets[svc.Key], "aws targets", rounds*staleFactor*everySettled, targets, err)
		})
		return err
	})
}

func (e *Engine) readAlarms(ctx context.Context, env Environment, services []ServiceState) error {
	byCluster := map[Cluster][]ServiceState{}
	for _, svc := range services {
		if len(alarmNames(env, svc)) > 0 {
			byCluster[svc.Cluster] = append(byCluster[svc.Cluster], svc)
		}
	}
	var failed error
	for cluster, list := range byCluster {
		var names []string
		for _, svc := range list {
			names = append(names, alarmNames(env, svc)...)
		}
		alarms, err := e.opt.Cloud.Alarms(ctx, cluster, names)
		failed = firstError([]error{failed, err})
		e.observe(func(s *state) {
			for _, svc := range list {
				own := alarmsNamed(alarms, alarmNames(env, svc))
				s.alarms[svc.Key] = fact(s.alarms[svc.Key], "aws alarms", staleFactor*everySettled, own, err)
			}
		})
	}
	return failed
}

// alarmsNamed are those alarms that the names mean, in their order; a name
// that ends in * is a prefix.
func alarmsNamed(alarms []Alarm, names []string) []Alarm {
	var out []Alarm
	for _, name := range names {
		prefix, isPrefix := strings.CutSuffix(name, "*")
		for _, a := range alarms {
			meant := a.Name == name || isPrefix && strings.HasPrefix(a.Name, prefix)
			if meant && !slices.ContainsFunc(out, func(b Alarm) bool { return b.Name == a.Name }) {
				out = append(out, a)
			}
		}
	}
	return out
}

// historyInterval asks again when the services became known, then seldom.
func historyInterval(env string) func(*Snapshot) time.Duration {
	return func(s *Snapshot) time.Duration {
		switch e := s.Environment(env); {
		case e == nil || !e.Known():
			return everyFocused
		case e.unreadHistory:
			return soon
		}
		return everyHistory
	}
}

// deploymentsOfService is how far back an environment's ECS history is read.
const deploymentsOfService = 10

// readHistory reads what ECS itself did to each service lately: that is how a
// change is seen that no run made, and one that ECS took back.
func (e *Engine) readHistory(ctx context.Context, name string) error {
	_, services, ok := e.environment(name)
	if !ok {
		return nil
	}
	return each(ctx, services, func(ctx context.Context, svc ServiceState) error {
		if svc.ARN == "" || svc.Status == "MISSING" {
			return nil
		}
		list, err := e.opt.Cloud.ServiceDeployments(ctx, svc.Cluster, ecsName(svc), deploymentsOfService)
		e.observe(func(s *state) {
			s.history[svc.Key] = fact(s.history[svc.Key], "aws history", 2*everyHistory, list, err)
		})
		return err
	})
}

func alarmNames(env Environment, svc ServiceState) []string {
	for _, c := range env.Services {
		if c.Name == svc.Key.Service && len(c.Alarms) > 0 {
			return c.Alarms
		}
	}
	return svc.AlarmNames
}

// readArtifacts looks up what the way back needs: task definitions and images
// of the candidates.
func (e *Engine) readArtifacts(ctx context.Context, name string) error {
	env, services, ok := e.environment(name)
	if !ok {
		return nil
	}
	wanted := view(e, func(s *state) []artifact { return s.artifactsWanted(env) })
	return e.lookUp(ctx, services, wanted)
}

// lookUp reads task definitions and images, and remembers what it found.
func (e *Engine) lookUp(ctx context.Context, services []ServiceState, wanted []artifact) error {
	byKey := map[string]ServiceState{}
	for _, svc := range services {
		byKey[svc.Key.Service] = svc
	}
	images := map[Cluster][]Image{}
	var definitions []artifact
	for _, a := range wanted {
		svc, ok := byKey[a.service]
		if !ok {
			continue
		}
		if a.definition != "" && !slices.ContainsFunc(definitions, func(d artifact) bool { return d.definition == a.definition }) {
			definitions = append(definitions, a)
		}
		if repo := repositoryOf(svc); repo != "" && a.digest != "" {
			images[svc.Cluster] = append(images[svc.Cluster], Image{Repository: repo, Digest: a.digest})
		}
	}
	err := each(ctx, definitions, func(ctx context.Context, a artifact) error {
		td, err := e.opt.Cloud.TaskDefinition(ctx, byKey[a.service].Cluster, a.definition)
		if KindOf(err) == KindNotFound {
			td, err = TaskDefinition{ARN: a.definition, Status: "MISSING"}, nil
		}
		e.observe(func(s *state) {
			s.definitions[a.definition] = fact(s.definitions[a.definition], "aws task definitions", 2*everyHistory, td, err)
		})
		return err
	})
	for cluster, refs := range images {
		found, imageErr := e.opt.Cloud.Images(ctx, cluster, refs)
		err = firstError([]error{err, imageErr})
		e.observe(func(s *state) {
			for _, ref := range refs {
				state := found[ref.Digest]
				s.images[ref.Digest] = fact(s.images[ref.Digest], "aws images", 2*everyHistory, state, imageErr)
			}
		})
	}
	return err
}

func repositoryOf(s ServiceState) string {
	for _, rev := range s.Revisions {
		if len(rev.Images) > 0 {
			return rev.Images[0].Repository
		}
	}
	return ""
}
