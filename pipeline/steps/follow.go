package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	followEvery     = 5 * time.Second
	pausedEvery     = 15 * time.Second // while ECS waits for somebody, which may take a day
	beginsWithin    = 2 * time.Minute  // ECS shows a service deployment that late at most
	stabilisesEnd   = 15 * time.Minute // how long one service may take, where nobody says otherwise
	historyFollowed = 10               // service deployments that are looked at
)

// move is one service on its way to a task definition.
type move struct {
	running
	definition string          // task definition's ARN
	digest     string          // of the image that must run in the end
	known      map[string]bool // service deployments that were there before
	deadline   time.Time
}

// start moves a service and returns what to follow.
func (s *Suite) start(ctx context.Context, r running, definition, digest string, desired int, timeout time.Duration) (move, error) {
	m := move{running: r, definition: definition, digest: digest, known: map[string]bool{}}
	before, err := s.Cloud.ServiceDeployments(pipeline.Uncached(ctx), r.Cluster, r.name(), historyFollowed)
	if err != nil {
		return m, err
	}
	for _, d := range before {
		m.known[d.ARN] = true
	}
	m.deadline = time.Now().Add(s.within(timeout, stabilisesEnd))
	err = s.Deployer.Update(ctx, r.Cluster, r.name(), definition, desired)
	if err != nil && doubtful(err) {
		s.Report.Warningf(r.service.Name, "it cannot be told whether ECS took the change, so its effect is looked for: %v", err)
		return m, nil
	}
	return m, err
}

// resume follows what an earlier attempt began.
func (s *Suite) resume(r running, definition, digest string, timeout time.Duration) move {
	return move{running: r, definition: definition, digest: digest, deadline: time.Now().Add(s.within(timeout, stabilisesEnd))}
}

// doubtful reports whether an error leaves open if a request was carried out.
func doubtful(err error) bool {
	return pipeline.KindOf(err) == pipeline.KindUnavailable
}

// find is the service deployment of this move; ok is false where ECS shows none yet.
func (m move) find(all []pipeline.ServiceDeployment) (pipeline.ServiceDeployment, bool) {
	i := slices.IndexFunc(all, func(d pipeline.ServiceDeployment) bool {
		return !m.known[d.ARN] && d.Target.TaskDefinition == m.definition
	})
	if i < 0 {
		return pipeline.ServiceDeployment{}, false
	}
	return all[i], true
}

// follow waits for the terminal state of the move's own service deployment.
// Only that tells whether the release runs: a service that ECS rolled back is
// stable too.
func (s *Suite) follow(ctx context.Context, m move) error {
	began, looked, said := time.Now(), time.Now(), ""
	var newest pipeline.ServiceDeployment
	for {
		all, err := s.Cloud.ServiceDeployments(pipeline.Uncached(ctx), m.Cluster, m.name(), historyFollowed)
		d, seen := m.find(all)
		switch {
		case err != nil && !passing(err):
			return err
		case err != nil: // asked again until the deadline
		case seen && !d.InFlight():
			s.sayTimedOut(m, newest, d)
			return s.landed(ctx, m, d)
		case !seen && time.Since(began) > s.scaled(beginsWithin):
			return &pipeline.Error{
				Kind: pipeline.KindUnseen, Op: "follow the deployment", On: m.service.Name,
				Message: "ECS shows no service deployment of " + lastOf(m.definition), Hint: "look at the service's events, then run the job again",
			}
		case seen:
			s.sayPause(m, newest, d)
			s.sayTimedOut(m, newest, d)
			newest = d
			if line := position(d); line != said {
				s.Report.Printf("%s: %s", m.service.Name, line)
				said = line
			}
		}
		if deliberate(newest) {
			m.deadline = m.deadline.Add(time.Since(looked))
		}
		looked = time.Now()
		if time.Now().After(m.deadline) {
			return s.late(ctx, m, newest)
		}
		interval := followEvery
		if _, waits := newest.Pause(); waits {
			interval = pausedEvery
		}
		if err := s.pause(ctx, interval); err != nil {
			return cut(m.service.Name, err)
		}
	}
}

// deliberate reports whether ECS takes its time on purpose: it waits at a hook
// for somebody, shifts traffic or bakes, each for as long as the service's
// configuration says. That is no failure to come to rest.
func deliberate(d pipeline.ServiceDeployment) bool {
	_, waits := d.Pause()
	return waits || strings.HasSuffix(d.Stage, "TRAFFIC_SHIFT") || d.Stage == "BAKE_TIME"
}

// sayPause tells everybody of a hook that a service deployment has reached since
// it was looked at last: an annotation of the job, and its summary.
func (s *Suite) sayPause(m move, before, now pipeline.ServiceDeployment) {
	hook, waits := now.Pause()
	if earlier, waited := before.Pause(); !waits || waited && earlier.ID == hook.ID {
		return
	}
	ends := "until somebody answers"
	if !hook.Expires.IsZero() {
		ends = "until " + hook.Expires.UTC().Format("2006-01-02 15:04 UTC") + ", then ECS " + hook.Unanswered()
	}
	command := fmt.Sprintf("gh deployctl continue -e %s --service %s --reason WHY", m.Key.Environment, m.service.Name)
	s.Report.Warningf(m.service.Name+" waits for somebody", "its service deployment pauses at a lifecycle hook %s; %s lets it go on, and with --roll-back go back", ends, command)
	s.Report.Summary(fmt.Sprintf("**%s** pauses at a lifecycle hook %s. `%s` lets it go on.", Cell(m.service.Name), ends, command))
}

// sayTimedOut tells of a hook that nobody has answered until ECS went its own way.
func (s *Suite) sayTimedOut(m move, before, now pipeline.ServiceDeployment) {
	for _, h := range now.Hooks {
		if h.Status != timedOut || slices.ContainsFunc(before.Hooks, func(b pipeline.Hook) bool { return b.ID == h.ID && b.Status == timedOut }) {
			continue
		}
		s.Report.Warningf(m.service.Name+": nobody answered", "its lifecycle hook has run out, and ECS %s", h.Unanswered())
	}
}

// timedOut is the status of a hook that nobody answered in time.
const timedOut = "TIMED_OUT"

// passing reports whether an error of a read may be gone at the next.
func passing(err error) bool {
	k := pipeline.KindOf(err)
	return k == pipeline.KindUnavailable || k == pipeline.KindThrottled
}

func cut(on string, err error) error {
	return &pipeline.Error{
		Kind: pipeline.KindUnavailable, Op: "follow the deployment", On: on, Message: "the step was ended before it was done",
		Hint: "ECS goes on by itself; run the job again to go on from here", Err: err,
	}
}

// position is where a service deployment stands, in one line.
func position(d pipeline.ServiceDeployment) string {
	line := d.Status
	if d.Stage != "" {
		line += " " + d.Stage
	}
	line += fmt.Sprintf(", %d of %d running", d.Target.Running, d.Target.Requested)
	if d.BreakerFailed > 0 {
		line += fmt.Sprintf(", %d failed (the circuit breaker opens at %d)", d.BreakerFailed, d.BreakerLimit)
	}
	if _, waits := d.Pause(); waits {
		line += ", waits at a lifecycle hook for somebody to continue"
	}
	return line
}

// landed judges a service deployment that has ended.
func (s *Suite) landed(ctx context.Context, m move, d pipeline.ServiceDeployment) error {
	failed := func(hint, format string, args ...any) error {
		return &pipeline.Error{Kind: pipeline.KindFailed, Op: "deploy " + m.service.Name, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	if d.Status != "SUCCESSFUL" {
		s.sayWhy(ctx, m)
	}
	switch {
	case d.Reverted():
		return failed("read why its tasks stopped; what is live is what ran before", "reverted by ECS (%s): %s", d.Status, firstOf(d.RollbackReason, d.Reason, "no reason given"))
	case d.Status != "SUCCESSFUL":
		return failed("somebody or something else deployed it meanwhile; look at its deployments", "the service deployment ended %s: %s", d.Status, firstOf(d.Reason, "no reason given"))
	}
	now, err := s.one(ctx, m.running)
	if err != nil {
		return err
	}
	if digest := now.image().Digest; digest != m.digest {
		return failed("look at its task definition", "ECS says SUCCESSFUL, and it runs %s instead of %s", firstOf(shortDigest(digest), "an unknown image"), shortDigest(m.digest))
	}
	s.Report.Printf("%s: SUCCESSFUL, runs %s", m.service.Name, shortDigest(m.digest))
	return nil
}

// late tells of a service that did not come to rest in time.
func (s *Suite) late(ctx context.Context, m move, d pipeline.ServiceDeployment) error {
	s.sayWhy(ctx, m)
	return &pipeline.Error{
		Kind: pipeline.KindFailed, Op: "deploy " + m.service.Name,
		Message: "it does not stabilise: " + position(d),
		Hint:    "ECS goes on trying; gh deployctl rollback stops it and goes back",
	}
}

// sayWhy prints why tasks of the new revision stopped, and the newest events.
func (s *Suite) sayWhy(ctx context.Context, m move) {
	tasks, err := s.Cloud.Tasks(ctx, m.Cluster, m.name())
	if err != nil {
		s.Report.Printf("%s: why its tasks stopped cannot be read: %v", m.service.Name, err)
	}
	shown := 0
	for _, t := range tasks {
		if t.TaskDefinition != m.definition || t.StoppedReason == "" || shown == 3 {
			continue
		}
		shown++
		line := fmt.Sprintf("%s: task %s stopped: %s", m.service.Name, t.ID, t.StoppedReason)
		for _, c := range t.Containers {
			if c.ExitCode != nil && *c.ExitCode != 0 {
				line += fmt.Sprintf(" (%s exited with %d)", c.Name, *c.ExitCode)
			}
		}
		s.Report.Printf("%s", line)
	}
	if now, err := s.one(ctx, m.running); err == nil {
		for _, e := range now.Events[:min(3, len(now.Events))] {
			s.Report.Printf("%s: %s %s", m.service.Name, e.At.UTC().Format(time.TimeOnly), e.Message)
		}
	}
}
