package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/releases"
	"github.com/deployctl/gh-deployctl/ui/runs"
	"github.com/deployctl/gh-deployctl/ui/services"
)

// frameSlot is how far apart changes of the data are shown at least: a burst
// costs one frame, and the last of it is always shown.
const frameSlot = 33 * time.Millisecond

type (
	snapshotMsg struct{}
	logsMsg     bool // new lines may have come; whether rows changed
	syncedMsg   bool // the rows were made anew; whether they changed
	jobLogMsg   struct {
		job   int64
		log   pipeline.JobLog
		notes []pipeline.Annotation
		err   error
	}
	attemptMsg struct {
		run     int64
		attempt int
		jobs    []pipeline.Job
		err     error
	}
	focusMsg   struct{ seq int }
	browsedMsg struct{ err error }
)

// pause sleeps to the next slot, unless the console ends before.
func (c *Console) pause() bool {
	select {
	case <-c.ctx.Done():
		return false
	case <-time.After(frameSlot):
		return true
	}
}

// waitSnapshot waits until there is a newer snapshot.
func (c *Console) waitSnapshot() tea.Cmd {
	wake := c.wake
	return func() tea.Msg {
		select {
		case <-c.ctx.Done():
			return nil
		case <-wake:
		}
		if !c.pause() {
			return nil
		}
		return snapshotMsg{}
	}
}

// takeNewest shows the newest snapshot and waits for the next.
func (c *Console) takeNewest() tea.Cmd {
	var notice tea.Cmd
	if s := c.options.Engine.Snapshot(); s != c.snapshot {
		notice = c.notify(c.snapshot, s)
		c.tellReconciled(c.snapshot, s)
		c.takeSnapshot(s)
		if c.rejoin() {
			notice = tea.Batch(notice, c.joined())
		}
	}
	if c.snapshot.Focus.RunID == c.join.Run { // the cursor rests: its jobs may have come only now
		notice = tea.Batch(notice, c.loadExcerpt())
	}
	return tea.Batch(c.waitSnapshot(), c.loadJobLog(), notice)
}

// waitLogs waits until there are new log lines, and takes them in.
func (c *Console) waitLogs() tea.Cmd {
	wake, p, errors := c.options.Engine.Logs().Wake(), c.logs, &c.errors
	return func() tea.Msg {
		select {
		case <-c.ctx.Done():
			return nil
		case <-wake:
		}
		if !c.pause() {
			return nil
		}
		changed := p.Sync()
		errors.sync()
		return logsMsg(changed)
	}
}

// syncLogs makes the rows anew, as after a change of the filter.
func (c *Console) syncLogs() tea.Cmd {
	p, errors := c.logs, &c.errors
	return tea.Batch(c.tellPattern(), func() tea.Msg {
		errors.sync()
		return syncedMsg(p.Sync())
	})
}

// takeLogs shows new rows.
func (c *Console) takeLogs(changed bool) {
	if changed {
		c.logs.Synced()
		c.dirty = true
	}
}

// loadJobLog reads the log that the opened run wants, if any.
func (c *Console) loadJobLog() tea.Cmd {
	if c.opened == nil {
		return nil
	}
	job := c.opened.Want(c.snapshot)
	if job == 0 {
		return nil
	}
	engine, ctx, run := c.options.Engine, c.ctx, c.opened.Run()
	return func() tea.Msg {
		log, err := engine.JobLog(ctx, run, job)
		if err != nil {
			return jobLogMsg{job: job, err: err}
		}
		notes, _ := engine.Annotations(ctx, run, job) // what the log says itself is shown without them
		return jobLogMsg{job, log, notes, nil}
	}
}

func (c *Console) takeJobLog(msg jobLogMsg) {
	if c.opened != nil {
		c.opened.SetLog(msg.job, msg.log, msg.notes, msg.err)
		c.dirty = true
	}
}

// loadAttempt reads the jobs of an attempt that the snapshot does not hold.
func (c *Console) loadAttempt(run int64, attempt int) tea.Cmd {
	engine, ctx := c.options.Engine, c.ctx
	return func() tea.Msg {
		jobs, err := engine.Jobs(ctx, run, attempt)
		return attemptMsg{run, attempt, jobs, err}
	}
}

func (c *Console) takeAttempt(msg attemptMsg) tea.Cmd {
	if c.opened == nil || c.opened.Run() != msg.run {
		return nil
	}
	c.opened.SetAttempt(msg.attempt, msg.jobs, msg.err)
	c.dirty = true
	return c.loadJobLog()
}

// focusSettles is how long the selection must rest before the engine is told:
// a cursor that runs through a list must not send requests for every row.
const focusSettles = 150 * time.Millisecond

// refocus tells the engine, once the selection rests, what is looked at.
func (c *Console) refocus() tea.Cmd {
	c.focusSeq++
	seq := c.focusSeq
	return tea.Tick(focusSettles, func(time.Time) tea.Msg { return focusMsg{seq} })
}

func (c *Console) tellFocus(msg focusMsg) tea.Cmd {
	if msg.seq != c.focusSeq {
		return nil
	}
	c.options.Engine.SetFocus(c.looking())
	return c.loadExcerpt()
}

// looking is what the operator looks at.
func (c *Console) looking() pipeline.Focus {
	f := pipeline.Focus{
		Environment: c.environment, RunID: c.join.Run, Service: c.join.Service, SHA: c.join.SHA, Logs: c.focus == keys.Logs, Blurred: c.blurred,
	}
	if c.opened != nil {
		f.RunID = c.opened.Run()
	}
	return f
}

// blur notes whether the terminal is looked at.
func (c *Console) blur(blurred bool) tea.Cmd {
	if c.blurred == blurred {
		return nil
	}
	c.blurred = blurred
	return c.refocus()
}

// tickPace is how often the clock of the screen ticks.
type tickPace time.Duration

// The paces: what moves turns four times a second, what ages does so once a
// minute, and a sheet or message counts seconds.
const (
	paceIdle   tickPace = 0 // at the next full minute
	paceSecond          = tickPace(time.Second)
	paceMoving          = tickPace(250 * time.Millisecond)
)

type tickMsg struct{ seq int }

// pace is how often the screen must tick now.
func (c *Console) pace() tickPace {
	s := c.snapshot
	moving := runs.Moving(s) || releases.Moving(s) || services.Moving(c.state())
	switch {
	case moving && !c.blurred:
		return paceMoving
	case moving || c.sheet != nil || c.toast.text != "" || c.timerRuns():
		return paceSecond
	}
	return paceIdle
}

// timerRuns reports whether a wait timer is being counted down.
func (c *Console) timerRuns() bool {
	for _, f := range c.snapshot.Pending {
		for _, p := range f.Value {
			if p.TimerEnds().After(c.now) {
				return true
			}
		}
	}
	return false
}

// tick keeps one clock going at the pace that the screen needs. A change of
// pace starts another clock, and the old one's last tick is ignored.
func (c *Console) tick() tea.Cmd {
	pace := c.pace()
	if pace == c.ticking && c.tickSeq > 0 {
		return nil
	}
	c.ticking = pace
	c.tickSeq++
	seq := c.tickSeq
	wait := time.Duration(pace)
	if pace == paceIdle {
		now := c.options.Now()
		wait = now.Truncate(time.Minute).Add(time.Minute).Sub(now)
	}
	return tea.Tick(wait, func(time.Time) tea.Msg { return tickMsg{seq} })
}

// ticked draws what time changed, and sets the next tick.
func (c *Console) ticked(msg tickMsg) tea.Cmd {
	if msg.seq != c.tickSeq {
		return nil
	}
	c.spin++
	c.dirty = true
	c.toast.expire(c.now)
	c.ticking = -1 // another tick, at whatever pace is right now
	if c.sheet != nil && !c.now.Equal(c.lastTick) {
		c.lastTick = c.now
		return c.tellSheet()
	}
	return nil
}

// act does what a panel asks.
func (c *Console) act(a panel.Action) tea.Cmd {
	c.dirty = true
	switch a := a.(type) {
	case panel.Selected:
		return c.follow(a.Join)
	case panel.OpenRun:
		return c.openRun(a.Run, a.Job)
	case panel.Copy:
		return c.copy(a.Text, a.What)
	case panel.Say:
		c.say(a.Text, a.Bad)
	}
	return nil
}
