package wall

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// settledSource is how seldom a source may be read and still count for the age
// in the header: what is read every ten minutes is never fresh.
const settledSource = 5 * time.Minute

// shown reports whether the wall shows what a source says. It has no logs.
func shown(s pipeline.SourceStatus) bool { return !strings.Contains(s.Name, "logs") }

// oldest is when the least fresh of the sources that are read all the time was
// read; zero: nothing was.
func oldest(s *pipeline.Snapshot) time.Time {
	var at time.Time
	for _, src := range s.Sources {
		if !shown(src) || src.At.IsZero() || src.TTL > settledSource {
			continue
		}
		if at.IsZero() || src.At.Before(at) {
			at = src.At
		}
	}
	return at
}

// stale returns the sources whose data is too old, the oldest first to be told.
func (m *Model) stale() []pipeline.SourceStatus {
	var out []pipeline.SourceStatus
	for _, src := range m.snapshot.Sources {
		if !shown(src) {
			continue
		}
		limit := max(m.opt.StaleAfter, src.TTL)
		since := src.At
		if since.IsZero() {
			since = m.started
		}
		if m.now.Sub(since) <= limit {
			continue
		}
		out = append(out, src)
		if first := out[0]; src.At.Before(first.At) {
			out[0], out[len(out)-1] = src, first
		}
	}
	if len(out) == 0 && m.silent() {
		out = append(out, pipeline.SourceStatus{Name: "any source", Observation: pipeline.Observation{At: newest(m.snapshot)}})
	}
	return out
}

// silent reports whether there is no source to be judged, for too long: a wall
// that was told nothing must not look well.
func (m *Model) silent() bool {
	return len(m.snapshot.Sources) == 0 && m.now.Sub(m.started) > m.opt.StaleAfter
}

// banner is the notice over a wall whose data is old, in reverse video.
func (m *Model) banner(all []pipeline.SourceStatus) []string {
	src := all[0]
	what := fmt.Sprintf("STALE: nothing has been read from %s for %s%s.", owner(src.Name), forHow(m.now, src.At, m.started), why(src.Err))
	if n := len(all) - 1; n == 1 {
		what += " One more source is ill."
	} else if n > 1 {
		what += fmt.Sprintf(" %d more sources are ill.", n)
	}
	below := "Nothing was ever read from it."
	if !src.At.IsZero() {
		below = "What stands below is how things were at " + src.At.In(m.opt.Location).Format("15:04:05") + "."
	}
	if wait := src.Next.Sub(m.now); wait > 0 {
		below += fmt.Sprintf(" Trying again in %d s.", (wait+time.Second-1)/time.Second)
	}
	var rows []string
	add := func(text string) {
		rows = append(rows, m.styles.Banner.Render(theme.Fit("   "+text, m.width, m.styles.Glyphs.Ellipsis)))
	}
	rule := func() {
		if m.height >= 16 {
			add("")
		}
	}
	rule()
	for _, text := range []string{what, below} {
		for _, l := range frame.Wrap(text, max(m.width-6, 1)) {
			add(l)
		}
	}
	rule()
	return rows[:min(len(rows), max(m.height/2, 1))]
}

// owner is whom a source belongs to, in words: "GitHub (runs)".
func owner(name string) string {
	provider, what, found := strings.Cut(name, " ")
	switch strings.ToLower(provider) {
	case "github":
		provider = "GitHub"
	case "aws":
		provider = "AWS"
	default:
		return name
	}
	if !found {
		return provider
	}
	return provider + " (" + what + ")"
}

// forHow is how long ago something was, or that it never was.
func forHow(now, at, started time.Time) string {
	if at.IsZero() {
		at = started
	}
	d := max(now.Sub(at), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return clock.Age(d)
}

// why is an error in parentheses, as briefly as it can be told.
func why(err error) string {
	if err == nil {
		return ""
	}
	var e *pipeline.Error
	if errors.As(err, &e) && e.Message != "" {
		return " (" + e.Message + ")"
	}
	return " (" + err.Error() + ")"
}
