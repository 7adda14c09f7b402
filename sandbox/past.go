package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// live plans a release's whole life, from its pull requests to production, so
// that the simulation itself makes the history. Nothing is invented: the past
// runs ran, at their natural speed.
func (w *World) live(p past) {
	merge := w.start.Add(-p.age)
	lead := p.lead
	if lead == 0 {
		lead = 26 * time.Hour
	}
	gap := lead / time.Duration(2*len(p.changes))
	if p.hurry {
		gap = 7 * time.Minute
	}
	first := merge.Add(-lead)
	for i, c := range p.changes {
		w.develop(c, first.Add(time.Duration(i)*gap))
	}
	w.plan(merge, func() { w.promote(p) })
}

// develop plans a pull request: two pushes to a feature branch, the first of
// them broken for a flaky change, and the squash into develop.
func (w *World) develop(c change, squash time.Time) {
	author := w.Hub.user(c.author)
	number := w.nextID("pull")
	branch := "feature/" + slug(c.title)
	var head *Commit
	commit := func(message string, at time.Time, broken bool) {
		w.plan(at, func() {
			develop := w.Hub.Repository.resolve("heads/develop")
			parent := develop
			if head != nil {
				parent = head
			}
			head = w.commit(w.apply(c, develop.Files), []string{parent.SHA}, author, message)
			w.broken[head.SHA] = broken
			w.Hub.Repository.Refs["heads/"+branch] = head.SHA
			w.pullRequest(head, branch, author, c.title)
		})
	}
	commit(c.title, squash.Add(-90*time.Minute), c.flaky)
	second := "Address the review"
	if c.flaky {
		second = "Fix the test"
	}
	commit(second, squash.Add(-50*time.Minute), false)
	w.plan(squash, func() {
		develop := w.Hub.Repository.resolve("heads/develop")
		squashed := w.commit(w.apply(c, develop.Files), []string{develop.SHA}, author, fmt.Sprintf("%s (#%d)", c.title, number))
		w.unlucky[squashed.SHA] = c.unlucky
		delete(w.Hub.Repository.Refs, "heads/"+branch)
		w.push("refs/heads/develop", squashed, author)
	})
}

// promote merges develop into main, tags it and sees the production run
// through: approved, cancelled, or left waiting.
func (w *World) promote(p past) {
	r := w.Hub.Repository
	develop, main := r.resolve("heads/develop"), r.resolve("heads/main")
	merger := w.Hub.user(p.merger)
	title := fmt.Sprintf("Release %s: %s", p.version, strings.ToLower(p.changes[len(p.changes)-1].title[:1])+p.changes[len(p.changes)-1].title[1:])
	merge := w.commit(develop.Files, []string{main.SHA, develop.SHA}, merger,
		fmt.Sprintf("%s\n\nMerge pull request #%d from acme/develop", title, w.nextID("pull")))
	r.Refs["tags/"+p.version] = merge.SHA
	for _, run := range w.push("refs/heads/main", merge, merger) {
		if run.Workflow.File() != "cd-production.yml" {
			continue
		}
		w.until(time.Minute, func() bool { return len(run.pendingEnvironments()) > 0 || run.Attempt().Status == "completed" }, func() { w.see(run, p) })
	}
}

// see answers for a production run that waits.
func (w *World) see(run *Run, p past) {
	answer := p.answer
	if answer == 0 {
		answer = w.between(4*time.Minute, 40*time.Minute)
	}
	switch {
	case p.abandoned:
		w.plan(w.start.Add(-releaseAge("v1.36.2")).Add(15*time.Minute), func() { w.Cancel(run, true) })
	case p.approver != "" && run.Attempt().Status != "completed":
		w.plan(w.now.Add(answer), func() {
			by := w.Hub.user(p.approver)
			_, _ = w.Review(run, []*Environment{w.Hub.environment("production")}, "approved", "Shipping "+p.version+", staging looks good", by)
			w.until(time.Minute, func() bool { return run.Attempt().Status == "completed" }, func() {
				w.publish(p, run)
				w.regret(p)
			})
		})
	}
}

// publish makes the GitHub release of a version that went live, where its
// workflow has not done so.
func (w *World) publish(p past, run *Run) {
	isIt := func(r *Release) bool { return r.Tag == p.version }
	if run.Attempt().Conclusion == "success" && !slices.ContainsFunc(w.Hub.Releases, isIt) {
		w.newRelease(p.version, w.Hub.Repository.Commits[run.SHA], w.Hub.user(p.merger))
	}
}

func releaseAge(version string) time.Duration {
	for _, p := range releases {
		if p.version == version {
			return p.age
		}
	}
	return 0
}

// regret rolls a release back once its errors have been noticed.
func (w *World) regret(p past) {
	if p.rolledBack == "" {
		return
	}
	w.plan(w.now.Add(9*time.Minute), func() {
		production := w.clusterOf("production")
		bad := w.liveDeployment(production)
		var to *Deployment
		for _, d := range w.Hub.Deployments {
			if d.Task == "deployctl" && d.Environment == "production" && d != bad && d.State() == "success" {
				to = d
			}
		}
		_, _ = w.Dispatch(w.Hub.workflow("rollback.yml"), "main", object{
			"deployment_id": fmt.Sprint(to.ID), "reason": "Catalog answers 500 since " + p.version + ": prices never expire",
			"confirm": "ROLLBACK", "expected_current_sha": bad.SHA, "request_id": w.hex(8),
		}, w.Hub.user(p.rolledBack))
	})
}

// commit stores a commit of now.
func (w *World) commit(files map[string]string, parents []string, author *User, message string) *Commit {
	w.Hub.Repository.Pushed = w.now
	return w.Hub.Repository.putCommit(w.seed, files, parents, author, message, w.now)
}

// push moves a branch or tag and starts the workflows that listen.
func (w *World) push(ref string, c *Commit, by *User) []*Run {
	w.Hub.Repository.Refs[strings.TrimPrefix(ref, "refs/")] = c.SHA
	w.Hub.Repository.Pushed = w.now
	var runs []*Run
	for _, workflow := range w.Hub.Workflows {
		file, err := w.workflowAt(workflow, c)
		if err != nil || workflow.State != "active" || !file.triggeredByPush(ref) {
			continue
		}
		run := w.newRun(workflow, file, trigger{event: "push", ref: ref, commit: c, actor: by})
		runs = append(runs, run)
		w.launch(run)
	}
	return runs
}

// pullRequest starts ci.yml for the head of a pull request.
func (w *World) pullRequest(c *Commit, branch string, by *User, title string) {
	ci := w.Hub.workflow("ci.yml")
	if file, err := w.workflowAt(ci, c); err == nil {
		w.launch(w.newRun(ci, file, trigger{event: "pull_request", ref: "refs/heads/" + branch, commit: c, actor: by, title: title}))
	}
}

// workflowAt is a workflow's file at a commit, parsed.
func (w *World) workflowAt(workflow *Workflow, c *Commit) (*workflowFile, error) {
	blob, ok := c.Files[workflow.Path]
	if !ok {
		return nil, fmt.Errorf("%s is not in %s", workflow.Path, c.SHA[:7])
	}
	if file := w.parsed[blob]; file != nil {
		return file, nil
	}
	file, err := parseWorkflow(w.Hub.Repository.Blobs[blob])
	if err == nil {
		w.parsed[blob] = file
	}
	return file, err
}

// Dispatch starts a workflow by hand at a branch or tag. The error's text is
// GitHub's.
func (w *World) Dispatch(workflow *Workflow, ref string, inputs map[string]any, by *User) (*Run, error) {
	r := w.Hub.Repository
	ref = strings.TrimPrefix(ref, "refs/")
	full := ""
	for _, candidate := range []string{ref, "heads/" + ref, "tags/" + ref} {
		if _, ok := r.Refs[candidate]; ok {
			full = candidate
			break
		}
	}
	if full == "" {
		return nil, fmt.Errorf("No ref found for: %s", ref) //nolint:staticcheck // GitHub's words
	}
	c := r.Commits[r.Refs[full]]
	file, err := w.workflowAt(workflow, c)
	if err != nil {
		return nil, fmt.Errorf("Workflow file %s does not exist at %s", workflow.Path, ref)
	}
	if file.dispatch() == nil {
		return nil, fmt.Errorf("Workflow does not have 'workflow_dispatch' trigger")
	}
	complete, err := file.checkInputs(inputs)
	if err != nil {
		return nil, err
	}
	run := w.newRun(workflow, file, trigger{event: "workflow_dispatch", ref: "refs/" + full, commit: c, actor: by, inputs: complete})
	w.launch(run)
	return run, nil
}

func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words[:min(4, len(words))], "-")
}

// newRelease files a GitHub release for a tag, with generated notes.
func (w *World) newRelease(tag string, c *Commit, by *User) *Release {
	release := &Release{
		ID: w.nextID("release"), Tag: tag, Target: w.Hub.Repository.DefaultBranch, Name: tag, Author: by,
		Created: w.now, Published: w.now, Body: w.notes(tag, c, ""),
	}
	w.Hub.Releases = append(w.Hub.Releases, release)
	return release
}

// notes lists what is new in a tag since the previous release.
func (w *World) notes(tag string, c *Commit, previous string) string {
	if previous == "" && len(w.Hub.Releases) > 0 {
		previous = w.Hub.Releases[len(w.Hub.Releases)-1].Tag
	}
	var lines []string
	if base := w.Hub.Repository.resolve(previous); previous != "" && base != nil {
		for _, commit := range w.Hub.Repository.only(c, base) {
			if len(commit.Parents) == 1 {
				lines = append(lines, fmt.Sprintf("* %s by @%s", commit.Title(), commit.Author.Login))
			}
		}
	}
	body := "## What's Changed\n" + strings.Join(lines, "\n")
	if previous != "" {
		body += fmt.Sprintf("\n\n**Full Changelog**: http://%s/acme/shop/compare/%s...%s", githubHost, previous, tag)
	}
	return body
}
