package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Event is one line of a time line: something that somebody did, or that was
// observed.
type Event struct {
	At time.Time
	// By says that the source does not tell when it happened: it had at At.
	By          bool
	Source      string // journal, github, ecs, cloudwatch, engine
	Kind        string // intent, receipt, run, approval, deployment, rollout, ecs, alarm, …
	Actor       string // login; empty: nobody, or not known
	Environment string // as the team says it; empty: none
	Subject     string // "cd-production.yml #212", "deployment 9310", "orders"
	Sentence    string
	URL         string
}

// TimeLine puts events in order. Those of one moment stay in the order given.
func TimeLine(lists ...[]Event) []Event {
	out := slices.Concat(lists...)
	slices.SortStableFunc(out, func(a, b Event) int { return a.At.Compare(b.At) })
	return out
}

// Since leaves out what happened before a moment. A zero until leaves nothing
// out at the other end.
func Since(list []Event, since, until time.Time) []Event {
	return slices.DeleteFunc(slices.Clone(list), func(e Event) bool {
		return e.At.Before(since) || !until.IsZero() && e.At.After(until)
	})
}

// RunEvents tell when a run was started and how it ended, and who decided about
// it. GitHub does not say when somebody decided: it was before the jobs went on.
func RunEvents(r Run, environment string, jobs []JobRun, reviews []Review) []Event {
	name := fmt.Sprintf("%s #%d", r.Workflow, r.Number)
	e := Event{Source: "github", Kind: "run", Environment: environment, Subject: name, URL: r.URL}
	began := e
	began.At, began.Actor = r.Created, r.Actor
	began.Sentence = fmt.Sprintf("started by %s at %s %s: %s", firstOf(r.Event, "something"), r.Branch, Short(r.SHA), r.Title)
	out := []Event{began}
	if r.Attempt > 1 {
		again := e
		again.At, again.Actor, again.Sentence = r.Started, r.TriggeringActor, fmt.Sprintf("run again, as attempt %d", r.Attempt)
		out = append(out, again)
	}
	for _, review := range reviews {
		decided := e
		decided.Kind, decided.By, decided.Actor = "approval", true, review.User
		decided.At = wentOn(r, jobs)
		decided.Sentence = review.State + " for " + strings.Join(review.Environments, ", ")
		if review.Comment != "" {
			decided.Sentence += ": " + review.Comment
		}
		out = append(out, decided)
	}
	if r.Done() {
		ended := e
		ended.At, ended.Sentence = r.Updated, "ended: "+strings.ReplaceAll(string(r.Conclusion), "_", " ")
		out = append(out, ended)
	}
	return out
}

// wentOn is when the jobs of a run went on after the longest pause, which is
// where it waited for a person.
func wentOn(r Run, jobs []JobRun) time.Time {
	begun := slices.DeleteFunc(slices.Clone(jobs), func(j JobRun) bool { return j.Started.IsZero() || j.Conclusion == ConclusionSkipped })
	slices.SortFunc(begun, func(a, b JobRun) int { return a.Started.Compare(b.Started) })
	at, longest := r.Updated, time.Duration(0)
	end := firstTime(r.Started, r.Created)
	for _, j := range begun {
		if pause := j.Started.Sub(end); pause > longest {
			at, longest = j.Started, pause
		}
		end = latest(end, j.Completed)
	}
	return at
}

// DeploymentEvents tell when a deployment was made and each status it got.
func DeploymentEvents(d Deployment, environment string) []Event {
	e := Event{Source: "github", Kind: "deployment", Environment: environment, Subject: fmt.Sprintf("deployment %d", d.ID), Actor: d.Creator}
	made := e
	made.At, made.Sentence = d.Created, fmt.Sprintf("%s of %s %s", firstOf(d.Payload.Kind, "deploy"), firstOf(d.Payload.Version, d.Ref), Short(d.SHA))
	if d.Payload.RollbackOf != 0 {
		made.Sentence += fmt.Sprintf(", leaves deployment %d", d.Payload.RollbackOf)
	}
	if d.Payload.Reason != "" {
		made.Sentence += ": " + d.Payload.Reason
	}
	out := []Event{made}
	for _, s := range slices.Backward(d.Statuses) {
		status := e
		status.At, status.Actor, status.URL = s.Created, s.Creator, s.LogURL
		status.Sentence = strings.ReplaceAll(s.State, "_", " ")
		if s.Description != "" {
			status.Sentence += ": " + s.Description
		}
		out = append(out, status)
	}
	return out
}

// ServiceEvents tell what ECS did to a service.
func ServiceEvents(key ServiceKey, list []ServiceDeployment) []Event {
	var out []Event
	for _, d := range list {
		e := Event{Source: "ecs", Kind: "ecs", Environment: key.Environment, Subject: key.Service}
		target := lastPart(d.Target.TaskDefinition)
		if d.Target.SHA != "" {
			target += " (" + Short(d.Target.SHA) + ")"
		}
		began := e
		began.At, began.Sentence = firstTime(d.Started, d.Created), "begins to move to "+target
		out = append(out, began)
		ended := e
		ended.At = latest(d.Finished, d.Stopped)
		if d.InFlight() || ended.At.IsZero() {
			continue
		}
		ended.Sentence = strings.ToLower(strings.ReplaceAll(d.Status, "_", " ")) + ": " + target
		if why := firstOf(d.RollbackReason, d.Reason); why != "" {
			ended.Sentence += ", " + why
		}
		if len(d.TriggeredBy) > 0 {
			ended.Sentence += ", alarms " + strings.Join(d.TriggeredBy, ", ")
		}
		out = append(out, ended)
	}
	return out
}

// Observed tells what a snapshot holds of an environment's past: how its
// rollouts ended, the newest change of every alarm, and where the truths
// disagree now.
func Observed(s *Snapshot, environment string) []Event {
	var out []Event
	for _, r := range s.Rollouts {
		if r.Environment != environment {
			continue
		}
		e := Event{
			At: firstTime(r.Ended, r.Started), Source: "engine", Kind: "rollout", Environment: environment, Actor: r.RequestedBy,
			Subject: strings.TrimSpace(string(r.Kind) + " " + firstOf(r.Release.Name(), Short(r.Release.SHA))), Sentence: string(r.Phase),
		}
		if r.Sentence != "" {
			e.Sentence += ": " + r.Sentence
		}
		if r.Active() {
			e.At, e.By = s.AsOf, true
		}
		out = append(out, e)
	}
	env := s.Environment(environment)
	if env == nil {
		return out
	}
	for _, v := range env.Services {
		for _, a := range v.Alarms.Value {
			e := Event{At: a.Changed, Source: "cloudwatch", Kind: "alarm", Environment: environment, Subject: v.Key.Service, Sentence: a.Name + " is " + a.State}
			if a.Reason != "" && a.State != "OK" {
				e.Sentence += ": " + a.Reason
			}
			out = append(out, e)
		}
	}
	for _, d := range env.Disagreements {
		out = append(out, Event{At: firstTime(d.Since, s.AsOf), By: d.Since.IsZero(), Source: "engine", Kind: "disagreement", Environment: environment, Subject: d.Service, Sentence: d.Sentence})
	}
	return out
}
