package runs

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// unfoldFirst opens the section of the first error and puts the cursor there;
// without an error, the last section's end.
func (o *Opened) unfoldFirst() {
	o.folded, o.cursor, o.offset, o.found = map[int]bool{}, 0, 0, nil
	l := o.log()
	if l == nil {
		o.lines = nil
		return
	}
	at := -1
	if l.first >= 0 {
		at = l.sectionOf(l.first)
	}
	for i := range l.sections {
		o.folded[i] = i != at && len(l.sections) > 1 && (at >= 0 || len(l.lines)+len(l.sections) > o.height)
	}
	o.relist()
	o.show(l.first)
	o.offset = max(o.cursor-6, 0)
}

func (o *Opened) log() *jobLog {
	if r := o.logs[o.job]; r != nil {
		return r.log
	}
	return nil
}

// relist makes the visible lines from what is folded, and from how wide the
// log is where its lines are wrapped.
func (o *Opened) relist() {
	o.lines, o.dirty = o.lines[:0], true
	l := o.log()
	if l == nil {
		return
	}
	for i, s := range l.sections {
		o.lines = append(o.lines, visible{section: i, line: -1})
		for n := s.first; n < s.end && !o.folded[i]; n++ {
			o.addLine(l, i, n)
		}
	}
	o.cursor = max(min(o.cursor, len(o.lines)-1), 0)
}

// addLine puts a line of the log among the visible ones: as many rows as it
// takes where lines are wrapped.
func (o *Opened) addLine(l *jobLog, section, n int) {
	text := l.lines[n].text
	if !o.wrap || o.width <= 0 {
		o.lines = append(o.lines, visible{section, n, 0, len(text)})
		return
	}
	for from := 0; ; {
		part := len(theme.Cut(text[from:], o.width, ""))
		if part == 0 { // not even one character fits, or the line is empty
			part = len(text) - from
		}
		o.lines = append(o.lines, visible{section, n, from, from + part})
		if from += part; from >= len(text) {
			return
		}
	}
}

// rewrap wraps long lines, or cuts them; the cursor stays on its line.
func (o *Opened) rewrap() {
	o.wrap = !o.wrap
	o.relay()
}

// relay makes the visible lines anew, the cursor on the line that it was on.
func (o *Opened) relay() {
	var at visible
	if o.cursor < len(o.lines) {
		at = o.lines[o.cursor]
	}
	o.relist()
	o.onto(at.section, at.line)
}

// onto puts the cursor on the first row of a line, or on its section's head
// where that line is not shown.
func (o *Opened) onto(section, line int) {
	head := o.cursor
	for i, v := range o.lines {
		if v.section != section {
			continue
		}
		if v.line == line {
			o.cursor = i
			return
		}
		if v.line < 0 {
			head = i
		}
	}
	o.cursor = head
}

// show puts the cursor on a line of the log, opening its section.
func (o *Opened) show(line int) {
	l := o.log()
	if l == nil || line < 0 {
		return
	}
	if s := l.sectionOf(line); s >= 0 && o.folded[s] {
		o.folded[s] = false
		o.relist()
	}
	for i, v := range o.lines {
		if v.line == line {
			o.cursor, o.dirty = i, true
			return
		}
	}
}

func (o *Opened) logKey(k string) bool {
	page := max(o.height-1, 1)
	switch k {
	case "j", "down":
		o.cursor++
	case "k", "up":
		o.cursor--
	case "g", "home":
		o.cursor = 0
	case "G", "end":
		o.cursor = len(o.lines)
	case "pgdown", "ctrl+d", "ctrl+f":
		o.cursor += page
	case "pgup", "ctrl+u", "ctrl+b":
		o.cursor -= page
	case "enter":
		o.toggleSection()
	case "left", "h":
		o.inLog = false
	default:
		return false
	}
	o.cursor = max(min(o.cursor, len(o.lines)-1), 0)
	return true
}

// toggleSection folds or opens the section that the cursor is in.
func (o *Opened) toggleSection() {
	if o.cursor >= len(o.lines) {
		return
	}
	at := o.lines[o.cursor].section
	o.folded[at] = !o.folded[at]
	o.relist()
	o.onto(at, -1)
}

// foldAll folds every section, or opens them where all are folded.
func (o *Opened) foldAll() panel.Action {
	l := o.log()
	if l == nil {
		return panel.Say{Text: "there is no log to fold", Bad: true}
	}
	folded, at := false, 0
	for i := range l.sections {
		folded = folded || !o.folded[i]
	}
	if o.cursor < len(o.lines) {
		at = o.lines[o.cursor].section
	}
	for i := range l.sections {
		o.folded[i] = folded
	}
	o.relist()
	o.onto(at, -1)
	return nil
}

// firstError goes to the line in which something went wrong first: of the log
// that is shown, else of the job that failed.
func (o *Opened) firstError() panel.Action {
	l := o.log()
	if l == nil || l.first < 0 {
		if o.toFailed() {
			return nil
		}
		return panel.Say{Text: "no error was found in this log", Bad: true}
	}
	o.inLog = true
	o.show(l.first)
	o.offset = max(o.cursor-o.height/3, 0)
	return nil
}

// toFailed shows the job that failed, unless it is shown already or none did.
// Its log opens at the first error.
func (o *Opened) toFailed() bool {
	s := o.context.Snapshot
	if s == nil {
		return false
	}
	jobs, _ := o.jobs(s)
	j := o.findJob(s, lookedFor(jobs.Value))
	if j == nil || !j.Conclusion.Bad() || j.ID == o.job {
		return false
	}
	o.job, o.name, o.inLog = j.ID, j.Name, true
	o.list = panel.List[key]{} // on the job, once its rows are made
	o.unfoldFirst()
	return true
}

// SetSearch marks what matches and goes to the first match below the cursor, or
// else from the top. An error says why the text cannot be searched for.
func (o *Opened) SetSearch(text string) (panel.Action, error) {
	pattern, err := logs.ParsePattern(text)
	if err != nil {
		return nil, err
	}
	o.search, o.found, o.dirty = pattern, nil, true
	if pattern.Empty() {
		return nil, nil
	}
	said := o.next(false)
	switch {
	case said == nil || o.log() == nil:
		return said, nil
	case o.seek(-1, 1):
		return nil, nil
	}
	return panel.Say{Text: "no “" + pattern.String() + "” in this job", Bad: true}, nil
}

// next goes to the next match, or error where nothing is searched for.
func (o *Opened) next(back bool) panel.Action {
	l := o.log()
	if l == nil {
		return panel.Say{Text: "there is no log to search", Bad: true}
	}
	at, step := -1, 1
	if o.cursor < len(o.lines) {
		at = o.lines[o.cursor].line
		if at < 0 {
			at = l.sections[o.lines[o.cursor].section].first - 1
		}
	}
	if back {
		step = -1
	}
	if o.seek(at, step) {
		return nil
	}
	what := "error"
	if !o.search.Empty() {
		what = "“" + o.search.String() + "”"
	}
	return panel.Say{Text: "no further " + what + " in this job", Bad: true}
}

// seek goes to the match nearest to a line, in steps of 1 or -1, and reports
// whether there is one.
func (o *Opened) seek(at, step int) bool {
	l := o.log()
	if l == nil {
		return false
	}
	for i := at + step; i >= 0 && i < len(l.lines); i += step {
		if o.matches(l.lines[i]) {
			o.inLog = true
			o.show(i)
			return true
		}
	}
	return false
}

func (o *Opened) matches(l logLine) bool {
	if o.search.Empty() {
		return l.kind == errorLine
	}
	return o.search.Match(l.text)
}

// matched says which match the cursor is on, of how many: "3 of 17".
func (o *Opened) matched() string {
	l := o.log()
	if l == nil {
		return ""
	}
	if o.found == nil {
		o.found = []int{}
		for i := range l.lines {
			if o.matches(l.lines[i]) {
				o.found = append(o.found, i)
			}
		}
	}
	if len(o.found) == 0 {
		return "no match"
	}
	if o.cursor < len(o.lines) {
		if i, on := slices.BinarySearch(o.found, o.lines[o.cursor].line); on {
			return strconv.Itoa(i+1) + " of " + strconv.Itoa(len(o.found))
		}
	}
	return strconv.Itoa(len(o.found)) + " found"
}

// toStep goes to where a step begins in the log.
func (o *Opened) toStep(j *pipeline.Job, number int) {
	l := o.log()
	if l == nil || j == nil {
		return
	}
	for i := range j.Steps {
		if j.Steps[i].Number != number {
			continue
		}
		section, line := l.stepAt(j.Steps[i].Started, j.Steps[i].Completed)
		if section < 0 {
			return
		}
		if o.folded[section] {
			o.folded[section] = false
			o.relist()
		}
		o.onto(section, line)
		o.offset = o.cursor
	}
}

// stepAt is where the log of a step begins: the section that begins while it
// runs, else the first line that was written then; section -1: nowhere. GitHub
// gives the times of steps in whole seconds and those of lines exactly, so that
// the last words of the step before may fall into the first second.
func (l *jobLog) stepAt(from, until time.Time) (section, line int) {
	if from.IsZero() {
		return -1, -1
	}
	if until.IsZero() {
		until = from.Add(24 * time.Hour)
	} else if !until.After(from) {
		until = from.Add(time.Second)
	}
	for i, s := range l.sections {
		if !s.at.IsZero() && !s.at.Before(from) && s.at.Before(until) {
			return i, -1
		}
	}
	for i := range l.lines {
		if at := l.lines[i].at; !at.IsZero() && !at.Before(from) {
			return l.sectionOf(i), i
		}
	}
	return -1, -1
}

// Text is the whole log of the job shown as a file holds it, and a name for it;
// empty where there is none.
func (o *Opened) Text(s *pipeline.Snapshot) (name, text string, lines int) {
	l, j := o.log(), o.findJob(s, o.job)
	if l == nil || j == nil {
		return "", "", 0
	}
	var b strings.Builder
	for _, sec := range l.sections {
		b.WriteString("## " + sec.name + "\n")
		for _, line := range l.lines[sec.first:sec.end] {
			if !line.at.IsZero() {
				b.WriteString(line.at.UTC().Format(time.RFC3339Nano) + " ")
			}
			b.WriteString(line.text + "\n")
		}
	}
	clean := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '-'
	}, j.Name)
	return "run-" + strconv.FormatInt(o.run, 10) + "-" + clean + ".log", b.String(), len(l.lines)
}
