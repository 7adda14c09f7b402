package ui

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/logview"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

type (
	linesSavedMsg struct {
		path  string
		lines int
		err   error
	}
	comparedMsg struct {
		environment string
		evidence    logs.Evidence
		err         error
	}
)

// askTime goes to a time in the logs. What is older than the lines that are
// held is read, and shown when it comes.
func (c *Console) askTime() tea.Cmd {
	accept := func(text string) tea.Cmd {
		at, err := logview.ParseTime(text, c.now, c.options.Zone)
		if err != nil {
			c.say(err.Error(), true)
			return nil
		}
		action, older := c.logs.JumpTo(at)
		if !older {
			return c.act(action)
		}
		engine := c.options.Engine
		return tea.Batch(c.act(action), func() tea.Msg { engine.ReadLogsSince(at); return nil })
	}
	return c.ask("go to ", "", "5m ago, 14:03, 14:03:22 or 2026-11-23 14:03", prompt{accept: accept})
}

// askSave writes the lines that the filter shows to a file.
func (c *Console) askSave() tea.Cmd {
	lines := c.logs.Rows()
	if len(lines) == 0 {
		c.say("there is no line to save", true)
		return nil
	}
	name := c.environment + "-" + c.now.UTC().Format("20060102T150405Z") + ".log"
	accept := func(path string) tea.Cmd {
		return func() tea.Msg {
			err := saveLines(path, lines)
			return linesSavedMsg{path, len(lines), err}
		}
	}
	hint := fmt.Sprintf("%s, a file that does not exist yet", panel.Plural(len(lines), "line"))
	return c.ask("save to ", name, hint, prompt{accept: accept})
}

// askSaveJobLog writes the log of the job that is shown to a file.
func (c *Console) askSaveJobLog() tea.Cmd {
	name, text, lines := c.opened.Text(c.snapshot)
	if text == "" {
		c.say("there is no log to save: GitHub gives it when the job has ended", true)
		return nil
	}
	accept := func(path string) tea.Cmd {
		return func() tea.Msg {
			err := saveFile(path, func(w io.Writer) error {
				_, err := io.WriteString(w, text)
				return err
			})
			return linesSavedMsg{path, lines, err}
		}
	}
	return c.ask("save to ", name, panel.Plural(lines, "line")+", a file that does not exist yet", prompt{accept: accept})
}

// saveLines writes lines of the logs to a new file.
func saveLines(path string, lines []*logs.Line) error {
	return saveFile(path, func(w io.Writer) error { return logview.Write(w, lines) })
}

// saveFile writes a new file that only its owner can read.
func saveFile(path string, write func(io.Writer) error) error {
	if strings.TrimSpace(path) == "" {
		return errors.New("not saved: name a file")
	}
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("not saved: %s exists; name another file", path)
	} else if err != nil {
		return fmt.Errorf("not saved: %w", err)
	}
	err = write(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("not saved whole: %w", err)
	}
	return nil
}

// savedLines says where the lines are now.
func (c *Console) savedLines(msg linesSavedMsg) {
	if msg.err != nil {
		c.say(msg.err.Error(), true)
		return
	}
	c.say(fmt.Sprintf("saved %s to %s", panel.Plural(msg.lines, "line"), whole(msg.path)), false)
}

// whole is a path from the root: who reads it may have left the console by then.
func whole(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// tellPattern has CloudWatch filter by the pattern of the logs' filter, once
// that is typed to its end.
func (c *Console) tellPattern() tea.Cmd {
	pattern := c.logs.SourcePattern()
	if c.prompt != nil || pattern == c.logPattern {
		return nil
	}
	c.logPattern = pattern
	engine := c.options.Engine
	return func() tea.Msg { engine.SetLogPattern(pattern); return nil }
}

// newErrorsDialog shows which errors are new since traffic moved, with lines
// from both sides.
type newErrorsDialog struct {
	environment string
	read        bool
	evidence    logs.Evidence
	err         error
	offset      int
	width       int // that shown was drawn for
	shown       []string
}

// compareLogs reads the errors before and after the release took traffic.
func (c *Console) compareLogs() tea.Cmd {
	environment := c.environment
	c.dialog = &newErrorsDialog{environment: environment}
	engine, ctx, service := c.options.Engine, c.ctx, c.join.Service
	return func() tea.Msg {
		evidence, err := engine.CompareLogs(ctx, pipeline.ServiceKey{Environment: environment, Service: service})
		return comparedMsg{environment, evidence, err}
	}
}

// compared shows what was read, if somebody still waits for it.
func (c *Console) compared(msg comparedMsg) {
	d, ok := c.dialog.(*newErrorsDialog)
	if !ok || d.environment != msg.environment {
		return
	}
	d.read, d.evidence, d.err, d.shown = true, msg.evidence, msg.err, nil
	c.dirty = true
}

func (d *newErrorsDialog) key(_ *Console, msg tea.KeyPressMsg) (tea.Cmd, bool) {
	switch msg.String() {
	case "j", "down":
		d.offset++
	case "k", "up":
		d.offset--
	case "pgdown", "space":
		d.offset += 10
	case "pgup":
		d.offset -= 10
	case "g", "home":
		d.offset = 0
	default:
		return nil, false
	}
	return nil, true
}

func (d *newErrorsDialog) lines(c *Console, width, height int) []string {
	s := c.styles
	w := min(width, 120)
	if d.shown == nil || d.width != w {
		d.shown, d.width = d.content(c, w-2), w
	}
	room := max(height-2, 1)
	d.offset = max(min(d.offset, len(d.shown)-room), 0)
	foot := "any key closes"
	if len(d.shown) > room {
		foot = "j k scroll " + s.Glyphs.Dot + " " + foot
	}
	box := frame.Box{
		Title:   []frame.Span{{Paint: s.Title, Text: "New errors"}, {Paint: s.Muted, Text: " " + s.Glyphs.Dot + " " + d.environment}},
		Foot:    []frame.Span{{Paint: s.Muted, Text: foot}},
		Focused: true,
	}
	return box.Lines(nil, s, d.shown[d.offset:], w, min(len(d.shown)+2, height))
}

// content draws everything that the dialog has to say.
func (d *newErrorsDialog) content(c *Console, width int) []string {
	s := c.styles
	text := func(paint theme.Paint, texts ...string) (out []string) {
		for _, part := range texts {
			for _, line := range frame.Wrap(part, max(width-2, 10)) {
				out = append(out, frame.NewRow(s, width, theme.Paint{}).Space(1).Put(paint, line).String())
			}
		}
		return out
	}
	switch {
	case !d.read:
		return text(s.Muted, "Reading the errors of ten minutes before and after traffic moved "+s.Glyphs.Ellipsis)
	case d.err != nil:
		return text(s.Danger, panel.Brief(d.err))
	}
	out := text(s.Text, d.summary())
	for _, failed := range d.evidence.Failed() {
		out = append(out, text(s.Warn, "not read: "+panel.Brief(failed.Err))...)
	}
	for _, sample := range d.evidence.Samples {
		if sample.Silent {
			out = append(out, text(s.Warn, sample.Group.Service+" wrote nothing at all before: that its errors are new cannot be told")...)
		}
	}
	fresh := map[string]bool{}
	for _, sig := range d.evidence.New() {
		fresh[sig.Group+sig.Template] = true
	}
	for i := range d.evidence.Signatures {
		sig := &d.evidence.Signatures[i]
		out = append(out, theme.Blank(width), d.head(c, sig, fresh[sig.Group+sig.Template], width))
		out = append(out, d.sample(c, "before", sig.Earlier, width), d.sample(c, "after", sig.Example, width))
	}
	if len(d.evidence.Signatures) == 0 {
		out = append(out, text(s.Muted, "No error was written in this time.")...)
	}
	return out
}

// summary is the sentence above the list.
func (d *newErrorsDialog) summary() string {
	before, after := d.evidence.Counts()
	rate, now := d.evidence.Rates()
	return fmt.Sprintf("%s new since traffic moved. %d error lines before (%.1f a minute), %d after (%.1f a minute); read %s before and %s after, each service around its own moment.",
		panel.Plural(len(d.evidence.New()), "kind"), before, rate, after, now,
		pipeline.Duration(d.evidence.Before), pipeline.Duration(d.evidence.After))
}

// head is the line of one kind of error.
func (d *newErrorsDialog) head(c *Console, sig *logs.Signature, fresh bool, width int) string {
	s := c.styles
	row := frame.NewRow(s, width, theme.Paint{})
	mark, paint := s.Mark(theme.NotYet), s.Muted
	if fresh {
		mark, paint = s.Mark(theme.Attention), s.Danger
	}
	counts := fmt.Sprintf("%s before, %s after  %s ", panel.Count(sig.Before), panel.Count(sig.After), sig.Service)
	row.Space(1).Mark(mark).Space(1).Reserve(theme.Cells(counts) + 2)
	row.Put(paint, strings.TrimLeft(sig.Template, "# "))
	row.Reserve(0)
	return row.Tail(s.Text, counts).String()
}

// sample is a line of one side, or that there is none.
func (d *newErrorsDialog) sample(c *Console, side string, line *logs.Line, width int) string {
	s := c.styles
	row := frame.NewRow(s, width, theme.Paint{})
	row.Space(3).Cell(s.Faint, side, 7)
	if line == nil {
		return row.Put(s.Faint, "none").String()
	}
	return row.Put(s.Faint, line.Timestamp().In(c.options.Zone).Format(time.TimeOnly)+" ").Put(s.Text, logview.Condense(line)).String()
}
