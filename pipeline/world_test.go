package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// world is a small GitHub and AWS in memory: the ports' test double. Its
// fields may be changed between reads; calls counts what was asked.
type world struct {
	mu          sync.Mutex
	calls       map[string]int
	fail        map[string]error // by method
	runs        []Run
	jobs        map[int64][]Job
	pending     map[int64][]PendingApproval
	reviews     map[int64][]Review
	deployments map[string][]Deployment
	commits     map[string]Commit
	compare     Comparison
	checks      []Check
	rules       []ProtectionRules
	files       map[string]WorkflowFile
	contents    map[string]string
	services    map[string][]ServiceState // by cluster
	images      map[string]ImageState
	definitions map[string]TaskDefinition
	alarms      []Alarm
	snapshots   []DatabaseSnapshot
	after       Comparison // of a candidate and the default branch
	expiries    map[string]Expiry
	holds       map[string]Hold
	role        string                         // of the operator; empty: push
	history     map[string][]ServiceDeployment // by ECS service, of any cluster
	configure   func(*Configuration)           // changes the configuration of the small world
	sent        []string                       // what was sent, in order
	onSend      func(w *world, what string) error
	nextRun     int64
	answerRunID bool
}

const (
	shaLive  = "1111111111111111111111111111111111111111"
	shaNew   = "2222222222222222222222222222222222222222"
	shaOlder = "3333333333333333333333333333333333333333"
	shaStage = "4444444444444444444444444444444444444444" // the commit on develop that shaNew merged
)

// newWorld is a settled acme/shop with two services, whose run 100 waits to
// take shaNew to production.
func newWorld(now time.Time) *world {
	w := &world{
		calls: map[string]int{}, fail: map[string]error{}, jobs: map[int64][]Job{}, reviews: map[int64][]Review{},
		contents: map[string]string{}, nextRun: 500, answerRunID: true,
	}
	w.commits = map[string]Commit{
		shaLive:  {SHA: shaLive, Tree: "tree-live", Title: "Live", Author: "bob", Committed: now.Add(-48 * time.Hour)},
		shaNew:   {SHA: shaNew, Tree: "tree-new", Title: "Merge develop", Author: "bob", Parents: []string{shaLive, shaStage}, Committed: now.Add(-time.Hour)},
		shaStage: {SHA: shaStage, Tree: "tree-new", Title: "Fix cart rounding", Author: "bob", Committed: now.Add(-2 * time.Hour)},
		shaOlder: {SHA: shaOlder, Tree: "tree-older", Title: "Older", Author: "carol", Committed: now.Add(-96 * time.Hour)},
	}
	w.runs = []Run{
		{ID: 100, Workflow: "cd-production.yml", Number: 12, Attempt: 1, Status: StatusWaiting, Branch: "main", SHA: shaNew, Actor: "bob", TriggeringActor: "bob", Created: now.Add(-5 * time.Minute), Started: now.Add(-5 * time.Minute), URL: "http://x/runs/100"},
		{ID: 99, Workflow: "ci.yml", Number: 30, Attempt: 1, Status: StatusCompleted, Conclusion: ConclusionSuccess, Branch: "main", SHA: shaNew, Created: now.Add(-20 * time.Minute), Updated: now.Add(-10 * time.Minute)},
	}
	w.pending = map[int64][]PendingApproval{100: {{RunID: 100, EnvironmentID: 7, Environment: "production", CanApprove: true, WaitStarted: now.Add(-5 * time.Minute), Reviewers: []Reviewer{{Name: "alice"}}}}}
	w.deployments = map[string][]Deployment{
		"production": {
			deployed(3, "production", shaLive, "live", now.Add(-24*time.Hour), "older"),
			deployed(2, "production", shaOlder, "older", now.Add(-72*time.Hour), "ancient"),
		},
		"staging": {deployed(13, "staging", shaStage, "new", now.Add(-time.Hour), "live")},
	}
	w.compare = Comparison{Status: "ahead", Ahead: 1, Commits: []Commit{w.commits[shaStage]}, Files: []ChangedFile{{Path: "cart.py", Status: "modified"}}}
	w.checks = []Check{{Name: "test", Status: StatusCompleted, Conclusion: ConclusionSuccess}}
	w.rules = []ProtectionRules{{Environment: "production", ID: 7, Reviewers: []Reviewer{{Name: "alice"}}, Branches: []string{"main"}}, {Environment: "production-deploy", ID: 8}}
	w.files = map[string]WorkflowFile{
		"rollback.yml": {Path: "rollback.yml", Dispatchable: true, Concurrency: "rollback", Inputs: []Input{
			{Name: "deployment_id", Type: InputString, Required: true},
			{Name: "reason", Type: InputString, Required: true},
			{Name: "confirm", Type: InputString, Required: true},
			{Name: "request_id", Type: InputString},
		}, Jobs: []WorkflowJob{{ID: "rollback", Environment: "production-deploy"}}},
		"cd-staging.yml": {Path: "cd-staging.yml", Dispatchable: true, Inputs: []Input{
			{Name: "debug", Type: InputBoolean, Default: "false"},
			{Name: "scope", Type: InputChoice, Options: []string{"all", "orders"}, Required: true, Default: "all"},
			{Name: "replicas", Type: InputNumber},
			{Name: "request_id", Type: InputString},
		}},
		"cd-production.yml": {Path: "cd-production.yml", Concurrency: "production"},
	}
	w.services = map[string][]ServiceState{
		"shop-production": {service("orders", "live", shaLive), service("users", "live", shaLive)},
		"shop-staging":    {service("orders", "new", shaStage), service("users", "new", shaStage)},
	}
	w.images = map[string]ImageState{}
	w.definitions = map[string]TaskDefinition{}
	for _, release := range []string{"live", "new", "older"} {
		for _, svc := range []string{"orders", "users"} {
			w.images[digest(svc, release)] = ImageState{Present: true, Digest: digest(svc, release)}
			w.definitions[definition(svc, release)] = TaskDefinition{ARN: definition(svc, release), Status: "ACTIVE"}
		}
	}
	return w
}

func digest(svc, release string) string     { return "sha256:" + svc + "-" + release }
func definition(svc, release string) string { return "arn:td/" + svc + ":" + release }

// deployed is a successful deployment of a release over another.
func deployed(id int64, env, sha, release string, at time.Time, before string) Deployment {
	d := Deployment{
		ID: id, SHA: sha, Task: DeploymentTask, Environment: env, Creator: "bob", Created: at.Add(-10 * time.Minute), Updated: at,
		Statuses: []DeploymentStatus{{State: "success", Created: at}},
		Payload:  Payload{Schema: 1, Kind: "deploy", Version: "v-" + release, RunID: 1000 + id, RunAttempt: 1, Services: map[string]ServiceTarget{}, Before: &PayloadBefore{Services: map[string]ServiceTarget{}}},
	}
	for _, svc := range []string{"orders", "users"} {
		d.Payload.Services[svc] = ServiceTarget{Image: digest(svc, release), Desired: 2}
		d.Payload.Before.Services[svc] = ServiceTarget{Image: digest(svc, before), TaskDefinition: definition(svc, before), Desired: 2}
	}
	return d
}

// service is a healthy service on one revision.
func service(name, release, sha string) ServiceState {
	td := definition(name, release)
	return ServiceState{
		ARN: "arn:service/" + name, Status: "ACTIVE", Desired: 2, Running: 2, TaskDefinition: td,
		Deployments: []ServiceSet{{ID: "ecs-svc/" + name + release, Status: "PRIMARY", TaskDefinition: td, Desired: 2, Running: 2, RolloutState: "COMPLETED"}},
		Revisions:   []ServiceRevision{{TaskDefinition: td, Running: 2, SHA: sha, Images: []Image{{Container: "app", Repository: "registry/" + name, Digest: digest(name, release)}}}},
	}
}

func (w *world) asked(method string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[method]++
	return w.fail[method]
}

// called says how often a method was asked.
func (w *world) called(method string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[method]
}

// change changes the world between reads.
func (w *world) change(f func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

func (w *world) Repository(context.Context) (Repository, error) {
	return Repository{Host: "github.com", Owner: "acme", Name: "shop", DefaultBranch: "main", Role: firstOf(w.role, "push")}, w.asked("Repository")
}

func (w *world) Viewer(context.Context) (Viewer, error) {
	return Viewer{Login: "alice", ID: 1}, w.asked("Viewer")
}
func (w *world) Rate() RateBudget { return RateBudget{Limit: 5000, Remaining: 5000} }
func (w *world) Workflows(context.Context) ([]Workflow, error) {
	var out []Workflow
	for _, f := range sortedKeys(w.files) {
		out = append(out, Workflow{Path: ".github/workflows/" + f, State: "active"})
	}
	return out, w.asked("Workflows")
}

func (w *world) WorkflowFile(_ context.Context, file, _ string) (WorkflowFile, error) {
	if err := w.asked("WorkflowFile"); err != nil {
		return WorkflowFile{}, err
	}
	f, ok := w.files[file]
	if !ok {
		return f, Errorf(KindNotFound, "no %s", file)
	}
	return f, nil
}

func (w *world) File(_ context.Context, path, _ string) ([]byte, error) {
	if err := w.asked("File"); err != nil {
		return nil, err
	}
	c, ok := w.contents[path]
	if !ok {
		return nil, Errorf(KindNotFound, "no %s", path)
	}
	return []byte(c), nil
}
func (w *world) Refs(context.Context) ([]Ref, error) { return nil, w.asked("Refs") }

func (w *world) TagsOf(context.Context, string) ([]string, error) { return nil, w.asked("TagsOf") }

func (w *world) Runs(_ context.Context, q RunQuery) (RunList, error) {
	if err := w.asked("Runs"); err != nil {
		return RunList{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Run
	for _, r := range w.runs {
		if (q.Workflow == "" || q.Workflow == r.Workflow) && (q.Status == "" || q.Status == string(r.Status)) && (q.Event == "" || q.Event == r.Event) && !r.Created.Before(q.CreatedFrom) {
			out = append(out, r)
		}
	}
	return RunList{Runs: out, Total: len(out)}, nil
}

func (w *world) Run(_ context.Context, id int64) (Run, error) {
	if err := w.asked("Run"); err != nil {
		return Run{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.runs {
		if r.ID == id {
			return r, nil
		}
	}
	return Run{}, Errorf(KindNotFound, "no run %d", id)
}

func (w *world) Jobs(_ context.Context, run int64, _ int) ([]Job, error) {
	err := w.asked("Jobs")
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.jobs[run], err
}

func (w *world) JobLog(_ context.Context, job int64) (JobLog, error) {
	return JobLog{JobID: job}, w.asked("JobLog")
}

func (w *world) Annotations(context.Context, int64) ([]Annotation, error) {
	return nil, w.asked("Annotations")
}

func (w *world) Artifacts(context.Context, int64) ([]Artifact, error) {
	return nil, w.asked("Artifacts")
}

func (w *world) SaveArtifact(context.Context, Artifact, string) ([]string, error) {
	return nil, w.asked("SaveArtifact")
}

func (w *world) ConcurrencyGroups(context.Context, int64) ([]ConcurrencyGroup, error) {
	return nil, w.asked("ConcurrencyGroups")
}

func (w *world) PendingApprovals(_ context.Context, run int64) ([]PendingApproval, error) {
	err := w.asked("PendingApprovals")
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.pending[run]), err
}

func (w *world) Reviews(_ context.Context, run int64) ([]Review, error) {
	err := w.asked("Reviews")
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reviews[run], err
}

func (w *world) Environments(context.Context) ([]ProtectionRules, error) {
	return w.rules, w.asked("Environments")
}

func (w *world) Deployments(_ context.Context, q DeploymentQuery) ([]Deployment, error) {
	err := w.asked("Deployments")
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.deployments[q.Environment]), err
}

func (w *world) Deployment(_ context.Context, id int64) (Deployment, error) {
	return Deployment{ID: id}, w.asked("Deployment")
}

func (w *world) Releases(context.Context, int) ([]PublishedRelease, error) {
	return nil, w.asked("Releases")
}

func (w *world) Commits(context.Context, string, int) ([]Commit, error) {
	err := w.asked("Commits")
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Commit
	for _, sha := range sortedKeys(w.commits) {
		out = append(out, w.commits[sha])
	}
	return out, err
}

func (w *world) Commit(_ context.Context, ref string) (Commit, error) {
	if err := w.asked("Commit"); err != nil {
		return Commit{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if ref == "main" {
		ref = shaNew
	}
	c, ok := w.commits[ref]
	if !ok {
		return c, Errorf(KindNotFound, "no commit %s", ref)
	}
	return c, nil
}

func (w *world) Compare(_ context.Context, base, head string) (Comparison, error) {
	err := w.asked("Compare")
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.compare
	if head == "main" {
		c = w.after
		if err == nil {
			err = w.fail["Compare main"]
		}
	}
	c.Base, c.Head = base, head
	return c, err
}

func (w *world) Checks(context.Context, string) ([]Check, error) {
	err := w.asked("Checks")
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.checks, err
}

func (w *world) Identity(context.Context, Cluster) (CloudIdentity, error) {
	return CloudIdentity{Account: "123456789012"}, w.asked("Identity")
}

func (w *world) ServiceNames(context.Context, Cluster) ([]string, error) {
	return []string{"orders", "users"}, w.asked("ServiceNames")
}

func (w *world) Clusters(context.Context, Cluster) ([]string, error) {
	return nil, w.asked("Clusters")
}

func (w *world) Services(_ context.Context, c Cluster, _ []string) ([]ServiceState, error) {
	err := w.asked("Services")
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.services[c.Name]), err
}

func (w *world) Tasks(context.Context, Cluster, string) ([]Task, error) { return nil, w.asked("Tasks") }

func (w *world) ServiceDeployments(_ context.Context, c Cluster, service string, _ int) ([]ServiceDeployment, error) {
	return w.history[c.Name+"/"+service], w.asked("ServiceDeployments")
}

func (w *world) Targets(context.Context, Cluster, []string) ([]Target, error) {
	return nil, w.asked("Targets")
}

func (w *world) Alarms(context.Context, Cluster, []string) ([]Alarm, error) {
	err := w.asked("Alarms")
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alarms, err
}

func (w *world) Traffic(context.Context, Cluster, []string, time.Duration) (map[string]Traffic, error) {
	return nil, nil
}

func (w *world) Scalings(context.Context, Cluster, []string) (map[string]Scaling, error) {
	return nil, nil
}

func (w *world) Registrations(context.Context, Cluster, []string) ([]Registration, error) {
	return nil, nil
}

func (w *world) Loads(context.Context, Cluster, []string, time.Duration) (map[string]Load, error) {
	return nil, w.asked("Loads")
}

func (w *world) TaskDefinition(_ context.Context, _ Cluster, arn string) (TaskDefinition, error) {
	err := w.asked("TaskDefinition")
	w.mu.Lock()
	defer w.mu.Unlock()
	td, ok := w.definitions[arn]
	if !ok && err == nil {
		err = Errorf(KindNotFound, "no %s", arn)
	}
	return td, err
}

func (w *world) Images(context.Context, Cluster, []Image) (map[string]ImageState, error) {
	err := w.asked("Images")
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]ImageState{}
	for k, v := range w.images {
		out[k] = v
	}
	return out, err
}

func (w *world) Holds(context.Context) (map[string]Hold, error) {
	err := w.asked("Holds")
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.holds), err
}

func (w *world) held(environment string) (Hold, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, held := w.holds[environment]
	return h, held
}

func (w *world) Lock(_ context.Context, h Hold) error {
	if err := w.send("lock " + h.Environment + " " + h.Cause + " " + h.Reason); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if now, taken := w.holds[h.Environment]; taken && now.Token != h.Token || !taken && h.Token != "" {
		return Errorf(KindConflict, "%s is held already", h.Environment)
	}
	if w.holds == nil {
		w.holds = map[string]Hold{}
	}
	h.Token = "token-" + h.RequestID
	w.holds[h.Environment] = h
	return nil
}

func (w *world) Unlock(_ context.Context, environment, token string) error {
	if err := w.send("unlock " + environment + " " + token); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holds[environment].Token != token {
		return Errorf(KindConflict, "another hold")
	}
	delete(w.holds, environment)
	return nil
}

func (w *world) Expiries(context.Context, Cluster, []Image) (map[string]Expiry, error) {
	err := w.asked("Expiries")
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.expiries, err
}

func (w *world) Secrets(_ context.Context, _ Cluster, refs []string) (map[string]SecretState, error) {
	out := map[string]SecretState{}
	for _, ref := range refs {
		out[ref] = SecretState{Present: true}
	}
	return out, w.asked("Secrets")
}

func (w *world) Snapshots(context.Context, Cluster, string) ([]DatabaseSnapshot, error) {
	err := w.asked("Snapshots")
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.snapshots, err
}

// send records a write and lets the test decide what happens.
func (w *world) send(what string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, what)
	if w.onSend != nil {
		return w.onSend(w, what)
	}
	return nil
}

func (w *world) Dispatch(_ context.Context, d Dispatch) (Dispatched, error) {
	if err := w.send(fmt.Sprintf("dispatch %s %s %v", d.Workflow, d.Ref, d.Inputs)); err != nil {
		return Dispatched{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nextRun++
	w.runs = append([]Run{{ID: w.nextRun, Workflow: d.Workflow, Number: 1, Attempt: 1, Status: StatusQueued, Event: "workflow_dispatch", Branch: d.Ref, SHA: shaNew, Actor: "alice", Title: "by hand [req " + d.Inputs["request_id"] + "]", Created: time.Now()}}, w.runs...)
	if !w.answerRunID {
		return Dispatched{}, nil
	}
	return Dispatched{RunID: w.nextRun}, nil
}

func (w *world) Review(_ context.Context, run int64, envs []int64, approve bool, comment string) error {
	if err := w.send(fmt.Sprintf("review %d %v %t %s", run, envs, approve, comment)); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.decided(run, comment)
	return nil
}

// decided puts a decision on record; the caller holds the lock.
func (w *world) decided(run int64, comment string) {
	delete(w.pending, run)
	w.reviews[run] = append(slices.Clone(w.reviews[run]), Review{Comment: comment})
}

func (w *world) Rerun(_ context.Context, run int64, failed, _ bool) error {
	return w.send(fmt.Sprintf("rerun %d %t", run, failed))
}

func (w *world) RerunJob(_ context.Context, job int64, _ bool) error {
	return w.send(fmt.Sprintf("rerun job %d", job))
}

func (w *world) Cancel(_ context.Context, run int64, _ bool) error {
	return w.send(fmt.Sprintf("cancel %d", run))
}

var (
	_ GitHub  = (*world)(nil)
	_ Cloud   = (*world)(nil)
	_ Actions = (*world)(nil)
)

// record is a Recorder in memory.
type record struct {
	mu    sync.Mutex
	kinds []string
	data  []string
	fail  error
	left  []Abandoned
}

func (r *record) Abandoned(context.Context) ([]Abandoned, error) { return r.left, nil }

func (r *record) Record(_ context.Context, kind, _, _, command string, data json.RawMessage) (uint64, string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return 0, "", r.fail
	}
	r.kinds = append(r.kinds, kind+" "+command)
	r.data = append(r.data, string(data))
	return uint64(len(r.kinds)), "head", nil
}

// testConfiguration is the configuration of the small world.
func testConfiguration() Configuration {
	env := func(name, after string) Environment {
		return Environment{
			Name: name, GitHubEnvironment: name, After: after, Branches: []string{"main", "develop"}, Workflow: "cd-" + name + ".yml",
			Clusters: []Cluster{{Name: "shop-" + name}}, Services: []Service{{Name: "orders"}, {Name: "users"}},
		}
	}
	staging, production := env("staging", ""), env("production", "staging")
	staging.Soak = 10 * time.Minute
	production.GateEnvironment, production.DeployEnvironment, production.Production = "production", "production-deploy", true
	return Configuration{
		Environments: []Environment{staging, production}, Default: "production",
		Workflows: Workflows{CI: "ci.yml", Staging: "cd-staging.yml", Production: "cd-production.yml", Rollback: "rollback.yml"},
		Policy:    Policy{FourEyes: "warn"},
	}
}

// start runs an engine over a world until the test ends, and waits for its
// first answers.
func start(t *testing.T, w *world) *Engine {
	t.Helper()
	e := NewEngine(Options{
		GitHub: w, Cloud: w, Mode: ModeOperator,
		Configure: func(context.Context) (Configuration, error) {
			c := testConfiguration()
			if w.configure != nil {
				w.configure(&c)
			}
			return c, w.asked("Configure")
		},
	})
	e.Start(t.Context())
	t.Cleanup(func() { _ = e.Close() })
	e.Settle(t.Context())
	return e
}

func operatorOver(e *Engine, w *world, r *record) *Operator {
	return NewOperator(OperatorOptions{Engine: e, Actions: w, Journal: r})
}

// gate finds a gate of a plan.
func gate(t *testing.T, p Plan, id string) Gate {
	t.Helper()
	for _, g := range p.Gates {
		if g.ID == id {
			return g
		}
	}
	t.Fatalf("the plan has no gate %s", id)
	return Gate{}
}

func sentCount(w *world, prefix string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.sent {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

// settledEngine is an engine that has read the world once and polls nothing.
func settledEngine(w *world) *Engine {
	ctx := context.Background()
	e := NewEngine(Options{GitHub: w, Cloud: w, Mode: ModeOperator})
	e.observe(func(s *state) { s.config = fact(s.config, "configuration", 0, testConfiguration(), nil) })
	for _, read := range []func(context.Context) error{e.readRepository, e.readRuns, e.readDeployments, e.readCommits, e.readHolds, e.readApprovals, e.readJobs, e.readCommits} {
		if err := read(ctx); err != nil {
			panic(err)
		}
	}
	for _, env := range testConfiguration().Environments {
		if err := firstError([]error{e.readServices(ctx, env.Name), e.readFitness(ctx, env.Name), e.readHistory(ctx, env.Name), e.readArtifacts(ctx, env.Name)}); err != nil {
			panic(err)
		}
	}
	e.publishNow(time.Now())
	return e
}
