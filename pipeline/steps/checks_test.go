package steps_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// wants checks an error by its kind and a part of its sentence.
func (b *bench) wants(err error, kind pipeline.ErrorKind, part string) {
	b.Helper()
	if pipeline.KindOf(err) != kind || err != nil && !strings.Contains(err.Error(), part) {
		b.Errorf("%s: %v; want %s: …%s…", pipeline.KindOf(err), err, kind, part)
	}
}

// checks is GitHub with another history of ci.yml: the state of its run at each
// time it is asked, the last for ever.
type checks struct {
	pipeline.GitHub
	states []string // "", queued, in_progress, or a conclusion; ! cannot be read
	event  string
	asked  *int
}

func (c checks) Runs(ctx context.Context, q pipeline.RunQuery) (pipeline.RunList, error) {
	if q.Workflow != "ci.yml" {
		return c.GitHub.Runs(ctx, q)
	}
	state := c.states[min(*c.asked, len(c.states)-1)]
	*c.asked++
	run := pipeline.Run{Workflow: "ci.yml", Number: 7, SHA: q.SHA, Event: c.event, URL: "https://x/7", Status: pipeline.RunStatus(state)}
	switch state {
	case "":
		return pipeline.RunList{}, nil
	case "!":
		return pipeline.RunList{}, pipeline.Errorf(pipeline.KindUnavailable, "502")
	case "queued", "in_progress":
	default:
		run.Status, run.Conclusion = pipeline.StatusCompleted, pipeline.Conclusion(state)
	}
	return pipeline.RunList{Runs: []pipeline.Run{run}}, nil
}

func TestPreflightWaitsForCI(t *testing.T) {
	tests := []struct {
		states []string
		event  string
		kind   pipeline.ErrorKind
		says   string
		took   time.Duration
	}{
		{[]string{"success"}, "push", "", "", 0},
		{[]string{"", "", "queued", "in_progress", "!", "success"}, "push", "", "", 75 * time.Second},
		{[]string{"failure"}, "push", pipeline.KindFailed, "ci.yml #7 ended with failure", 0},
		{[]string{"queued", "cancelled"}, "push", pipeline.KindFailed, "ended with cancelled", 15 * time.Second},
		{[]string{""}, "push", pipeline.KindFailed, "there is no run of ci.yml", 3 * time.Minute},
		{[]string{"success"}, "pull_request", pipeline.KindFailed, "there is no run of ci.yml", 3 * time.Minute},
		{[]string{"in_progress"}, "push", pipeline.KindFailed, "ci.yml #7 is in_progress still after 5m", 5 * time.Minute},
		{[]string{"!"}, "push", pipeline.KindUnavailable, "502", 5 * time.Minute},
	}
	inWorld(t, func(b *bench) {
		for _, tt := range tests {
			b.suite.GitHub = checks{b.github, tt.states, tt.event, new(int)}
			began := time.Now()
			err := b.suite.Preflight(b.Context(), steps.PreflightRequest{Environment: "production", WaitForCI: true, Timeout: 5 * time.Minute})
			b.wants(err, tt.kind, tt.says)
			if took := time.Since(began).Truncate(time.Second); took != tt.took {
				b.Errorf("%v took %s", tt.states, took)
			}
		}
		if said := b.log.said(); !strings.Contains(said, "[ci.yml #7](") || !strings.Contains(said, "Nothing stands against deploying `") {
			b.Errorf("the summary does not say what was checked\n%s", said)
		}
	})
}

// Each reason to refuse is one of its own, and exits with 3.
func TestPreflightRefuses(t *testing.T) {
	inWorld(t, func(b *bench) {
		ctx := b.Context()
		preflight := func() error { return b.suite.Preflight(ctx, steps.PreflightRequest{Environment: "production"}) }
		b.wants(preflight(), "", "")
		b.wants(b.suite.Preflight(ctx, steps.PreflightRequest{Environment: "moon"}), pipeline.KindUsage, `"moon"`)

		own := b.suite.Run
		b.suite.Run.Ref = "feature"
		b.wants(preflight(), pipeline.KindRefused, "the branch feature may not go there")
		b.suite.Run = own

		now := time.Now()
		b.suite.Configuration.Policy.Freezes = []pipeline.FreezeWindow{{From: now.Add(-time.Hour), Until: now.Add(time.Hour), Reason: "Christmas"}}
		b.wants(preflight(), pipeline.KindRefused, "Christmas")
		b.suite.Configuration.Policy.Freezes = nil

		h := pipeline.Hold{Environment: "production", Owner: "carol", Reason: "incident 7", Cause: "manual", RequestID: "R1"}
		if err := b.github.Lock(ctx, h); err != nil {
			b.Fatal(err)
		}
		b.wants(preflight(), pipeline.KindRefused, "carol holds it: incident 7")
		holds, err := b.github.Holds(pipeline.Uncached(ctx))
		if err != nil {
			b.Fatal(err)
		}
		h.Faulty, h.RequestID = []string{own.SHA}, own.Request()
		if err := b.github.Relock(ctx, holds["production"].Token, h); err != nil {
			b.Fatal(err)
		}
		b.wants(preflight(), pipeline.KindRefused, "is marked as faulty by carol")
	})
	inWorld(t, func(b *bench) { // what staging never ran
		b.suite.Configuration.Environments[0].GitHubEnvironment = "elsewhere"
		b.wants(b.suite.Preflight(b.Context(), steps.PreflightRequest{Environment: "production"}), pipeline.KindRefused, "staging has not verified this commit")
		b.suite.GitHub = checks{b.github, []string{"success"}, "push", new(int)}
		b.wants(b.suite.Preflight(b.Context(), steps.PreflightRequest{Environment: "production", WaitForCI: true}), "", "")
		if !strings.Contains(b.log.said(), "warning: not staged") {
			b.Errorf("said %s", b.log.said())
		}
	})
	inWorld(t, func(b *bench) { // another rollout is under way
		other := b.suite.Run
		runs, err := b.github.Runs(b.Context(), pipeline.RunQuery{Status: "waiting", Limit: 1})
		if err != nil || len(runs.Runs) == 0 {
			b.Fatal(runs, err)
		}
		b.suite.Run.ID = 1
		id, err := b.github.CreateDeployment(b.Context(), steps.NewDeployment{SHA: other.SHA, Environment: "production", Payload: pipeline.Payload{Schema: 1, Kind: "deploy", Version: "v9", RunID: runs.Runs[0].ID}})
		if err != nil {
			b.Fatal(err)
		}
		if err := b.github.AddStatus(b.Context(), id, steps.NewStatus{State: "in_progress", Description: strings.Repeat("long ", 60)}); err != nil {
			b.Fatal(err)
		}
		b.wants(b.suite.Preflight(b.Context(), steps.PreflightRequest{Environment: "production"}), pipeline.KindRefused, "holds the lane, with deployment")
	})
}

// between is a commit of main that no tag names.
func between(b *bench) string {
	b.Helper()
	list, err := b.github.Commits(b.Context(), "main", 30)
	i := slices.IndexFunc(list, func(c pipeline.Commit) bool { return strings.HasPrefix(c.Title, "Add a coupon field") })
	if err != nil || i < 0 {
		b.Fatalf("%v, %v", list, err)
	}
	return list[i].SHA
}

func TestVersion(t *testing.T) {
	inWorld(t, func(b *bench) {
		version := func(want string) {
			t.Helper()
			got, err := b.suite.Version(b.Context(), "production")
			if err != nil || got != want {
				b.Errorf("%q, %v; want %q", got, err, want)
			}
		}
		b.suite.Configuration.Environments[1].Tags = []string{"v*"}
		commit, err := b.github.Commit(b.Context(), between(b))
		if err != nil {
			b.Fatal(err)
		}
		version("v1.42.0") // the tag that names the commit
		b.suite.Run.SHA = commit.SHA
		version(commit.Committed.UTC().Format("2006.01.02") + "-" + pipeline.Short(commit.SHA))
		b.suite.Run.Ref, b.suite.Run.Tag = "v2.0.0-rc.1", true
		version("v2.0.0-rc.1")
	})
}

// A deployment is verified, tested, told and ended: its state, its lock, Slack.
func TestARolloutEnds(t *testing.T) {
	inWorld(t, func(b *bench) {
		ctx := b.Context()
		if err := b.prepare(); err != nil {
			b.Fatal(err)
		}
		err := b.suite.Verify(ctx, steps.VerifyRequest{Environment: "production", Timeout: time.Minute})
		b.wants(err, pipeline.KindFailed, "deployment") // nothing was deployed yet
		if err := b.deploy(ctx); err != nil {
			b.Fatal(err)
		}
		b.wants(b.suite.Verify(ctx, steps.VerifyRequest{Environment: "production"}), "", "")
		b.wants(b.suite.Smoke(ctx, steps.VerifyRequest{Environment: "production"}), "", "")
		list, err := b.github.Deployments(pipeline.Uncached(ctx), pipeline.DeploymentQuery{Environment: "production", Task: pipeline.DeploymentTask, Limit: 1})
		if err != nil || list[0].State() != "success" || list[0].Payload.RunID != b.suite.Run.ID {
			b.Errorf("%+v, %v", list, err)
		}
		if holds, err := b.github.Holds(pipeline.Uncached(ctx)); err != nil || len(holds) != 0 {
			b.Errorf("still locked: %v, %v", holds, err)
		}
		b.tell(`{"deploy":{"result":"success","outputs":{}},"verify":{"result":"success","outputs":{}}}`, "")
		if m := b.messages(); len(m) != 1 || !strings.Contains(m[0], "v1.42.0 is live on production") || !strings.Contains(m[0], "actions/runs/") {
			b.Errorf("%q", m)
		}
	})
}

// A run that failed leaves neither its lock nor a deployment under way.
func TestARunThatFailedIsEnded(t *testing.T) {
	inWorld(t, func(b *bench) {
		ctx := b.Context()
		if err := b.prepare(); err != nil {
			b.Fatal(err)
		}
		b.tell(`{"prepare":{"result":"success","outputs":{}},"migrate":{"result":"failure","outputs":{}},"deploy":{"result":"skipped","outputs":{}}}`, "")
		list, err := b.github.Deployments(pipeline.Uncached(ctx), pipeline.DeploymentQuery{Environment: "production", Task: pipeline.DeploymentTask, Limit: 1})
		if err != nil || list[0].State() != "failure" {
			b.Errorf("%+v, %v", list, err)
		}
		if holds, err := b.github.Holds(pipeline.Uncached(ctx)); err != nil || len(holds) != 0 {
			b.Errorf("still locked: %v, %v", holds, err)
		}
		if m := b.messages(); len(m) != 1 || !strings.Contains(m[0], "The deployment of v1.42.0 to production failed in migrate") {
			b.Errorf("%q", m)
		}
	})
}

// tell runs step notify with NEEDS.
func (b *bench) tell(needs string, occasion steps.Occasion) {
	b.Helper()
	b.suite.Getenv = func(key string) string {
		return map[string]string{"NEEDS": needs, "SLACK_WEBHOOK_URL": "http://hooks.sandbox/services/T/B/secret"}[key]
	}
	if err := b.suite.Notify(b.Context(), steps.NotifyRequest{Environment: "production", Occasion: occasion}); err != nil {
		b.Error(err)
	}
	if strings.Contains(b.log.said(), "/services/T/B/secret") {
		b.Error("the webhook was printed")
	}
}

// messages are what Slack was told, each valid JSON with blocks.
func (b *bench) messages() []string {
	b.Helper()
	out := b.world.Messages()
	for _, m := range out {
		var body struct {
			Text   string            `json:"text"`
			Blocks []json.RawMessage `json:"blocks"`
		}
		if err := json.Unmarshal([]byte(m), &body); err != nil || body.Text == "" || len(body.Blocks) < 2 {
			b.Errorf("%v: %s", err, m)
		}
	}
	return out
}

func TestNotify(t *testing.T) {
	inWorld(t, func(b *bench) {
		b.suite.Run.Workflow = "ci.yml"
		b.suite.Run.Ref = "<!channel> & co"
		b.suite.Getenv = func(key string) string {
			return map[string]string{"NEEDS": `{"test":{"result":"failure"},"scan":{"result":"cancelled"}}`, "SLACK_WEBHOOK_URL": "http://hooks.sandbox/x"}[key]
		}
		if err := b.suite.Notify(b.Context(), steps.NotifyRequest{}); err != nil {
			b.Fatal(err)
		}
		m := b.messages()
		if len(m) != 1 || strings.Contains(m[0], "<!channel>*") || !strings.Contains(m[0], "failed in test") || !strings.Contains(m[0], "lt;!channel") {
			b.Errorf("%q", m)
		}
		b.suite.Getenv = nil
		b.wants(b.suite.Notify(b.Context(), steps.NotifyRequest{}), "", "")
		if !strings.Contains(b.log.said(), "notice: Slack is not told") || len(b.messages()) != 1 {
			b.Error("without a webhook it is silent, or it posts")
		}
		b.suite.Getenv = func(key string) string { return map[string]string{"NEEDS": "{"}[key] }
		b.wants(b.suite.Notify(b.Context(), steps.NotifyRequest{}), pipeline.KindUsage, "toJSON(needs)")
		b.suite.Getenv = func(key string) string {
			return map[string]string{"SLACK_WEBHOOK_URL": "http://nowhere.example/hook/secret"}[key]
		}
		b.wants(b.suite.Notify(b.Context(), steps.NotifyRequest{}), "", "")
		if said := b.log.said(); !strings.Contains(said, "warning: Slack was not told: ") || strings.Contains(said, "hook/secret") {
			b.Errorf("a message that is lost is not told of\n%s", said)
		}
		b.suite.Run.ID = 0
		err := b.suite.Notify(b.Context(), steps.NotifyRequest{})
		if b.wants(err, pipeline.KindUnavailable, "SLACK_WEBHOOK_URL"); strings.Contains(err.Error(), "secret") {
			b.Error(err)
		}
	})
}

// An approval that is wanted is told before anything of the run is there, and
// changes nothing.
func TestAnApprovalIsAskedFor(t *testing.T) {
	inWorld(t, func(b *bench) {
		newest := b.deployments()[0]
		b.prepared()
		needs := `{"preflight":{"result":"success","outputs":{"version":"v1.42.0"}},"security":{"result":"success"}}`
		b.suite.DryRun = true
		b.tell(needs, steps.OccasionApproval)
		b.suite.DryRun = false
		if m := b.messages(); len(m) != 0 || !strings.Contains(b.log.said(), "Dry run: v1.42.0 wants an approval for production") {
			b.Errorf("a dry run posted %q", m)
		}
		b.tell(needs, steps.OccasionApproval)
		m := b.messages()
		if len(m) != 1 {
			b.Fatalf("%q", m)
		}
		for _, part := range []string{"v1.42.0 wants an approval for production", `"Review"`, "actions/runs/", "*What*", "*Last rollout*\\n" + newest.Payload.Version} {
			if !strings.Contains(m[0], part) {
				b.Errorf("it does not say %q: %s", part, m[0])
			}
		}
		if _, held := b.hold(); !held || b.deployments()[0].State() != "queued" {
			b.Error("asking ended the run's rollout")
		}
		b.wants(b.suite.Notify(b.Context(), steps.NotifyRequest{Occasion: steps.OccasionApproval}), pipeline.KindUsage, "an environment")
	})
}

func TestAReleaseIsPublishedOnce(t *testing.T) {
	inWorld(t, func(b *bench) {
		ctx := b.Context()
		b.wants(b.suite.Release(ctx, "v1.43.0"), pipeline.KindUsage, "which is not the tag v1.43.0")
		b.suite.Run.Ref, b.suite.Run.Tag = "v1.43.0-rc.1", true
		b.wants(b.suite.Release(ctx, "v1.43.0-rc.1"), pipeline.KindRefused, "the tag is gone since this run deployed "+pipeline.Short(b.suite.Run.SHA))
		b.tag("v1.43.0-rc.1", "another")
		b.wants(b.suite.Release(ctx, "v1.43.0-rc.1"), pipeline.KindRefused, "the tag was moved to ")
		b.tag("v1.43.0-rc.1", b.suite.Run.SHA)
		before, err := b.github.Releases(ctx, 0)
		if err != nil {
			b.Fatal(err)
		}
		dry := b.suite
		dry.DryRun, dry.Publisher, dry.Deployer = true, nil, nil
		b.wants(dry.Release(ctx, "v1.43.0-rc.1"), "", "")
		for range 2 {
			b.wants(b.suite.Release(ctx, "v1.43.0-rc.1"), "", "")
		}
		after, err := b.github.Releases(pipeline.Uncached(ctx), 0)
		if err != nil || len(after) != len(before)+1 || !after[0].Prerelease || after[0].Body == "" {
			b.Errorf("%d, %d releases, %+v, %v", len(before), len(after), after[0], err)
		}
		if !strings.Contains(b.log.said(), "has a release already") {
			b.Error("the second time says nothing")
		}

		// A fix of an older line is published, and is not the latest release.
		b.tag("v1.40.9", b.suite.Run.SHA)
		b.suite.Run.Ref = "v1.40.9"
		b.wants(b.suite.Release(ctx, "v1.40.9"), "", "")
		b.change(func(w *sandbox.World) {
			for _, r := range w.Hub.Releases {
				if r.Tag == "v1.40.9" && (!r.ByVersion || r.Target != b.suite.Run.SHA) {
					b.Errorf("%+v", r)
				}
			}
		})
	})
}

// tag names a commit, as a push of the tag does.
func (b *bench) tag(name, at string) {
	b.Helper()
	b.change(func(w *sandbox.World) {
		if _, found := w.Hub.Repository.Commits[at]; !found { // any other one will do
			for sha := range w.Hub.Repository.Commits {
				if sha != b.suite.Run.SHA {
					at = sha
				}
			}
		}
		if _, err := w.Tag(name, at, "alice"); err != nil {
			b.Error(err)
		}
	})
}
