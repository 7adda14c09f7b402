package steps

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// Report is where a step tells what it does: lines of the job's log,
// annotations, outputs for later jobs, and the step's summary. Texts from
// outside cannot forge a workflow command: no line that is merely printed is one.
// It is safe for concurrent use; a nil Report says nothing.
type Report struct {
	mu      sync.Mutex
	out     io.Writer
	actions bool   // the log is read by GitHub Actions
	outputs string // the file that GITHUB_OUTPUT names; empty: outputs are printed
	summary string // the file that GITHUB_STEP_SUMMARY names; empty: it is printed
	debug   bool   // the run was started with debug logging: RUNNER_DEBUG is 1
	masked  []string
	err     error
}

// NewReport makes a report that writes to out, and to the files that GitHub
// Actions names in the environment.
func NewReport(out io.Writer, getenv func(string) string) *Report {
	return &Report{
		out: out, actions: getenv("GITHUB_ACTIONS") == "true",
		outputs: getenv("GITHUB_OUTPUT"), summary: getenv("GITHUB_STEP_SUMMARY"),
		debug: getenv("RUNNER_DEBUG") == "1",
	}
}

// Err is the first failure to write anything. A step goes on all the same, and
// its caller says so at the end.
func (r *Report) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Printf writes a line, or lines, to the log.
func (r *Report) Printf(format string, args ...any) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines(fmt.Sprintf(format, args...))
}

// Errorf annotates the run with what makes the step fail.
func (r *Report) Errorf(title, format string, args ...any) {
	r.annotate("error", title, fmt.Sprintf(format, args...))
}

// Warningf annotates the run with what somebody ought to look at.
func (r *Report) Warningf(title, format string, args ...any) {
	r.annotate("warning", title, fmt.Sprintf(format, args...))
}

// Noticef annotates the run with what is worth knowing.
func (r *Report) Noticef(title, format string, args ...any) {
	r.annotate("notice", title, fmt.Sprintf(format, args...))
}

// Logger is a log of what the step asks and is answered. It becomes debug lines
// of the job's log where the run was started with debug logging, and nothing
// elsewhere.
func (r *Report) Logger() *slog.Logger {
	if r == nil || !r.debug {
		return slog.New(slog.DiscardHandler)
	}
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey { // Actions puts one before every line
			return slog.Attr{}
		}
		return a
	}
	return slog.New(slog.NewTextHandler(debugLines{r}, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime}))
}

// debugLines writes each record as a debug line.
type debugLines struct{ *Report }

func (d debugLines) Write(p []byte) (int, error) {
	d.annotate("debug", "", strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// Group folds what is said until the returned function is called. Groups do
// not nest, as GitHub's do not.
func (r *Report) Group(title string) (end func()) {
	if r == nil || !r.actions {
		r.Printf("%s", title)
		return func() {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.command("group", "", title)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.command("endgroup", "", "")
	}
}

// shortestMask is the length in bytes from which a line is a secret: what is
// shorter would mask half of the log.
const shortestMask = 4

// Mask keeps a secret out of everything that is said from now on: Actions
// masks it in the log of the whole job, and Report everywhere.
func (r *Report) Mask(secret string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(secret) {
		line = strings.TrimSpace(line)
		if len(line) < shortestMask || slices.Contains(r.masked, line) {
			continue
		}
		if r.actions {
			r.write(r.out, "::add-mask::"+escapeData(line)+"\n")
		}
		r.masked = append(r.masked, line)
	}
}

// Output sets an output of the step, which later jobs read. The value may have
// any number of lines.
func (r *Report) Output(name, value string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.outputs == "" {
		r.lines(name + "=" + value)
		return
	}
	// The delimiter cannot be guessed, so that no value can end itself.
	delimiter := "end-" + rand.Text()
	r.add(r.outputs, name+"<<"+delimiter+"\n"+value+"\n"+delimiter+"\n")
}

// Summary adds Markdown to the page of the run. Outside of Actions it is printed
// as it is.
func (r *Report) Summary(markdown string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	markdown = strings.TrimRight(markdown, "\n")
	if r.summary == "" {
		r.lines(markdown)
		return
	}
	r.add(r.summary, r.hide(markdown)+"\n\n")
}

// Table adds a table to the page of the run; its cells are escaped.
func (r *Report) Table(title string, head []string, rows [][]string) {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", title)
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + Cell(c) + " ")
		}
		b.WriteString("|\n")
	}
	line(head)
	b.WriteString(strings.Repeat("| --- ", len(head)) + "|\n")
	for _, row := range rows {
		line(row)
	}
	r.Summary(b.String())
}

// Cell is a text from outside as a cell of a Markdown table: it makes no link,
// no image, no mark-up, no mention and no second row.
func Cell(s string) string { return markdownEscapes.Replace(sanitise.Text(s)) }

var markdownEscapes = strings.NewReplacer(`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`,
	"<", "&lt;", "[", `\[`, "]", `\]`, "@", "&#64;")

// annotate writes an annotation, or a line that begins with its level.
func (r *Report) annotate(level, title, message string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.actions && title != "":
		r.lines(level + ": " + title + ": " + message)
	case !r.actions:
		r.lines(level + ": " + message)
	case title != "":
		r.command(level, " title="+escapeProperty(sanitise.Text(r.hide(title))), message)
	default:
		r.command(level, "", message)
	}
}

// command writes a workflow command.
func (r *Report) command(name, properties, message string) {
	message = strings.Join(sanitise.Lines(r.hide(message)), "\n")
	r.write(r.out, "::"+name+properties+"::"+escapeData(message)+"\n")
}

// lines writes lines of which none is a workflow command: a line of a log that
// is shown begins with whatever its writer chose.
func (r *Report) lines(text string) {
	for _, line := range sanitise.Lines(r.hide(text)) {
		if r.actions && (strings.HasPrefix(strings.TrimLeft(line, " "), "::") || strings.Contains(line, "##[")) {
			line = "| " + strings.ReplaceAll(line, "##[", "## [")
		}
		r.write(r.out, line+"\n")
	}
}

// hide takes the secrets out of a text.
func (r *Report) hide(s string) string {
	for _, secret := range r.masked {
		s = strings.ReplaceAll(s, secret, "***")
	}
	return s
}

func (r *Report) write(w io.Writer, s string) {
	if _, err := io.WriteString(w, s); err != nil && r.err == nil {
		r.err = err
	}
}

// add appends to a file that Actions reads when the step has ended.
func (r *Report) add(path, s string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		r.write(f, s)
		err = f.Close()
	}
	if err != nil && r.err == nil {
		r.err = err
	}
}

// escapeData and escapeProperty are the escapes of GitHub's workflow commands.
func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
