package pipeline_test

import (
	"context"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// state is a named state of the sandbox, and what the gates say in it.
type state struct {
	name, scenario string
	old            bool // the world remembers all its releases
	prepare        func(*pipeline.Configuration)
	arrange        func(*sandbox.World) error // changes a world of its own
	settle         time.Duration              // from there to the start of the console
	then           func(*sandbox.World)       // happens once the console has looked
	wait           time.Duration              // from there to the plan
	blind          string                     // requests that fail from the start of the console
	token          string                     // of the console; empty: alice's
	comment        string
	down           string                                 // requests that fail once the engine has settled
	intercept      func(*sandbox.World) func(string) bool // of the plan's requests: see World.Intercept
	rollback       bool                                   // of production; else an approval
	to             string                                 // version that the rollback names; empty: the best
	target         func(*sandbox.World) int64             // deployment that it names; nil: see to
	logs           bool                                   // the console reads them
	want           string                                 // "A17 fail, A6 fail": at least these
}

var states = []state{
	{name: "a good release", scenario: "release", want: "A1 pass, A2 pass, A3 pass, A5 pass, A6 pass, A7 pass, A8 pass, A9 pass, A10 pass, A11 pass, A13 pass, A14 pass, A15 pass, A16 pass, A17 pass, A18 pending"},
	{name: "a forgotten approval", scenario: "wedged-lane", want: "A17 fail, A6 fail, A9 pass"},
	{name: "a dropped column", scenario: "destructive-migration", want: "A12 fail, A13 fail"},
	{name: "one of its authors decides", scenario: "release", token: "carol", comment: "ship it", want: "A2 pass, A4 fail, A18 pass"},
	{name: "somebody who is no reviewer", scenario: "release", token: "dave", comment: " ", want: "A2 fail, A18 fail"},
	{name: "any branch may deploy", scenario: "release", arrange: func(w *sandbox.World) error {
		w.Environment("production").Policies = nil
		return nil
	}, want: "A3 fail"},
	{name: "a check failed from outside", scenario: "release", arrange: func(w *sandbox.World) error {
		w.SetStatus(w.Waiting("production")[0].SHA, "licences", "failure", "a licence is not allowed")
		return nil
	}, want: "A8 fail"},
	{name: "its images expired", scenario: "release", arrange: func(w *sandbox.World) error {
		w.ExpireImages("v1.42.0")
		return nil
	}, want: "A9 fail"},
	{name: "ECS changes a service", scenario: "release", arrange: func(w *sandbox.World) error {
		w.UpdateService(w.Cloud.Cluster("shop-production").Service("orders"), nil, nil, true)
		return nil
	}, want: "A15 fail"},
	{name: "a check is not done", scenario: "release", arrange: func(w *sandbox.World) error {
		w.SetStatus(w.Waiting("production")[0].SHA, "licences", "pending", "")
		return nil
	}, want: "A8 pending"},
	{name: "production has lost tasks", scenario: "release", arrange: func(w *sandbox.World) error {
		for _, t := range w.Cloud.Cluster("shop-production").Service("orders").Tasks {
			w.StopTask(t, "")
		}
		return nil
	}, want: "A14 fail"},
	{name: "one of its commits is reverted on main", scenario: "release", arrange: func(w *sandbox.World) error {
		files := w.Files("main")
		files["README.md"] += "reverted"
		_, err := w.Push("main", "bob", "Revert it\n\nThis reverts commit "+w.Hub.Repository.Refs["heads/develop"]+".", files)
		return err
	}, want: "A11 fail"},
	{name: "what is live, again", scenario: "calm", arrange: func(w *sandbox.World) error {
		_, err := w.Dispatch(w.Workflow("cd-production.yml"), "v1.42.0", nil, w.User("bob"))
		return err
	}, settle: 20 * time.Minute, want: "A5 fail, A11 not_applicable, A12 pass"},
	{name: "production was taken far back in the AWS console", scenario: "release", old: true, arrange: func(w *sandbox.World) error {
		w.TakeBack("production", "v1.37.0")
		return nil
	}, settle: 40 * time.Minute, want: "A10 fail, A5 pass"},
	{name: "the first deployment", scenario: "release", arrange: func(w *sandbox.World) error {
		w.Unlaunch("production")
		return nil
	}, want: "A5 not_applicable"},
	{name: "rules are down", scenario: "release", blind: "/environments", want: "A3 unknown"},
	{name: "the AWS session ended", scenario: "expired-credentials", wait: 12 * time.Minute, want: "A7 unknown, A14 unknown"},
	{name: "the AWS session ended before", scenario: "expired-credentials", want: "A13 unknown"},
	{name: "rolling back without AWS", scenario: "expired-credentials", rollback: true, want: "R10 unknown, R14 unknown, R3 unknown, R5 unknown, R6 unknown, R16 unknown, R13 unknown"},
	{name: "what waits cannot be read a second time", scenario: "release", intercept: func(*sandbox.World) func(string) bool {
		reads := 0
		return func(request string) bool {
			again := strings.HasSuffix(request, "/pending_deployments")
			if again {
				reads++
			}
			return again && reads > 1
		}
	}, want: "A2 unknown, A1 pass"},
	{name: "cancelled while the sheet opens", scenario: "release", arrange: func(*sandbox.World) error { return nil }, intercept: func(w *sandbox.World) func(string) bool {
		run := w.Waiting("production")[0]
		return func(request string) bool {
			if strings.HasSuffix(request, fmt.Sprintf("/actions/runs/%d", run.ID)) {
				w.Cancel(run, false)
			}
			return false
		}
	}, want: "A1 fail"},
	{name: "a run of a workflow that does not deploy here", scenario: "release", prepare: func(c *pipeline.Configuration) { c.Environments[1].Workflow = "release.yml" }, want: "A1 fail, A2 pass"},
	{name: "frozen", scenario: "release", prepare: func(c *pipeline.Configuration) { c.Policy.Freezes = []pipeline.FreezeWindow{{Reason: "Christmas"}} }, want: "A16 fail"},
	{name: "four eyes are off", scenario: "release", prepare: func(c *pipeline.Configuration) { c.Policy.FourEyes = "off" }, want: "A4 not_applicable"},
	{name: "no stage before", scenario: "release", prepare: func(c *pipeline.Configuration) { c.Environments[1].After = "" }, want: "A7 not_applicable"},
	{name: "not soaked", scenario: "release", prepare: func(c *pipeline.Configuration) { c.Environments[0].Soak = 48 * time.Hour }, want: "A7 fail"},
	{name: "comparisons are down", scenario: "release", down: "/compare/", want: "A5 unknown, A10 unknown, A11 unknown, A12 unknown"},
	{name: "checks are down", scenario: "release", down: "/(check-runs|status|check-suites)|/actions/runs$", want: "A8 unknown, A6 unknown, A15 unknown"},
	{name: "locks are down", scenario: "release", down: "/git/", want: "A16 unknown"},

	{name: "a settled world", scenario: "calm", rollback: true, want: "R1 pass, R2 pass, R3 pass, R5 pass, R6 pass, R7 pass, R8 pass, R9 pass, R10 pass, R16 pass, R17 pass, R19 pass, R20 pass, R21 pass, R23 pass"},
	{name: "its image is gone", scenario: "missing-image", rollback: true, to: "v1.41.3", want: "R10 fail"},
	{name: "a release waits", scenario: "release", rollback: true, want: "R7 fail, R4 fail"},
	{name: "a freeze", scenario: "calm", rollback: true, prepare: func(c *pipeline.Configuration) { c.Policy.Freezes = []pipeline.FreezeWindow{{Reason: "Christmas"}} }, want: "R21 fail"},
	{name: "one service", scenario: "calm", rollback: true, prepare: func(c *pipeline.Configuration) { c.Environments[1].Services = c.Environments[1].Services[:1] }, want: "R17 not_applicable"},
	{name: "rollback.yml enters a gate", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		w.Environment("production-deploy").Reviewers = []string{"alice"}
		return nil
	}, want: "R23 fail"},
	{name: "somebody deployed meanwhile", scenario: "calm", rollback: true, arrange: func(*sandbox.World) error { return nil }, then: func(w *sandbox.World) {
		w.UpdateService(w.Cloud.Cluster("shop-production").Service("orders"), nil, nil, true)
	}, want: "R5 fail, R7 fail"},
	{name: "old and new tasks", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		family := w.Cloud.TaskDefinitions["shop-production-orders"]
		w.UpdateService(w.Cloud.Cluster("shop-production").Service("orders"), family[len(family)-2], nil, true)
		return nil
	}, settle: 25 * time.Second, want: "R6 fail"},
	{name: "a column was dropped", scenario: "destructive-migration", rollback: true, arrange: func(w *sandbox.World) error { return w.Approve("production", "alice") }, settle: time.Hour, want: "R12 fail"},
	{name: "a token that only reads", scenario: "calm", rollback: true, token: "read-only", want: "R20 fail"},
	{name: "back to what was rolled back", scenario: "calm", old: true, rollback: true, to: "v1.41.2", want: "R2 fail"},
	{name: "its definitions are inactive", scenario: "calm", rollback: true, to: "v1.41.3", arrange: func(w *sandbox.World) error {
		for family, list := range w.Cloud.TaskDefinitions {
			if strings.HasPrefix(family, "shop-production-") {
				for _, d := range list[:len(list)-1] {
					d.Status = "INACTIVE"
				}
			}
		}
		return nil
	}, want: "R9 fail"},
	{name: "records that name no definitions", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		w.ForgetDefinitions("production")
		return nil
	}, want: "R9 not_applicable, R14 not_applicable, R15 not_applicable"},
	{name: "memory raised in the AWS console", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		w.Configure(w.Cloud.Cluster("shop-production").Service("orders"), func(d *sandbox.TaskDefinition) { d.Memory, d.Secrets = "4096", d.Secrets[:1] })
		return nil
	}, want: "R14 fail, R15 pass, R7 fail"},
	{name: "a secret may not be looked up that only the target uses", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		for _, s := range w.Cloud.Cluster("shop-production").Services {
			w.Configure(s, func(d *sandbox.TaskDefinition) { d.Secrets = d.Secrets[:1] })
		}
		return nil
	}, intercept: func(*sandbox.World) func(string) bool {
		return func(request string) bool { return request == "DescribeSecret" }
	}, want: "R15 unknown"},
	{name: "a secret is about to be deleted", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		for _, s := range w.Cloud.Secrets {
			if s.Name == "shop-production/jwt-signing-key" {
				s.Deleted = w.Now()
			}
		}
		return nil
	}, want: "R15 fail"},
	{name: "scaled to zero", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		none := 0
		w.UpdateService(w.Cloud.Cluster("shop-production").Service("users"), nil, &none, false)
		return nil
	}, want: "R16 fail"},
	{name: "a service that came later", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		w.Introduce("users", "production", "v1.42.0")
		return nil
	}, want: "R17 fail"},
	{name: "no second choice", scenario: "calm", old: true, rollback: true, to: "v1.41.3", arrange: func(w *sandbox.World) error {
		for _, version := range []string{"v1.41.1", "v1.41.0", "v1.40.0", "v1.39.0", "v1.38.0"} {
			w.ExpireImages(version)
		}
		return nil
	}, want: "R22 fail"},
	{name: "no lifecycle policy", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		w.Cloud.LifecyclePolicy = ""
		return nil
	}, want: "R11 not_applicable"},
	{name: "the registry keeps few images", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		w.Cloud.LifecyclePolicy = sandbox.LifecyclePolicyKeeping(5)
		return nil
	}, want: "R11 fail, R10 pass"},
	{name: "lifecycle policies may not be read", scenario: "calm", rollback: true, intercept: func(*sandbox.World) func(string) bool {
		return func(request string) bool { return request == "GetLifecyclePolicy" }
	}, want: "R11 unknown, R10 pass"},
	{name: "the snapshots are gone", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		w.Cloud.Snapshots = nil
		return nil
	}, want: "R13 fail"},
	{name: "rollback.yml runs", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		_, err := w.Dispatch(w.Workflow("rollback.yml"), "main", map[string]any{
			"deployment_id": fmt.Sprint(w.Rollouts("production")[1].ID), "reason": "errors on checkout", "confirm": "ROLLBACK",
		}, w.User("bob"))
		return err
	}, want: "R8 fail, R7 fail"},
	{name: "there is no such deployment", scenario: "calm", rollback: true, target: func(*sandbox.World) int64 { return 1 }, want: "R1 fail"},
	{name: "a deployment of staging", scenario: "calm", rollback: true, target: func(w *sandbox.World) int64 { return w.Rollouts("staging")[1].ID }, want: "R1 fail"},
	{name: "what is live, by name", scenario: "calm", rollback: true, target: func(w *sandbox.World) int64 { return w.Rollouts("production")[0].ID }, want: "R1 pass, R3 fail"},
	{name: "the logs say that nothing got worse", scenario: "calm", rollback: true, logs: true, want: "R18 fail"},
	{name: "GitHub does not say what the token may do", scenario: "calm", rollback: true, arrange: func(w *sandbox.World) error {
		w.HidePermissions()
		return nil
	}, want: "R20 unknown"},
	{name: "deployments are down", scenario: "calm", rollback: true, down: "/deployments|/graphql", want: "R1 unknown, R17 unknown, R22 unknown"},
	{name: "no database", scenario: "calm", rollback: true, prepare: func(c *pipeline.Configuration) { c.Environments[1].Database = pipeline.Database{} }, want: "R13 not_applicable"},
	{name: "no such workflow", scenario: "calm", rollback: true, prepare: func(c *pipeline.Configuration) { c.Workflows.Rollback = "none.yml" }, want: "R19 fail"},
	{name: "history is down", scenario: "calm", rollback: true, down: "/compare/", want: "R4 unknown, R12 unknown"},
	{name: "runs are down", scenario: "calm", rollback: true, down: "/actions/runs$", want: "R7 unknown, R8 unknown"},
	{name: "files are down", scenario: "calm", rollback: true, down: "/contents/.*rollback", want: "R19 unknown, R8 unknown, R23 unknown"},
	{name: "locks are down, rolling back", scenario: "calm", rollback: true, down: "/git/", want: "R21 unknown"},
}

// The gates say of every named state of the sandbox what it is: read through
// the real clients, and not made for the test.
func TestGatesOfSandboxStates(t *testing.T) {
	if pipeline.RaceDetector {
		t.Skip("fifty worlds, read by one console each: the run without the race detector has them")
	}
	shown := map[string]bool{}
	unchanged := slices.DeleteFunc(slices.Clone(states), func(s state) bool { return s.arrange != nil })
	for len(unchanged) > 0 { // all those of a world look at the same one
		first := unchanged[0]
		same := func(s state) bool { return s.scenario == first.scenario && s.old == first.old }
		others := slices.DeleteFunc(slices.Clone(unchanged), same)
		t.Run(fmt.Sprint(first.scenario, ", old: ", first.old), func(t *testing.T) {
			rehearse(t, first.world(), func(r *rehearsal) {
				r.shown = shown
				for _, s := range unchanged {
					if same(s) {
						r.check(s)
					}
				}
			})
		})
		unchanged = others
	}
	for _, s := range states {
		if s.arrange != nil {
			t.Run(s.name, func(t *testing.T) {
				rehearse(t, s.world(), func(r *rehearsal) {
					r.shown = shown
					world := r.world.World()
					world.Lock()
					err := s.arrange(world)
					world.Unlock()
					if err != nil {
						r.Fatal(err)
					}
					time.Sleep(s.settle)
					r.check(s)
				})
			})
		}
	}
	if t.Failed() || flag.Lookup("test.run").Value.String() != "" && strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
		return // some states were not looked at
	}
	for _, verdict := range pipeline.PossibleVerdicts() {
		if _, excused := notFromAState[verdict]; !shown[verdict] && !excused {
			t.Errorf("no state shows %s", verdict)
		}
	}
}

// notFromAState are the verdicts that no state of the table shows, and why;
// TestEveryApprovalGate and TestEveryRollbackGate show them on evidence made by
// hand.
var notFromAState = map[string]string{
	"A17 unknown": "GitHub says of every run when it was made, from which its age follows",
}

// world is the one that a state is found in.
func (s state) world() sandbox.Options {
	return sandbox.Options{Scenario: s.scenario, Seed: 1, Young: !s.old}
}

// check looks at one state with a console of its own.
func (r *rehearsal) check(s state) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	r.down.Store(nil)
	if s.blind != "" {
		r.configure(ctx)
		r.down.Store(regexp.MustCompile(s.blind))
	}
	r.token, r.logs = s.token, s.logs
	if s.blind == "" {
		r.config = pipeline.Configuration{}
	}
	if s.prepare != nil {
		r.configure(ctx)
		s.prepare(&r.config)
	}
	o, e := r.operator(ctx)
	defer func() { _ = e.Close() }()
	if s.then != nil {
		r.world.World().Lock()
		s.then(r.world.World())
		r.world.World().Unlock()
	}
	time.Sleep(s.wait)
	p, err := r.plan(ctx, o, e.Snapshot(), s)
	if err != nil {
		r.Errorf("%s: %v", s.name, err)
		return
	}
	for _, g := range p.Gates {
		r.shown[g.ID+" "+string(g.Verdict)] = true
	}
	for want := range strings.SplitSeq(s.want, ", ") {
		id, verdict, _ := strings.Cut(want, " ")
		i := slices.IndexFunc(p.Gates, func(g pipeline.Gate) bool { return g.ID == id })
		if i < 0 || string(p.Gates[i].Verdict) != verdict {
			r.Errorf("%s: %s is not %s: %+v", s.name, id, verdict, p.Gates[max(i, 0)])
			continue
		}
		if g := p.Gates[i]; g.Sentence == "" || g.Code == "" {
			r.Errorf("%s: %s says nothing: %+v", s.name, id, g)
		}
	}
}

// intercept has the world ask a function before each request; nil ends it.
func (r *rehearsal) intercept(f func(*sandbox.World) func(string) bool) {
	w := r.world.World()
	w.Lock()
	defer w.Unlock()
	if f == nil {
		w.Intercept(nil)
		return
	}
	w.Intercept(f(w))
}

func (r *rehearsal) plan(ctx context.Context, o *pipeline.Operator, snap *pipeline.Snapshot, s state) (pipeline.Plan, error) {
	if s.intercept != nil {
		r.intercept(s.intercept)
		defer r.intercept(nil)
	}
	if s.down != "" {
		r.down.Store(regexp.MustCompile(s.down))
	}
	if !s.rollback {
		if len(snap.Approvals) == 0 {
			return pipeline.Plan{}, fmt.Errorf("nothing waits in %s", s.scenario)
		}
		return o.PlanReview(ctx, pipeline.ReviewRequest{RunID: snap.Approvals[0].Run.ID, Comment: s.comment})
	}
	req := pipeline.RollbackRequest{Environment: "production"}
	if s.target != nil {
		w := r.world.World()
		w.Lock()
		req.To = s.target(w)
		w.Unlock()
	}
	for _, c := range snap.Environment("production").Return.Candidates {
		if s.to != "" && c.Release.Version == s.to {
			req.To = c.Deployment.ID
		}
	}
	return o.PlanRollback(ctx, req)
}
