package runs

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// logLine is one line of a job's log, without the runner's markup.
type logLine struct {
	at     time.Time
	text   string
	kind   lineKind
	colour []sanitise.Span // of text
}

// lineKind is what the runner's markup says of a line.
type lineKind uint8

const (
	plainLine lineKind = iota
	errorLine
	warningLine
	noticeLine
	commandLine
	debugLine
)

// section is a group of the log with what follows it: in practice a step.
type section struct {
	name       string
	at         time.Time // when it began; zero: not known
	first, end int       // lines[first:end]
	errors     int
}

// took is the time between the section's first and last line.
func (s section) took(lines []logLine) time.Duration {
	if s.first >= s.end || lines[s.first].at.IsZero() || lines[s.end-1].at.IsZero() {
		return 0
	}
	return lines[s.end-1].at.Sub(lines[s.first].at)
}

// jobLog is a job's log, in sections.
type jobLog struct {
	lines    []logLine
	sections []section
	first    int // line of the first error; -1: none found
	notes    int // lines of annotations before the log
	errors   int
}

// markup is what the runner writes before a line to say what it is.
var markup = map[string]lineKind{
	"##[error]": errorLine, "##[warning]": warningLine, "##[notice]": noticeLine,
	"##[command]": commandLine, "[command]": commandLine, "##[debug]": debugLine,
}

// parseLog divides a job's log into sections and finds what went wrong first.
func parseLog(texts []pipeline.LogText) *jobLog {
	l := &jobLog{first: -1}
	for _, t := range texts {
		if name, ok := strings.CutPrefix(t.Text, "##[group]"); ok {
			l.open(name, t.At)
			continue
		}
		if t.Text == "##[endgroup]" {
			continue
		}
		if len(l.sections) == 0 {
			l.open("Set up job", t.At)
		}
		line := logLine{at: t.At, text: t.Text, colour: t.Colour}
		for prefix, kind := range markup {
			if rest, ok := strings.CutPrefix(t.Text, prefix); ok {
				line.text, line.kind, line.colour = rest, kind, shifted(t.Colour, len(prefix))
				break
			}
		}
		l.lines = append(l.lines, line)
		l.sections[len(l.sections)-1].end = len(l.lines)
	}
	l.findErrors()
	return l
}

// shifted are spans of a text that lost its first n bytes.
func shifted(spans []sanitise.Span, n int) []sanitise.Span {
	var out []sanitise.Span
	for _, s := range spans {
		if s.From, s.To = max(s.From-n, 0), s.To-n; s.To > s.From {
			out = append(out, s)
		}
	}
	return out
}

// annotate puts what the job's tools noted before the log, as a section of its
// own. What they say of an exit code is left out: the log says it too.
func (l *jobLog) annotate(notes []pipeline.Annotation) {
	var lines []logLine
	head := section{name: "Annotations"}
	for _, n := range notes {
		kind := map[string]lineKind{"failure": errorLine, "warning": warningLine}[n.Level]
		if kind == plainLine {
			kind = noticeLine
		}
		if strings.HasPrefix(n.Message, exitCode) {
			continue
		}
		if kind == errorLine {
			head.errors++
		}
		lines = append(lines, logLine{text: noted(n), kind: kind})
	}
	if len(lines) == 0 {
		return
	}
	head.end = len(lines)
	for i := range l.sections {
		l.sections[i].first += len(lines)
		l.sections[i].end += len(lines)
	}
	if l.first >= 0 {
		l.first += len(lines)
	}
	l.lines, l.sections = append(lines, l.lines...), append([]section{head}, l.sections...)
	l.notes = len(lines)
}

// noted is an annotation in one line: where, what, why.
func noted(n pipeline.Annotation) string {
	where := n.Path
	if n.Path == ".github" {
		where = "" // GitHub's word for a note on the job itself
	} else if n.Line > 0 {
		where += ":" + strconv.Itoa(n.Line)
	}
	var parts []string
	for _, part := range []string{where, n.Title, n.Message} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "  ")
}

// excerpt is what a reader wants to see of a log first: the first error and
// what follows it, at most n lines.
func (l *jobLog) excerpt(n int) []string {
	var out []string
	if l.first < 0 {
		return nil
	}
	end := len(l.lines)
	if s := l.sectionOf(l.first); s >= 0 {
		end = l.sections[s].end
	}
	for _, line := range l.lines[l.first:end] {
		text := strings.Trim(strings.TrimPrefix(line.text, "E  "), " =")
		heading := strings.HasPrefix(line.text, ruler) || strings.HasPrefix(text, exitCode)
		if text == "" || heading && len(out) > 0 {
			continue
		}
		if out = append(out, text); len(out) == n {
			break
		}
	}
	return out
}

// ruler begins the headings that tools draw across their output.
const ruler = "===="

// pin is the commit to which a workflow pins an action.
var pin = regexp.MustCompile(`@([0-9a-f]{7})[0-9a-f]{33}\b`)

func (l *jobLog) open(name string, at time.Time) {
	l.sections = append(l.sections, section{name: pin.ReplaceAllString(name, "@$1"), at: at, first: len(l.lines), end: len(l.lines)})
}

// tellTale matches lines in which a tool says what went wrong. The runner's
// own "Process completed with exit code 1" only says that something did.
var tellTale = regexp.MustCompile(`^E  +\S|\b[A-Z]\w*(Error|Exception)\b:|(?i:^|\s)(error|fatal|panic)(\[\w+\])?: |^--- FAIL`)

// exitCode begins the runner's own last word on a step.
const exitCode = "Process completed with exit code"

func (l *jobLog) findErrors() {
	last := -1
	for i := range l.lines {
		line := &l.lines[i]
		exit := line.kind == errorLine && strings.HasPrefix(line.text, exitCode)
		if line.kind != errorLine && !tellTale.MatchString(line.text) {
			continue
		}
		if exit {
			last = i
			continue
		}
		line.kind = errorLine
		l.errors++
		if l.first < 0 {
			l.first = i
		}
	}
	if l.first < 0 && last >= 0 {
		l.first, l.errors = last, 1
	}
	for i := range l.sections {
		s := &l.sections[i]
		for n, line := range l.lines[s.first:s.end] {
			if line.kind == errorLine && (s.first+n == l.first || !strings.HasPrefix(line.text, exitCode)) {
				s.errors++
			}
		}
	}
}

// sectionOf is the section that a line is in.
func (l *jobLog) sectionOf(line int) int {
	for i, s := range l.sections {
		if line >= s.first && line < s.end {
			return i
		}
	}
	return -1
}

// paint is the colour of a line of that kind.
func (k lineKind) paint(s *theme.Styles) theme.Paint {
	switch k {
	case errorLine:
		return s.Danger
	case warningLine:
		return s.Warn
	case noticeLine, commandLine:
		return s.Accent
	case debugLine:
		return s.Faint
	case plainLine:
	}
	return s.Text
}
