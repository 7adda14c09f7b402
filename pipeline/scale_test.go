package pipeline

import (
	"fmt"
	"testing"
	"time"
)

// fleetState is what was observed of everything at once, as much of it as parts
// of sixteen: whole, 2,000 runs of 20 repositories and 500 services with 1,000
// tasks, of which one in ten moves.
func fleetState(parts int, now time.Time) *state {
	s := newState(Options{Mode: ModeOperator, Repository: Repository{Owner: "acme", Name: "shop"}})
	seen := Observation{At: now}
	env := Environment{Name: "production", Production: true}
	commit := func(i int) string { return fmt.Sprintf("%040x", i) }
	var services []ServiceState
	for i := range 500 * parts / 16 {
		key := ServiceKey{"production", fmt.Sprintf("service-%03d", i)}
		definition := fmt.Sprintf("arn:aws:ecs:eu-central-1:123456789012:task-definition/%s:7", key.Service)
		revision := ServiceRevision{TaskDefinition: definition, SHA: commit(i % 3), Running: 2, Requested: 2, Created: now.Add(-time.Hour)}
		v := ServiceState{
			Key: key, Cluster: Cluster{Name: "shop"}, Status: "ACTIVE", Desired: 2, Running: 2, TaskDefinition: definition,
			Revisions: []ServiceRevision{revision}, LogGroups: []LogGroup{{Name: "/ecs/" + key.Service}},
			Deployments: []ServiceSet{{ID: "ecs-svc/1", Status: "PRIMARY", TaskDefinition: definition, Desired: 2, Running: 2, Created: now.Add(-time.Hour)}},
			Rollout:     &ServiceDeployment{Status: "SUCCESSFUL", Target: revision, Started: now.Add(-time.Hour), Finished: now.Add(-50 * time.Minute)},
		}
		if i%10 == 0 {
			v.Rollout.Status, v.Rollout.Finished = "IN_PROGRESS", time.Time{}
		}
		services, env.Services = append(services, v), append(env.Services, Service{Name: key.Service})
		tasks := []Task{{ID: key.Service + "-a", TaskDefinition: definition, Status: "RUNNING"}, {ID: key.Service + "-b", TaskDefinition: definition, Status: "RUNNING"}}
		s.tasks[key] = Fact[[]Task]{Value: tasks, Observation: seen}
	}
	s.services["production"] = Fact[[]ServiceState]{Value: services, Observation: seen}
	s.config = Fact[Configuration]{Value: Configuration{Repositories: map[string]string{}}, Observation: seen}
	run := func(i int, repository string) Run {
		return Run{
			ID: int64(100_000 + i), Number: i, Attempt: 1, Repository: repository, Workflow: "ci.yml", Status: StatusCompleted, Conclusion: ConclusionSuccess,
			SHA: commit(i % 300), Branch: "main", Created: now.Add(-time.Duration(i) * time.Minute), Updated: now.Add(-time.Duration(i)*time.Minute + 30*time.Second),
		}
	}
	each := 100
	for i := range max(20*parts/16, 1) {
		var runs []Run
		name := fmt.Sprintf("acme/service-%02d", i)
		for n := range each {
			runs = append(runs, run(i*each+n, name))
		}
		if i == 0 {
			s.runs = Fact[RunList]{Value: RunList{Runs: runs, Total: len(runs)}, Observation: seen}
			continue
		}
		s.config.Value.Repositories[fmt.Sprintf("service-%03d", i)] = name
		s.others[name] = otherRepository{runs: Fact[RunList]{Value: RunList{Runs: runs, Total: len(runs)}, Observation: seen}}
	}
	for i := range 300 * parts / 16 {
		s.commits[commit(i)] = Commit{SHA: commit(i), Tree: fmt.Sprintf("%040x", 1_000_000+i)}
	}
	s.config.Value.Environments = []Environment{env}
	s.config.Value.Default, s.focus.Environment = "production", "production"
	return &s
}

// BenchmarkDerive measures what each new snapshot costs the engine, with a
// sixteenth of everything, a quarter and all of it.
func BenchmarkDerive(b *testing.B) {
	for _, parts := range []int{1, 4, 16} {
		b.Run(fmt.Sprint(parts), func(b *testing.B) {
			now := time.Now()
			s := fleetState(parts, now)
			b.ReportAllocs()
			for b.Loop() {
				if snap := derive(s, now); len(snap.Environments) != 1 {
					b.Fatal("no environment")
				}
			}
		})
	}
}

// What a snapshot allocates grows with what it holds, and not faster: these are
// counts, which are the same on every machine.
func TestSnapshotsGrowLinearly(t *testing.T) {
	now := time.Now()
	counts := map[int]float64{}
	for _, parts := range []int{4, 16} {
		s := fleetState(parts, now)
		counts[parts] = testing.AllocsPerRun(3, func() { derive(s, now) })
	}
	if growth := counts[16] / counts[4]; growth > 4.4 {
		t.Errorf("four times as much takes %.1f times the allocations: %v", growth, counts)
	}
}
