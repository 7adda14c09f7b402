package ui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
)

type (
	// olderMsg says how a reading of older runs ended.
	olderMsg struct {
		filter string
		more   bool
		err    error
	}
	// excerptMsg is the log of a failed job in the tree.
	excerptMsg struct {
		job int64
		log pipeline.JobLog
		err error
	}
)

// loadOlder reads the runs behind those that are known, where the panel of runs
// wants them.
func (c *Console) loadOlder() tea.Cmd {
	q, ok := c.runs.Older(c.snapshot)
	if !ok {
		return nil
	}
	engine, ctx := c.options.Engine, c.ctx
	return func() tea.Msg {
		_, more, err := engine.ReadOlder(ctx, q.Repositories, q.Query)
		return olderMsg{q.Filter, more, err}
	}
}

func (c *Console) takeOlder(msg olderMsg) {
	c.runs.OlderRead(msg.filter, msg.more, msg.err)
	c.dirty = true
}

// loadExcerpt reads the log of the failed job that the cursor rests on, so that
// the tree shows what went wrong.
func (c *Console) loadExcerpt() tea.Cmd {
	if r, ok := c.runs.Selected(); !ok || r.ID != c.join.Run {
		return nil
	}
	run, job := c.runs.WantExcerpt()
	if run == 0 {
		return nil
	}
	engine, ctx := c.options.Engine, c.ctx
	return func() tea.Msg {
		log, err := engine.JobLog(ctx, run, job)
		return excerptMsg{job, log, err}
	}
}

func (c *Console) takeExcerpt(msg excerptMsg) {
	c.runs.SetExcerpt(msg.job, msg.log, msg.err)
	c.dirty = true
}
