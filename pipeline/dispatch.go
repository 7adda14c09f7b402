package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dispatch starts a workflow once and finds the run that it made: by the id
// that GitHub answers, else by the request id that ends the run's name, else
// the newest own dispatch at that ref. Two candidates are not guessed between.
func (o *Operator) dispatch(ctx context.Context, in Intent, inputs map[string]string, r *Receipt) {
	began := time.Now()
	actions, err := o.actionsIn(in.Repository)
	if err != nil {
		r.Outcome, r.Code, r.Sentence = OutcomeRefused, string(KindOf(err)), err.Error()
		return
	}
	sent, err := actions.Dispatch(ctx, Dispatch{Workflow: in.Workflow, Ref: in.Ref, Inputs: inputs})
	if err != nil && !doubtful(err) {
		r.Outcome, r.Code, r.Sentence = OutcomeRejected, string(KindOf(err)), err.Error()
		return
	}
	tell(ctx, StageObserving, "")
	ambiguous := false
	seen := o.await(ctx, func(ctx context.Context) (bool, error) {
		run, several, err := o.findDispatched(ctx, in, sent.RunID, began)
		ambiguous = several
		if err != nil || run.ID == 0 {
			return false, err
		}
		r.RunID, r.URL = run.ID, run.URL
		r.Sentence = fmt.Sprintf("%s #%d started at %s %s", in.Workflow, run.Number, run.Branch, Short(run.SHA))
		return true, nil
	})
	switch {
	case seen:
		r.Outcome = OutcomeDone
	case ambiguous:
		r.Outcome, r.Code, r.Sentence = OutcomeUnseen, "run_ambiguous", "sent; more than one new run could be it, so look at the list of runs"
	case err != nil:
		r.Outcome, r.Code, r.Sentence = OutcomeUnknown, "sent_unknown", "it cannot be told whether it was sent: "+err.Error()
	default:
		r.RunID = sent.RunID
		r.Outcome, r.Code, r.Sentence = OutcomeUnseen, "effect_unseen", "sent, not yet seen; look at the list of runs before you try again"
	}
}

// clockSlack allows for a GitHub clock that is a little behind ours.
const clockSlack = 10 * time.Second

func (o *Operator) findDispatched(ctx context.Context, in Intent, id int64, began time.Time) (run Run, several bool, err error) {
	gh, err := o.engine.github(in.Repository)
	if err != nil {
		return Run{}, false, err
	}
	if id != 0 {
		run, err = gh.Run(ctx, id)
		return run, false, err
	}
	list, err := gh.Runs(ctx, RunQuery{
		Workflow: in.Workflow, Event: "workflow_dispatch", CreatedFrom: began.Add(-clockSlack), Limit: 20,
	})
	if err != nil {
		return Run{}, false, err
	}
	known := map[int64]bool{}
	for _, r := range o.engine.Snapshot().Of(in.Repository).Runs.Value {
		known[r.ID] = r.Created.Before(began.Add(-clockSlack))
	}
	var mine []Run
	for _, r := range list.Runs {
		if strings.Contains(r.Title, in.ID) {
			return r, false, nil
		}
		if !known[r.ID] && r.Branch == in.Ref && r.Actor == in.Operator {
			mine = append(mine, r)
		}
	}
	if len(mine) == 1 {
		return mine[0], false, nil
	}
	return Run{}, len(mine) > 1, nil
}

// PlanTrigger plans to start a workflow: its inputs are checked against the
// file at the chosen ref.
func (o *Operator) PlanTrigger(ctx context.Context, req TriggerRequest) (Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	s, gh, err := o.readyIn(ctx, req.Repository)
	if err != nil {
		return Plan{}, err
	}
	if req.Ref == "" {
		req.Ref = s.Repository.DefaultBranch
	}
	file, err := gh.WorkflowFile(Uncached(ctx), req.Workflow, req.Ref)
	if err != nil {
		if KindOf(err) == KindNotFound {
			unknown := NoSuch("workflow", req.Workflow, workflowNames(s))
			unknown.Message, unknown.Err = unknown.Message+" at "+req.Ref, err
			return Plan{}, unknown
		}
		return Plan{}, err
	}
	inputs, err := checkInputs(file, req)
	if err != nil {
		return Plan{}, err
	}
	in := o.newIntent(PlanTrigger, s)
	in.Workflow, in.Ref, in.Inputs = req.Workflow, req.Ref, inputs
	if _, ok := file.Input("request_id"); ok && inputs["request_id"] == "" {
		in.Inputs["request_id"] = in.ID
	}
	head, err := gh.Commit(Uncached(ctx), req.Ref)
	if err != nil {
		return Plan{}, err
	}
	in.SHA = head.SHA
	p := Plan{
		Intent: in, Title: "Run workflow · " + req.Workflow,
		Preview: Preview{To: Release{SHA: head.SHA, Title: head.Title, Author: head.Author, Created: head.Committed}},
		Gates:   triggerGates(s, req, time.Now()),
		Command: dispatchCommand(in),
		Sends:   fmt.Sprintf("dispatches %s at %s %s with %d inputs", req.Workflow, req.Ref, Short(head.SHA), len(inputs)),
	}
	p.Intent.GatesFP = Fingerprint(p.Gates)
	return p, nil
}

func workflowNames(s *Snapshot) []string {
	var names []string
	for _, w := range s.Workflows.Value {
		names = append(names, w.File())
	}
	return names
}

// checkInputs validates values against the declaration: GitHub would answer
// 422 to what is unexpected, missing or not one of the options.
func checkInputs(f WorkflowFile, req TriggerRequest) (map[string]string, error) {
	bad := func(format string, args ...any) error {
		return &Error{Kind: KindUsage, Message: fmt.Sprintf(format, args...)}
	}
	if !f.Dispatchable {
		return nil, bad("%s at %s cannot be started by hand: it has no workflow_dispatch trigger", req.Workflow, req.Ref)
	}
	for _, name := range sortedKeys(req.Inputs) {
		if _, ok := f.Input(name); !ok {
			return nil, bad("%s at %s has no input %q; it has %s", req.Workflow, req.Ref, name, inputNames(f))
		}
	}
	out := map[string]string{}
	for _, in := range f.Inputs {
		v, given := req.Inputs[in.Name]
		if !given {
			v = in.Default
		}
		if v == "" {
			if in.Required {
				return nil, bad("the input %s is required", in.Name)
			}
			continue
		}
		if err := CheckInput(in, v); err != nil {
			return nil, err
		}
		out[in.Name] = v
	}
	return out, nil
}

// CheckInput validates one value against its input's type; the error is of
// KindUsage and says what would be right.
func CheckInput(in Input, v string) error {
	switch in.Type {
	case InputBoolean:
		if v != "true" && v != "false" {
			return Errorf(KindUsage, "the input %s is true or false, not %q", in.Name, v)
		}
	case InputNumber:
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return Errorf(KindUsage, "the input %s is a number, not %q", in.Name, v)
		}
	case InputChoice, InputEnvironment:
		if len(in.Options) > 0 && !slices.Contains(in.Options, v) {
			return Errorf(KindUsage, "the input %s is one of %s, not %q", in.Name, strings.Join(in.Options, ", "), v)
		}
	case InputString:
	}
	return nil
}

func inputNames(f WorkflowFile) string {
	var names []string
	for _, in := range f.Inputs {
		names = append(names, in.Name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func triggerGates(s *Snapshot, req TriggerRequest, now time.Time) []Gate {
	gates := []Gate{permission(s, "T1", now)}
	for i := range s.Environments {
		e := &s.Environments[i]
		if e.Environment.Workflow != req.Workflow || e.Lane.Free() {
			continue
		}
		gates = append(gates, Gate{
			ID: "T2", Code: "lane_held", Title: "lane", Verdict: Fail, Effect: Warn,
			Sentence:    fmt.Sprintf("%s: #%d holds the lane; this run will wait behind it", e.Environment.Name, e.Lane.Holder.Run.Number),
			Observation: Observation{Source: "github runs", At: s.Runs.At},
		})
	}
	return gates
}

// permission is the gate that every command needs: a role that may write.
func permission(s *Snapshot, id string, now time.Time) Gate {
	g := Gate{
		ID: id, Code: "not_allowed", Title: "permission", Verdict: Pass,
		Sentence:    fmt.Sprintf("%s may do this (%s)", s.Viewer.Login, s.Repository.Role),
		Observation: Observation{Source: "github repository", At: now},
	}
	if s.Repository.Role == "" {
		g = unreadGate(g, g.Observation, Block)
		g.Sentence = "GitHub does not say what " + firstOf(s.Viewer.Login, "the token") + " may do in " + s.Repository.FullName()
		return g
	}
	if !s.Repository.CanWrite() {
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = fmt.Sprintf("%s has the role %q and may not change anything here", s.Viewer.Login, s.Repository.Role)
		g.Remedy = "ask for write access to " + s.Repository.FullName()
	}
	return g
}

// dispatchCommand is the gh command that does the same.
func dispatchCommand(in Intent) string {
	var b strings.Builder
	fmt.Fprintf(&b, "gh workflow run %s -R %s --ref %s", in.Workflow, in.Repository, in.Ref)
	for _, name := range sortedKeys(in.Inputs) {
		fmt.Fprintf(&b, " -f %s", shellQuote(name+"="+in.Inputs[name]))
	}
	return b.String()
}

// shellQuote quotes for a POSIX shell where that is needed.
func shellQuote(s string) string {
	if strings.IndexFunc(s, func(r rune) bool {
		return !(r == '=' || r == '-' || r == '_' || r == '.' || r == '/' || r == ':' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// PlanRerun plans another attempt of a run.
func (o *Operator) PlanRerun(ctx context.Context, req RunRequest) (Plan, error) {
	return o.planRun(ctx, PlanRerun, req)
}

// PlanCancel plans to end a run.
func (o *Operator) PlanCancel(ctx context.Context, req RunRequest) (Plan, error) {
	return o.planRun(ctx, PlanCancel, req)
}

func (o *Operator) planRun(ctx context.Context, kind PlanKind, req RunRequest) (Plan, error) {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	s, gh, err := o.readyIn(ctx, req.Repository)
	if err != nil {
		return Plan{}, err
	}
	run, err := gh.Run(Uncached(ctx), req.RunID)
	if err != nil {
		return Plan{}, err
	}
	job, err := rerunJob(ctx, gh, run, req)
	if err != nil {
		return Plan{}, err
	}
	in := o.newIntent(kind, s)
	in.RunID, in.RunAttempt, in.SHA, in.Workflow, in.Ref = run.ID, run.Attempt, run.SHA, run.Workflow, run.Branch
	in.FailedOnly, in.Debug, in.Force, in.JobID = req.FailedOnly, req.Debug, req.Force, req.JobID
	p := Plan{
		Intent: in, Title: runTitle(kind, run, req, job), Command: runCommand(kind, in),
		Preview: Preview{To: Release{SHA: run.SHA, Title: run.CommitTitle, Author: run.Actor}},
		Gates:   []Gate{permission(s, "T1", time.Now()), runStateGate(kind, run, time.Now())},
		Sends:   fmt.Sprintf("%ss %s #%d, attempt %d", kind, run.Workflow, run.Number, run.Attempt),
	}
	if job.ID != 0 {
		p.Sends = fmt.Sprintf("reruns the job %s of %s #%d, attempt %d, and those that need it", job.Name, run.Workflow, run.Number, run.Attempt)
	}
	p.Intent.GatesFP = Fingerprint(p.Gates)
	return p, nil
}

func runTitle(kind PlanKind, run Run, req RunRequest, job Job) string {
	verb := "Cancel"
	switch {
	case job.ID != 0:
		verb = "Re-run " + job.Name
	case kind == PlanRerun && req.FailedOnly:
		verb = "Re-run failed jobs"
	case kind == PlanRerun:
		verb = "Re-run"
	case req.Force:
		verb = "Force-cancel"
	}
	return fmt.Sprintf("%s · %s #%d, attempt %d · %s %s", verb, run.Workflow, run.Number, run.Attempt, run.Branch, Short(run.SHA))
}

func runCommand(kind PlanKind, in Intent) string {
	if kind == PlanCancel {
		cmd := fmt.Sprintf("gh run cancel %d -R %s", in.RunID, in.Repository)
		if in.Force {
			cmd += " --force"
		}
		return cmd
	}
	cmd := fmt.Sprintf("gh run rerun %d -R %s", in.RunID, in.Repository)
	if in.JobID != 0 {
		cmd = fmt.Sprintf("gh run rerun -R %s --job %d", in.Repository, in.JobID)
	} else if in.FailedOnly {
		cmd += " --failed"
	}
	if in.Debug {
		cmd += " --debug"
	}
	return cmd
}

// runStateGate refuses what GitHub would: to cancel what ended, to re-run what
// has not.
func runStateGate(kind PlanKind, run Run, now time.Time) Gate {
	g := Gate{ID: "T3", Code: "run_state", Title: "run", Verdict: Pass, Observation: Observation{Source: "github runs", At: now}}
	g.Sentence = fmt.Sprintf("#%d is %s", run.Number, strings.ReplaceAll(string(run.Status), "_", " "))
	if run.Done() {
		g.Sentence = fmt.Sprintf("#%d has ended: %s", run.Number, strings.ReplaceAll(string(run.Conclusion), "_", " "))
	}
	if run.Done() == (kind == PlanCancel) {
		g.Verdict, g.Effect = Fail, Block
		if kind == PlanCancel {
			g.Sentence = fmt.Sprintf("#%d is %s and has ended already", run.Number, run.Conclusion)
		} else {
			g.Sentence += " and has not ended yet"
			g.Remedy = "cancel it first, or wait"
		}
	}
	return g
}

// ready returns a snapshot that knows the repository and the operator, reading
// them when the engine has not yet.
func (o *Operator) ready(ctx context.Context) (*Snapshot, error) {
	s := o.engine.Snapshot()
	if len(s.Config.Environments) == 0 || s.Restored {
		s = o.engine.Settle(ctx)
	}
	if s.Repository.Role != "" && s.Viewer.Login != "" {
		return s, nil
	}
	repo, err := o.engine.opt.GitHub.Repository(ctx)
	if err != nil {
		return nil, err
	}
	viewer, err := o.engine.opt.GitHub.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	copied := *s
	copied.Repository, copied.Viewer = repo, viewer
	return &copied, nil
}

func containsText(s, part string) bool { return part != "" && strings.Contains(s, part) }

func cloneInputs(m map[string]string) map[string]string { return maps.Clone(m) }
