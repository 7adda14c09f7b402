package cmd_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/rhysd/actionlint"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// runner performs the jobs of a sandbox's workflow runs as a self-hosted runner
// does: each on a machine of its own (a new home and workspace), its shell steps
// with bash, the actions by what actions knows of them. What is not here
// (docker, terraform, Amazon's client, pytest) is a program that asks the test.
type runner struct {
	t     testing.TB
	world *world
	dir   string
	tools *tools
	slots chan struct{}
	jobs  sync.WaitGroup
	steps string // what TEST_STEPS is in jobs; "only": our own steps are stood in for
}

// machine is what one job runs on.
type machine struct {
	*runner
	job       *sandbox.Job
	run       *sandbox.Run
	context   *sandbox.JobContext
	files     map[string]string // of the commit
	home      string
	workspace string
	temp      string
	env       map[string]string // that steps left for the steps after them
	path      []string          // likewise, before the others
	masked    []string
	summary   strings.Builder
	report    strings.Builder
	built     map[string]bool // images of the local docker, by name and tag
	registry  bool            // docker is logged in
}

// newRunner starts a runner with four machines.
func newRunner(t testing.TB, w *world) *runner {
	t.Helper()
	r := &runner{t: t, world: w, dir: t.TempDir(), slots: make(chan struct{}, 4)}
	r.tools = newTools(r)
	t.Cleanup(r.jobs.Wait)
	return r
}

// drive performs jobs until something holds in the world. Jobs that have begun
// go on.
func (r *runner) drive(t *testing.T, what string, limit time.Duration, until func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; <-tick.C {
		if r.take(until) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %s still not: %s\n%s", limit, what, r.open())
		}
	}
}

// take gives queued jobs to free machines, unless the condition holds already.
func (r *runner) take(until func() bool) bool {
	w := r.world.World()
	w.Lock()
	defer w.Unlock()
	if until() {
		return true
	}
	for _, j := range w.QueuedJobs() {
		select {
		case r.slots <- struct{}{}:
		default:
			return false
		}
		if err := w.StartJob(j, fmt.Sprintf("runner %d", j.ID%100)); err != nil {
			<-r.slots
			continue
		}
		m := r.machine(j)
		r.jobs.Go(func() {
			defer func() { <-r.slots }()
			m.perform()
		})
	}
	return false
}

// machine is a new one for a job; the world is locked.
func (r *runner) machine(j *sandbox.Job) *machine {
	w := r.world.World()
	return &machine{
		runner: r, job: j, run: j.Run, context: w.Context(j), files: w.Files(j.Run.SHA),
		env: map[string]string{}, built: map[string]bool{},
	}
}

// open describes the runs that have not ended, for a test that gives up.
func (r *runner) open() string {
	w := r.world.World()
	w.Lock()
	defer w.Unlock()
	var out strings.Builder
	for _, run := range w.Hub.Runs[max(0, len(w.Hub.Runs)-6):] {
		a := run.Attempt()
		fmt.Fprintf(&out, "%s %d: %s %s\n", run.Workflow.File(), run.ID, a.Status, a.Conclusion)
		for _, j := range a.Jobs {
			fmt.Fprintf(&out, "  %s: %s %s\n", j.Name, j.Status, j.Conclusion)
		}
	}
	return out.String()
}

// perform runs a job from its first step to its last.
func (m *machine) perform() {
	w := m.world.World()
	root := filepath.Join(m.dir, fmt.Sprintf("%d", m.job.ID))
	m.home, m.workspace, m.temp = filepath.Join(root, "home"), filepath.Join(root, "work"), filepath.Join(root, "temp")
	for _, dir := range []string{m.home, m.workspace, m.temp} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			m.t.Error(err)
		}
	}
	if err := os.WriteFile(filepath.Join(m.temp, "event.json"), m.context.Event(), 0o600); err != nil {
		m.t.Error(err)
	}
	m.context.Set("github", "workspace", m.workspace)
	m.context.HashFiles(m.hashFiles)
	m.masked = secretsOf(m.context)
	m.tools.register(m)
	ctx, cancel := context.WithTimeout(context.Background(), m.timeout())
	defer cancel()
	began := time.Now()
	for _, step := range m.job.Steps {
		if step.Spec() != nil {
			m.step(ctx, step)
		}
	}
	outputs := m.context.Outputs()
	w.Lock()
	w.FinishJob(m.job, m.context.Conclusion(), outputs)
	conclusion := m.job.Conclusion
	w.Unlock()
	m.t.Logf("%s / %s: %s in %.1f s\n%s", m.run.Workflow.File(), m.job.Name, conclusion, time.Since(began).Seconds(), m.report.String())
}

// secretsOf are the secrets that must not be seen. GitHub hides the account and
// the names of the bucket and the database too, but they tell nobody anything.
func secretsOf(c *sandbox.JobContext) []string {
	var values []string
	for name, value := range c.Secrets() {
		if !slices.Contains([]string{"AWS_ACCOUNT_ID", "BACKUP_S3_BUCKET", "DB_NAME", "DB_USER"}, name) && value != "" {
			values = append(values, value)
		}
	}
	return values
}

func (m *machine) timeout() time.Duration {
	if limit := m.job.Spec().TimeoutMinutes; limit != nil {
		return time.Duration(limit.Value * float64(time.Minute))
	}
	return 6 * time.Hour
}

// environment sets the env context as it is in a step: of the file, of the job,
// of what steps left, of the step.
func (m *machine) environment(step *actionlint.Step) map[string]string {
	env := map[string]string{}
	apply := func(e *actionlint.Env) {
		if e == nil {
			return
		}
		for _, v := range e.Vars {
			env[v.Name.Value] = m.context.Expand(v.Value.Value)
		}
		for name, value := range env {
			m.context.Set("env", name, value)
		}
	}
	apply(m.run.File().Env)
	apply(m.job.Spec().Env)
	maps.Copy(env, m.env)
	apply(step.Env)
	return env
}

// step performs one step, or skips it.
func (m *machine) step(ctx context.Context, step *sandbox.Step) {
	spec, w := step.Spec(), m.world.World()
	env := m.environment(spec)
	condition := ""
	if spec.If != nil {
		condition = spec.If.Value
	}
	outcome, outputs := "skipped", map[string]string{}
	if m.context.Holds(condition) {
		w.Lock()
		going := w.StartStep(m.job, step)
		w.Unlock()
		if !going {
			m.context.Step("", "cancelled", "cancelled", nil)
			return
		}
		outcome, outputs = m.execute(ctx, step, env)
	}
	conclusion := outcome
	if outcome == "failure" && spec.ContinueOnError != nil && spec.ContinueOnError.Value {
		conclusion = "success"
	}
	id := ""
	if spec.ID != nil {
		id = spec.ID.Value
	}
	m.context.Step(id, outcome, conclusion, outputs)
	w.Lock()
	w.FinishStep(m.job, step, outcome)
	w.Unlock()
	fmt.Fprintf(&m.report, "    %-9s %s\n", outcome, step.Name)
}

// execute runs a step's script or stands in for its action.
func (m *machine) execute(ctx context.Context, step *sandbox.Step, env map[string]string) (outcome string, outputs map[string]string) {
	outputs = map[string]string{}
	var err error
	switch run := step.Spec().Exec.(type) {
	case *actionlint.ExecRun:
		err = m.script(ctx, step, run, env, outputs)
	case *actionlint.ExecAction:
		err = m.action(step, run, outputs)
	default:
		err = errors.New("the step runs nothing")
	}
	if err == nil {
		return "success", outputs
	}
	m.say(step, "##[error]"+err.Error())
	fmt.Fprintf(&m.report, "      %s\n", err)
	return "failure", outputs
}

// script runs a shell step with bash, as runners do.
func (m *machine) script(ctx context.Context, step *sandbox.Step, run *actionlint.ExecRun, env, outputs map[string]string) error {
	script := filepath.Join(m.temp, fmt.Sprintf("step-%d.sh", step.Number))
	if err := os.WriteFile(script, []byte(m.context.Expand(run.Run.Value)), 0o600); err != nil {
		return err
	}
	arguments, directory := []string{"-e", script}, run.WorkingDirectory
	if run.Shell != nil && run.Shell.Value == "bash" {
		arguments = []string{"--noprofile", "--norc", "-eo", "pipefail", script}
	}
	if defaults := m.job.Spec().Defaults; directory == nil && defaults != nil && defaults.Run != nil {
		directory = defaults.Run.WorkingDirectory
	}
	command := exec.CommandContext(ctx, "bash", arguments...)
	command.Dir = m.workspace
	if directory != nil {
		command.Dir = filepath.Join(m.workspace, m.context.Expand(directory.Value))
	}
	left := map[string]string{}
	command.Env = m.variables(step, env, left)
	output, input := io.Pipe()
	command.Stdout, command.Stderr = input, input
	command.WaitDelay = 5 * time.Second
	read := make(chan struct{})
	go func() { defer close(read); m.listen(step, output) }()
	err := command.Run()
	_ = input.Close() // it never fails
	<-read
	return errors.Join(m.commandError(err), m.collect(left, outputs))
}

func (m *machine) commandError(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("Process completed with exit code %d.", exit.ExitCode())
	}
	return err
}

// variables are the environment of a shell step. Left names the files through
// which it speaks to the runner.
func (m *machine) variables(step *sandbox.Step, env, left map[string]string) []string {
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE"} {
		left[name] = filepath.Join(m.temp, fmt.Sprintf("%s-%d", strings.ToLower(name), step.Number))
		if err := os.WriteFile(left[name], nil, 0o600); err != nil {
			m.t.Error(err)
		}
	}
	all := map[string]string{
		"PATH": strings.Join(append(slices.Clone(m.path), m.tools.bin, os.Getenv("PATH")), ":"), "HOME": m.home, "LANG": "C.UTF-8", "TZ": "UTC",
		"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": m.workspace, "GITHUB_EVENT_PATH": filepath.Join(m.temp, "event.json"),
		"RUNNER_TEMP": m.temp, "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_NAME": m.job.Runner, "TMPDIR": m.temp,
		"GORACE": "atexit_sleep_ms=0", "GH_HOST": "github.localhost",
		"DEPLOYCTL_SPEED": "60", "TEST_STEPS": m.steps,
		toolsAddress: m.tools.address(), toolsMachine: fmt.Sprint(m.job.ID),
	}
	for _, name := range []string{
		"workflow", "run_id", "run_number", "run_attempt", "sha", "ref", "ref_name", "ref_type", "actor", "triggering_actor", "repository",
		"repository_owner", "event_name", "job", "server_url", "api_url", "graphql_url", "workflow_ref", "head_ref", "base_ref",
	} {
		all["GITHUB_"+strings.ToUpper(name)] = m.context.Text("github", name)
	}
	for _, v := range m.world.vars {
		// Of what leads into the sandbox only the way there: no credentials.
		if name, value, _ := strings.Cut(v, "="); strings.HasSuffix(strings.ToUpper(name), "_PROXY") || name == "AWS_ENDPOINT_URL" || name == "AWS_EC2_METADATA_DISABLED" {
			all[name] = value
		}
	}
	all["AWS_CONFIG_FILE"], all["AWS_SHARED_CREDENTIALS_FILE"] = os.DevNull, os.DevNull
	maps.Copy(all, left)
	maps.Copy(all, env)
	var list []string
	for name, value := range all {
		list = append(list, name+"="+value)
	}
	return list
}

// workflowCommand is what a step says to the runner on its output.
var workflowCommand = regexp.MustCompile(`^::([a-z-]+)(?: ([^:]*(?::[^:]+)*?))?::(.*)$`)

// listen takes a step's output line by line.
func (m *machine) listen(step *sandbox.Step, output io.Reader) {
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		command := workflowCommand.FindStringSubmatch(line)
		if command == nil {
			m.say(step, line)
			continue
		}
		text := strings.NewReplacer("%0A", "\n", "%0D", "\r", "%25", "%").Replace(command[3])
		switch command[1] {
		case "add-mask":
			m.masked = append(m.masked, text)
		case "error", "warning", "notice":
			m.annotate(command[1], command[2], text)
			m.say(step, "##["+command[1]+"]"+text)
		default:
			m.say(step, line)
		}
	}
	_, _ = io.Copy(io.Discard, output) // a line that is too long stops nobody
}

// say adds a line to a step's log. No secret is ever in one, whether or not
// GitHub would hide it.
func (m *machine) say(step *sandbox.Step, line string) {
	for _, secret := range m.masked {
		if strings.Contains(line, secret) {
			m.t.Errorf("%s / %s shows a secret in its log", m.run.Workflow.File(), m.job.Name)
			line = strings.ReplaceAll(line, secret, "***")
		}
	}
	fmt.Fprintf(&m.report, "      | %s\n", line)
	w := m.world.World()
	w.Lock()
	defer w.Unlock()
	w.Log(step, line)
}

func (m *machine) annotate(level, properties, text string) {
	a := sandbox.Annotation{Path: ".github", Line: 1, Level: map[string]string{"error": "failure"}[level], Message: text}
	if a.Level == "" {
		a.Level = level
	}
	for property := range strings.SplitSeq(properties, ",") {
		switch name, value, _ := strings.Cut(property, "="); name {
		case "file":
			a.Path = value
		case "title":
			a.Title = strings.NewReplacer("%3A", ":", "%2C", ",", "%25", "%").Replace(value)
		}
	}
	w := m.world.World()
	w.Lock()
	defer w.Unlock()
	m.job.Annotations = append(m.job.Annotations, a)
}

// collect reads what a step left in the files of the runner.
func (m *machine) collect(left, outputs map[string]string) error {
	text := map[string]string{}
	for name, file := range left {
		content, err := os.ReadFile(file) //nolint:gosec // the runner's own file
		if err != nil {
			return err
		}
		text[name] = string(content)
	}
	m.summary.WriteString(text["GITHUB_STEP_SUMMARY"])
	if s := strings.TrimSpace(text["GITHUB_STEP_SUMMARY"]); s != "" {
		fmt.Fprintf(&m.report, "      summary:\n        %s\n", strings.ReplaceAll(s, "\n", "\n        "))
	}
	for line := range strings.Lines(text["GITHUB_PATH"]) {
		m.path = slices.Insert(m.path, 0, strings.TrimSpace(line))
	}
	return errors.Join(assignments(text["GITHUB_OUTPUT"], outputs), assignments(text["GITHUB_ENV"], m.env))
}

// assignments reads NAME=VALUE lines and NAME<<END blocks.
func assignments(text string, into map[string]string) error {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		name, end, isBlock := strings.Cut(lines[i], "<<")
		plain, value, isPlain := strings.Cut(lines[i], "=")
		switch {
		case lines[i] == "":
		case isPlain && (!isBlock || len(plain) < len(name)):
			into[plain] = value
		case isBlock:
			last := slices.Index(lines[i:], end)
			if last < 0 {
				return fmt.Errorf("Invalid value. Matching delimiter not found %q", end)
			}
			into[name] = strings.Join(lines[i+1:i+last], "\n")
			i += last
		default:
			return fmt.Errorf("Invalid format %q", lines[i])
		}
	}
	return nil
}

// hashFiles is the function of expressions, for the job's workspace.
func (m *machine) hashFiles(patterns []string) string {
	hash, found := sha256.New(), false
	_ = fs.WalkDir(os.DirFS(m.workspace), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if slices.ContainsFunc(patterns, func(p string) bool { ok, err := doublestar.Match(p, path); return ok && err == nil }) {
			content, err := os.ReadFile(filepath.Join(m.workspace, path))
			found = true
			_, _ = hash.Write(content) // it never fails
			return err
		}
		return nil
	})
	if !found {
		return ""
	}
	return hex.EncodeToString(hash.Sum(nil))
}
