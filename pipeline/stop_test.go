package pipeline

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// hands are CloudActions over the small world.
type hands struct{ *world }

func (h hands) StopDeployment(_ context.Context, _ Cluster, deployment string) error {
	return h.answer("stop "+deployment, deployment, func(d *ServiceDeployment) { d.Status = "ROLLBACK_REQUESTED" })
}

func (h hands) ContinueDeployment(_ context.Context, _ Cluster, deployment, hook string, back bool) error {
	word := "continue "
	if back {
		word = "back "
	}
	return h.answer(word+deployment+" "+hook, deployment, func(d *ServiceDeployment) { d.Hooks = nil })
}

func (h hands) answer(what, deployment string, change func(*ServiceDeployment)) error {
	if err := h.send(what); err != nil {
		return err
	}
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	for i, v := range h.services["shop-production"] {
		if v.Rollout != nil && v.Rollout.ARN == deployment {
			d := *v.Rollout
			change(&d)
			h.services["shop-production"][i].Rollout = &d
		}
	}
	return nil
}

// rollsOut makes ECS roll out orders; with a hook it pauses there.
func rollsOut(w *world, hook string) {
	d := &ServiceDeployment{ARN: "arn:sd/orders/1", Status: "IN_PROGRESS", Sources: []ServiceRevision{{SHA: shaLive}}, Target: ServiceRevision{SHA: shaNew}}
	if hook != "" {
		d.Hooks = []Hook{{ID: hook, Type: "PAUSE", Status: hookAwaits}}
	}
	w.services["shop-production"][0].Rollout = d
}

func allowed(c *Configuration) { c.Policy.DirectAWSWrites = true }

// ECS is told to stop exactly the deployment that was shown, and only where the
// team allows that.
func TestStopAndContinue(t *testing.T) {
	for name, tt := range map[string]struct {
		hook      string
		configure func(*Configuration)
		plan      func(*Operator) (Plan, error)
		meanwhile func(*world)
		outcome   Outcome
		code      string
		sent      string
	}{
		"stopped":            {plan: stopOrders, configure: allowed, outcome: OutcomeDone, sent: "stop arn:sd/orders/1"},
		"not allowed":        {plan: stopOrders, outcome: OutcomeRefused, code: "direct_writes_off"},
		"nothing to stop":    {plan: stopUsers, configure: allowed, outcome: OutcomeRefused, code: "nothing_in_flight"},
		"another took over":  {plan: stopOrders, configure: allowed, meanwhile: func(w *world) { rollsOut(w, ""); w.services["shop-production"][0].Rollout.ARN = "arn:sd/orders/2" }, outcome: OutcomeRefused, code: "deployment_changed"},
		"continued":          {hook: "h1", plan: goOn(false), configure: allowed, outcome: OutcomeDone, sent: "continue arn:sd/orders/1 h1"},
		"taken back":         {hook: "h1", plan: goOn(true), configure: allowed, outcome: OutcomeDone, sent: "back arn:sd/orders/1 h1"},
		"it does not pause":  {plan: goOn(false), configure: allowed, outcome: OutcomeRefused, code: "nothing_paused"},
		"continue, not here": {hook: "h1", plan: goOn(false), outcome: OutcomeRefused, code: "direct_writes_off"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(time.Now())
				w.configure = tt.configure
				rollsOut(w, tt.hook)
				o := NewOperator(OperatorOptions{Engine: start(t, w), Actions: w, Cloud: hands{w}, Journal: &record{}})
				p, err := tt.plan(o)
				if err != nil {
					t.Fatal(err)
				}
				if tt.meanwhile != nil {
					w.change(tt.meanwhile)
				}
				got, err := o.Execute(t.Context(), p, Confirmation{Reason: "errors on checkout"})
				if err != nil || got.Outcome != tt.outcome || got.Code != tt.code {
					t.Fatalf("%+v %v", got, err)
				}
				if tt.sent != "" && !slices.Equal(w.sent, []string{tt.sent}) || tt.sent == "" && len(w.sent) > 0 {
					t.Errorf("sent %v", w.sent)
				}
			})
		})
	}
}

func stopOrders(o *Operator) (Plan, error) {
	return o.PlanStop(context.Background(), StopRequest{Environment: "production"})
}

func stopUsers(o *Operator) (Plan, error) {
	return o.PlanStop(context.Background(), StopRequest{Environment: "production", Service: "users"})
}

func goOn(back bool) func(*Operator) (Plan, error) {
	return func(o *Operator) (Plan, error) {
		return o.PlanContinue(context.Background(), ContinueRequest{Environment: "production", Service: "orders", RollBack: back})
	}
}

// One plan with one confirmation ends the run that deploys, takes back what ECS
// does for it, and rolls back; not while a migration runs.
func TestRollbackEndsWhatIsInFlight(t *testing.T) {
	for name, tt := range map[string]struct {
		halt      bool
		configure func(*Configuration)
		job       string
		change    func(*world)
		outcome   Outcome
		code      string
		sent      []string
	}{
		"all of it":             {halt: true, configure: allowed, job: "Deploy services", outcome: OutcomeDone, sent: []string{"lock", "cancel 100", "stop arn:sd/orders/1", "dispatch rollback.yml"}},
		"without direct writes": {halt: true, job: "Deploy services", outcome: OutcomeDone, sent: []string{"lock", "cancel 100", "dispatch rollback.yml"}},
		"not asked":             {job: "Deploy services", outcome: OutcomeRefused, code: "rollout_in_flight"},
		"a migration runs":      {halt: true, configure: allowed, job: "Backup and migrate", outcome: OutcomeRefused, code: "migration_running"},
		"another run goes on meanwhile": {halt: true, job: "Deploy services", change: func(w *world) {
			w.runs = append(w.runs, Run{ID: 101, Workflow: "cd-production.yml", Number: 13, Attempt: 1, Status: StatusWaiting, SHA: shaOlder, Created: time.Now()})
			end := w.onSend
			w.onSend = func(w *world, what string) error {
				w.runs[len(w.runs)-1].Status = StatusInProgress // somebody approved it on the web
				return end(w, what)
			}
		}, outcome: OutcomeRefused, code: "in_flight_changed", sent: []string{"lock", "cancel 100", "unlock production"}},
		"the run does not end": {halt: true, job: "Deploy services", change: func(w *world) { w.onSend = nil }, outcome: OutcomeUnseen, code: "cancel_unseen", sent: []string{"lock", "cancel 100", "unlock production"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(time.Now())
				w.configure = tt.configure
				w.runs[0].Status = StatusInProgress
				delete(w.pending, productionRun)
				w.jobs[productionRun] = []Job{{RunID: productionRun, Name: tt.job, Status: StatusInProgress}}
				rollsOut(w, "")
				w.services["shop-production"][0] = moving(w.services["shop-production"][0])
				w.onSend = func(w *world, what string) error {
					if strings.HasPrefix(what, "cancel") {
						w.runs[0].Status, w.runs[0].Conclusion = StatusCompleted, ConclusionCancelled
					}
					return nil
				}
				if tt.change != nil {
					w.change(tt.change)
				}
				o := NewOperator(OperatorOptions{Engine: start(t, w), Actions: w, Cloud: hands{w}, Journal: &record{}})
				p, err := o.PlanRollback(t.Context(), RollbackRequest{Environment: "production", Halt: tt.halt})
				if err != nil {
					t.Fatal(err)
				}
				checkHaltCommand(t, p.Intent, p.Command)
				got, err := o.Execute(t.Context(), p, confirmed)
				if err != nil || got.Outcome != tt.outcome || got.Code != tt.code {
					for _, g := range p.Gates {
						if g.Verdict != Pass {
							t.Log(g.ID, g.Verdict, g.Effect, g.Sentence)
						}
					}
					t.Fatalf("%s %s %s %v, %v", got.Outcome, got.Code, got.Sentence, got.Differences, err)
				}
				if len(w.sent) != len(tt.sent) {
					t.Fatalf("sent %v", w.sent)
				}
				for i, want := range tt.sent {
					if !strings.HasPrefix(w.sent[i], want) {
						t.Errorf("sent %q as %d, want %s", w.sent[i], i, want)
					}
				}
				if got.Outcome == OutcomeDone && (p.Intent.Deployment != 3 && p.Intent.Deployment != 2 || !slices.Contains(p.Intent.Faulty, shaNew)) {
					t.Errorf("goes back to %d, marks %v", p.Intent.Deployment, p.Intent.Faulty)
				}
			})
		})
	}
}

// checkHaltCommand checks that what a sheet offers to copy does all that its plan
// does, also from this machine.
func checkHaltCommand(t *testing.T, in Intent, command string) {
	t.Helper()
	for part, wanted := range map[string]bool{
		"gh run cancel 100 -R acme/shop && ":                         len(in.Cancels) > 0,
		"stop-service-deployment --stop-type ROLLBACK --service":     len(in.Stops) > 0,
		"gh workflow run rollback.yml -R acme/shop --ref main -f co": true,
	} {
		if strings.Contains(command, part) != wanted {
			t.Errorf("the command has %q: %t, want %t\n%s", part, !wanted, wanted, command)
		}
	}
	in.Direct = true
	direct := rollbackCommand(&EnvironmentState{}, in, "")
	if strings.Contains(direct, "--direct --halt ") != (len(in.Cancels)+len(in.Stops) > 0) {
		t.Errorf("from here: %s", direct)
	}
}

// moving is a service half-way to shaNew.
func moving(s ServiceState) ServiceState {
	next := service("orders", "new", shaNew)
	s.Deployments = append([]ServiceSet{{ID: "ecs-svc/ordersnew", Status: "PRIMARY", TaskDefinition: next.TaskDefinition, Desired: 2, Running: 1, RolloutState: "IN_PROGRESS"}}, s.Deployments...)
	s.Deployments[1].Status = "ACTIVE"
	s.Revisions = append(slices.Clone(next.Revisions), s.Revisions...)
	s.TaskDefinition = next.TaskDefinition
	return s
}

// A hotfix passes only for whom the team names, under a name, and stays marked.
func TestAHotfixPassesByName(t *testing.T) {
	for name, tt := range map[string]struct {
		may  []string
		ack  string
		done bool
	}{
		"named":             {[]string{"alice"}, "hotfix INC-42", true},
		"without a name":    {[]string{"alice"}, "hotfix", false},
		"for somebody else": {[]string{"bob"}, "hotfix INC-42", false},
		"for nobody":        {nil, "hotfix INC-42", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(time.Now())
				w.configure = func(c *Configuration) { c.Policy.Hotfix = tt.may }
				w.services["shop-staging"] = []ServiceState{service("orders", "live", shaLive), service("users", "live", shaLive)}
				w.deployments["staging"] = nil
				o := operatorOver(start(t, w), w, &record{})
				p, err := o.PlanReview(t.Context(), ReviewRequest{RunID: productionRun})
				if err != nil {
					t.Fatal(err)
				}
				acks := []string{tt.ack, "images"} // staging holds no digest of it
				got, err := o.Execute(t.Context(), p, Confirmation{Comment: "checkout is down", Acks: acks})
				if tt.done != (err == nil && got.Outcome == OutcomeDone) {
					t.Fatalf("%+v %v", got, err)
				}
				if tt.done && (!strings.Contains(w.sent[0], "[deployctl ack=A7] [deployctl hotfix INC-42]") || !slices.Contains(got.Overrides, "A7 not_staged: hotfix INC-42")) {
					t.Errorf("not marked: %v, sent %v", got.Overrides, w.sent)
				}
			})
		})
	}
}

// What ECS did when it was last heard of is no way back, no time and no health now.
func TestStopGatesOnServicesThatCannotBeRead(t *testing.T) {
	v := ServiceView{ServiceState: ServiceState{Rollout: &ServiceDeployment{Status: "IN_PROGRESS", Hooks: []Hook{{ID: "h1", Type: "PAUSE", Status: hookAwaits}}}}}
	unreadNow(&v.Observation)
	e := &EnvironmentState{Observation: v.Observation}
	in := Intent{Kind: PlanStop, Stops: []ECSDeployment{{Service: "orders", ARN: "arn:sd/orders/1"}}}
	for _, g := range []Gate{stopGate(e, in), sourceGate(e, in, nil), timeGate(v, time.Now()), fareGate(v, Intent{Kind: PlanContinue})} {
		if g.Verdict != Unknown || g.Effect < Warn {
			t.Errorf("%s is %s: %s", g.ID, g.Verdict, g.Sentence)
		}
	}
}
