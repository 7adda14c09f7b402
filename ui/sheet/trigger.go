package sheet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// trigger is the sheet that starts a workflow: a form with the inputs that the
// workflow's file declares at the chosen ref, and then the sheet of its plan.
type trigger struct {
	repositories []string // OWNER/NAME of all, the console's own first
	in           string   // the chosen one where it is another than the console's own
	repository   string   // OWNER/NAME of the chosen one
	environment  string   // in focus: what a rollback would be of
	rollback     string   // the file of the rollback workflow
	workflows    []pipeline.Workflow

	workflow string // file
	ref      string
	refs     []pipeline.Ref
	refsErr  error

	file    pipeline.WorkflowFile
	fileErr error
	state   reading
	values  []*value

	askRefs, askFile question

	picker  *picker
	focus   string
	note    string
	tried   bool // Next was pressed: say what is missing
	changed time.Time
	since   time.Time
	scroll  scroll
	body    *page
	foot    *page
	place   placement

	recalled bool     // values are as they were sent last
	guessed  []string // workflows that were tried, for want of the operator's choice
	chosen   bool     // the workflow is the operator's choice
	confirm  *planned // after Next
	snapshot *pipeline.Snapshot
}

// reading is how far the workflow's file is known.
type reading int

const (
	unread reading = iota
	underway
	read
	unreadable
)

// The targets of the form. Inputs have their names behind a prefix.
const (
	targetRepository = "repository"
	targetWorkflow   = "workflow"
	targetRef        = "ref"
	inputPrefix      = "input "
	buttonNext       = "next"
	buttonForm       = "form"
	buttonDefaults   = "defaults"
)

// confirmInput is the input of rollback.yml that the rollback sheet asks for
// itself.
const confirmInput = "confirm"

// NewTrigger is the sheet that starts a workflow of a repository (empty: the
// console's own): the file named, or one that is picked; at ref, or the default
// branch.
func NewTrigger(s *pipeline.Snapshot, repository, file, ref string) Sheet {
	t := &trigger{
		environment: s.Focus.Environment, rollback: s.Config.Workflows.Rollback,
		repositories: []string{s.Repository.FullName()}, focus: targetWorkflow,
	}
	if t.environment == "" {
		t.environment = s.Config.Default
	}
	for _, r := range s.Repositories {
		t.repositories = append(t.repositories, r.Repository.FullName())
	}
	t.visit(s, repository)
	t.workflow = file
	if ref != "" {
		t.ref = ref
	}
	return t
}

// visit goes to a repository: its workflows, at its default branch.
func (t *trigger) visit(s *pipeline.Snapshot, repository string) {
	t.in, t.snapshot = repository, s
	of := s.Of(repository)
	t.repository, t.ref = of.Repository.FullName(), of.Repository.DefaultBranch
	t.workflow, t.workflows, t.refs, t.refsErr, t.values, t.state = "", nil, nil, nil, nil, unread
	for _, w := range of.Workflows.Value {
		if w.State == "active" || w.State == "" {
			t.workflows = append(t.workflows, w)
		}
	}
}

// Start implements [Sheet]: it reads the file, or lets pick one.
func (t *trigger) Start(now time.Time) (Action, tea.Cmd) {
	t.changed, t.since = now, now
	if t.workflow == "" {
		t.open(targetWorkflow)
		return nil, nil
	}
	return t.readFile(now), nil
}

// readFile asks what the workflow's file says at the ref.
func (t *trigger) readFile(now time.Time) Action {
	t.state, t.since, t.changed, t.tried = underway, now, now, false
	return FileWanted{Ticket: t.askFile.ask(), Repository: t.in, File: t.workflow, Ref: t.ref}
}

// Observe implements [Sheet].
func (t *trigger) Observe(s *pipeline.Snapshot, now time.Time) {
	t.snapshot = s
	if t.confirm != nil {
		t.confirm.Observe(s, now)
	}
}

// Handle implements [Sheet].
func (t *trigger) Handle(msg tea.Msg, now time.Time) (Action, tea.Cmd) {
	if t.confirm != nil {
		return t.confirm.Handle(msg, now)
	}
	switch m := msg.(type) {
	case FileRead:
		if t.askFile.current(m.Ticket) && t.state == underway {
			t.declared(m, now)
			return t.guess(now), nil
		}
	case RefsRead:
		if t.askRefs.current(m.Ticket) {
			t.refs, t.refsErr = m.Refs, m.Err
			if t.picker != nil && t.picker.control == targetRef {
				t.picker.fill(t.refOptions(), m.Err)
			}
		}
	case tea.PasteMsg:
		t.paste(m)
	case tea.MouseClickMsg:
		return t.click(m.Mouse(), now), nil
	case tea.MouseWheelMsg:
		t.wheel(m.Mouse().Button)
	case tea.KeyPressMsg:
		t.note, t.scroll.free = "", false
		if t.picker != nil {
			return t.pickerKey(m, now), nil
		}
		return t.key(m, now), nil
	}
	return nil, nil
}

// declared takes the inputs of the file. What was typed into inputs that are
// still there stays.
func (t *trigger) declared(m FileRead, now time.Time) {
	t.changed = now
	t.file, t.fileErr, t.state = m.File, m.Err, read
	if m.Err != nil {
		t.state, t.values = unreadable, nil
		return
	}
	old := t.values
	t.values, t.recalled = nil, false
	for _, in := range m.File.Inputs {
		v := newValue(in)
		if i := slices.IndexFunc(old, func(o *value) bool { return o.input.Name == in.Name }); i >= 0 {
			v.keep(old[i])
		} else if last, ok := m.Remembered[in.Name]; ok && len(old) == 0 {
			t.recalled = v.take(last) || t.recalled
		}
		t.values = append(t.values, v)
	}
	if !slices.Contains(t.targets(), t.focus) || t.focus == targetWorkflow {
		t.focus = t.first()
	}
}

// guess goes on to the next workflow where the one that the form was opened with
// cannot be started by hand, and the operator has chosen none: the run under the
// cursor says little of what somebody wants to start.
func (t *trigger) guess(now time.Time) Action {
	if t.chosen || t.picker != nil || t.state != read || t.file.Dispatchable || t.rollsBack() {
		return nil
	}
	if len(t.guessed) == 0 {
		t.guessed = []string{t.workflow}
	}
	for _, w := range t.workflows {
		if f := w.File(); f != t.rollback && !slices.Contains(t.guessed, f) {
			t.guessed = append(t.guessed, f)
			t.workflow = f
			return t.readFile(now)
		}
	}
	t.chosen, t.workflow = true, t.guessed[0]
	return t.readFile(now)
}

// guessedInstead says of which workflow this one stands in place; empty: none.
func (t *trigger) guessedInstead() string {
	if t.chosen || len(t.guessed) == 0 || t.workflow == t.guessed[0] {
		return ""
	}
	return t.guessed[0]
}

// first is where the focus goes once the inputs are known: the first of them,
// or Next.
func (t *trigger) first() string {
	for _, v := range t.asked() {
		return inputPrefix + v.input.Name
	}
	return buttonNext
}

// reset puts every input back to its default.
func (t *trigger) reset() {
	for i, v := range t.values {
		t.values[i] = newValue(v.input)
	}
	t.recalled = false
}

// asked are the inputs that this form asks for.
func (t *trigger) asked() []*value {
	if !t.rollsBack() {
		return t.values
	}
	return slices.DeleteFunc(slices.Clone(t.values), func(v *value) bool { return v.input.Name == confirmInput })
}

// rollsBack reports whether the chosen workflow is the one that rolls back: it
// has a sheet of its own, with checks.
func (t *trigger) rollsBack() bool { return t.in == "" && t.workflow != "" && t.workflow == t.rollback }

// value returns the input of a target; nil: it is another target.
func (t *trigger) value(target string) *value {
	name, ok := strings.CutPrefix(target, inputPrefix)
	if !ok {
		return nil
	}
	for _, v := range t.values {
		if v.input.Name == name {
			return v
		}
	}
	return nil
}

// missing is why the form cannot be sent yet; empty: it can.
func (t *trigger) missing() gap {
	switch {
	case t.workflow == "":
		return gap{"choose a workflow", targetWorkflow}
	case t.state == underway:
		return gap{sentence: "the workflow's file is being read: a moment"}
	case t.state == unreadable:
		return gap{"the workflow's file cannot be read at " + t.ref, targetRef}
	case t.rollsBack():
		return gap{}
	case !t.file.Dispatchable:
		return gap{t.workflow + " cannot be started by hand at " + t.ref, targetWorkflow}
	}
	for _, v := range t.values {
		if p := v.problem(); p != "" {
			return gap{v.input.Name + ": " + p, inputPrefix + v.input.Name}
		}
	}
	return gap{}
}

// next goes from the form to the plan, or to the rollback sheet.
func (t *trigger) next(now time.Time) Action {
	if m := t.missing(); m.sentence != "" {
		t.tried, t.note = true, m.sentence
		if m.target != "" {
			t.focus = m.target
		}
		return nil
	}
	if t.rollsBack() {
		return RollbackWanted{Request: t.rollbackRequest()}
	}
	inputs := map[string]string{}
	for _, v := range t.values {
		if v.sent() {
			inputs[v.input.Name] = v.String()
		}
	}
	t.confirm = newPlanned(&dispatch{form: t}, PlanWanted{
		Kind: pipeline.PlanTrigger, Trigger: pipeline.TriggerRequest{Repository: t.in, Workflow: t.workflow, Ref: t.ref, Inputs: inputs},
	})
	t.confirm.previous = []button{{id: buttonForm, label: "Back"}}
	t.confirm.snapshot = t.snapshot
	return t.confirm.replan(now)
}

// rollbackRequest takes what the form knows over to the rollback sheet.
func (t *trigger) rollbackRequest() pipeline.RollbackRequest {
	r := pipeline.RollbackRequest{Environment: t.environment}
	for _, v := range t.values {
		switch v.input.Name {
		case "deployment_id":
			r.To, _ = strconv.ParseInt(v.String(), 10, 64)
		case "reason":
			r.Reason = v.String()
		}
	}
	return r
}

// command is the gh command of the form as it stands.
func (t *trigger) command() string { return dispatchCommand(t.repository, t.workflow, t.ref, t.values) }

// open opens the picker of a control.
func (t *trigger) open(control string) Action {
	switch control {
	case targetRepository:
		var all []option
		for _, name := range t.repositories {
			all = append(all, option{value: name, label: name})
		}
		t.picker = newPicker(control, all, t.repository)
	case targetWorkflow:
		t.picker = newPicker(control, t.workflowOptions(), t.workflow)
		t.picker.err = t.workflowsError()
	case targetRef:
		t.picker = newPicker(control, t.refOptions(), t.ref)
		if t.refs == nil || t.refsErr != nil {
			t.picker.waiting, t.picker.err = true, nil
			return RefsWanted{Ticket: t.askRefs.ask(), Repository: t.in}
		}
	default:
		v := t.value(control)
		t.picker = newPicker(control, optionsOf(v), v.pick)
	}
	return nil
}

// workflowsError is why there is no workflow to choose; nil: there is.
func (t *trigger) workflowsError() error {
	if len(t.workflows) > 0 {
		return nil
	}
	if err := t.snapshot.Of(t.in).Workflows.Err; err != nil {
		return err
	}
	return pipeline.Errorf(pipeline.KindNotFound, "%s has no active workflow", t.repository)
}

func (t *trigger) workflowOptions() []option {
	out := make([]option, 0, len(t.workflows))
	for _, w := range t.workflows {
		note := w.Name
		if w.File() == t.rollback {
			note += ": opens the rollback sheet"
		}
		out = append(out, option{value: w.File(), label: w.File(), note: note})
	}
	return out
}

// refOptions are the branches, the default one first, then the tags.
func (t *trigger) refOptions() []option {
	refs := slices.Clone(t.refs)
	rank := func(r pipeline.Ref) int {
		switch {
		case r.Tag:
			return 2
		case r.Name == t.snapshot.Of(t.in).Repository.DefaultBranch:
			return 0
		}
		return 1
	}
	slices.SortStableFunc(refs, func(a, b pipeline.Ref) int { return rank(a) - rank(b) })
	out := make([]option, 0, len(refs))
	for _, r := range refs {
		kind := "branch"
		if r.Tag {
			kind = "tag"
		}
		out = append(out, option{value: r.Name, label: r.Name, note: pipeline.Short(r.SHA) + " " + kind})
	}
	return out
}

func optionsOf(v *value) []option {
	var out []option
	for _, o := range v.options() {
		label := o
		if o == "" {
			label = "(not sent)"
		}
		note := ""
		if o != "" && o == v.input.Default {
			note = "default"
		}
		out = append(out, option{value: o, label: label, note: note})
	}
	return out
}

// choose closes the picker and takes what was picked.
func (t *trigger) choose(o option, now time.Time) Action {
	control := t.picker.control
	t.picker, t.focus, t.changed = nil, control, now
	switch control {
	case targetRepository:
		if o.value == t.repository {
			return nil
		}
		in := o.value
		if in == t.repositories[0] {
			in = ""
		}
		t.visit(t.snapshot, in)
		t.open(targetWorkflow)
		return nil
	case targetWorkflow:
		if o.value == t.workflow && t.state == read {
			return nil
		}
		t.workflow, t.values, t.chosen = o.value, nil, true
		return t.readFile(now)
	case targetRef:
		if o.value == t.ref {
			return nil
		}
		t.ref, t.chosen = o.value, true
		if t.workflow == "" {
			return nil
		}
		return t.readFile(now)
	}
	t.value(control).pick = o.value
	return nil
}

// refSHA is the commit of the chosen ref, where the refs were read.
func (t *trigger) refSHA() string {
	for _, r := range t.refs {
		if r.Name == t.ref {
			return pipeline.Short(r.SHA)
		}
	}
	return ""
}

// summary is the line below the form.
func (t *trigger) summary(dot string) string {
	if t.state != read {
		return ""
	}
	text := fmt.Sprintf("* required %s %s %s read at %s", dot, count(len(t.values), "input"), dot, t.ref)
	if t.recalled {
		text += " " + dot + " values as sent last"
	}
	return text
}
