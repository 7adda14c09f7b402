package ui

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// downloadTime bounds the download of an artifact, which may be large.
const downloadTime = 30 * time.Minute

type (
	artifactsMsg struct {
		run  pipeline.Run
		list []pipeline.Artifact
		err  error
	}
	savedMsg struct {
		name, dir string
		files     int
		err       error
	}
)

func (c *Console) noRun() string {
	if _, ok := c.selectedRun(); !ok {
		return "no run is selected"
	}
	return ""
}

// openArtifacts lists what the selected run left behind.
func (c *Console) openArtifacts() tea.Cmd {
	run, _ := c.selectedRun()
	c.say(fmt.Sprintf("reading the artifacts of #%d", run.Number), false)
	engine, ctx := c.options.Engine, c.ctx
	return func() tea.Msg {
		list, err := engine.Artifacts(ctx, run.ID)
		return artifactsMsg{run, list, err}
	}
}

// takeArtifacts lets choose one, unless something else was opened meanwhile.
func (c *Console) takeArtifacts(msg artifactsMsg) {
	c.dirty = true
	switch {
	case msg.err != nil:
		c.say(panel.Brief(msg.err), true)
		return
	case len(msg.list) == 0:
		c.say(fmt.Sprintf("%s #%d left no artifacts", msg.run.Workflow, msg.run.Number), false)
		return
	case c.sheet != nil || c.dialog != nil || c.prompt != nil:
		return
	}
	c.toast = toast{}
	p := &chooser{title: fmt.Sprintf("Artifacts of %s #%d", msg.run.Workflow, msg.run.Number), typing: true}
	for i, a := range msg.list {
		p.choices = append(p.choices, choice{id: strconv.Itoa(i), text: a.Name, note: artifactNote(a, c.now)})
	}
	p.picked = func(c *Console, id string) tea.Cmd {
		i, _ := strconv.Atoi(id)
		return c.askDirectory(msg.run, msg.list[i])
	}
	c.dialog = p
}

// artifactNote is an artifact's size, and how long GitHub will keep it.
func artifactNote(a pipeline.Artifact, now time.Time) string {
	switch {
	case a.Expired:
		return a.Size() + "  expired"
	case a.Expires.IsZero():
		return a.Size()
	}
	return a.Size() + "  expires in " + clock.Short(a.Expires.Sub(now))
}

// askDirectory asks where an artifact goes, and saves it there.
func (c *Console) askDirectory(run pipeline.Run, a pipeline.Artifact) tea.Cmd {
	if a.Expired {
		c.say(a.Name+" has expired: GitHub has deleted what was in it", true)
		return nil
	}
	accept := func(dir string) tea.Cmd {
		if dir == "" {
			c.say("nothing was saved: name a directory", true)
			return nil
		}
		return c.saveArtifact(run, a, dir)
	}
	return c.ask("save below ", filepath.Join("artifacts", fmt.Sprintf("run-%d", run.ID), a.Name), "a directory", prompt{accept: accept})
}

func (c *Console) saveArtifact(run pipeline.Run, a pipeline.Artifact, dir string) tea.Cmd {
	c.say("downloading "+a.Name+", "+a.Size(), false)
	engine, ctx := c.options.Engine, c.ctx
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, downloadTime)
		defer cancel()
		files, err := engine.SaveArtifact(ctx, run.ID, a, dir)
		return savedMsg{a.Name, dir, len(files), err}
	}
}

func (c *Console) saved(msg savedMsg) {
	c.dirty = true
	if msg.err != nil {
		c.say(panel.Brief(msg.err), true)
		return
	}
	c.say(fmt.Sprintf("%s: %s saved below %s", msg.name, panel.Plural(msg.files, "file"), whole(msg.dir)), false)
}
