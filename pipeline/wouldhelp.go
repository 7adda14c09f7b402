package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

const (
	// logsPatience is how long a rollback's plan waits for the comparison of the
	// logs: it is evidence, and an emergency waits for nothing that decides nothing.
	logsPatience = 4 * time.Second
	// roseBy and roseLines are how much more errors a minute, and how many lines,
	// it takes to say that errors rose: a handful proves nothing.
	roseBy    = 2
	roseLines = 5
	// newLines is how many lines of an error that never came before tell.
	newLines = 3
)

// gatherErrors compares the errors in the logs before and after the release
// took traffic. Where time is short, as when a confirmed plan is checked again,
// it is left out: it decides nothing.
func (o *Operator) gatherErrors(ctx context.Context, r *reading, ev *evidence, environment string) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= recheckTimeout {
		return
	}
	look(r, &ev.errors, "aws logs", func(ctx context.Context) (logs.Evidence, error) {
		ctx, cancel := context.WithTimeout(ctx, logsPatience)
		defer cancel()
		return o.engine.CompareLogs(ctx, ServiceKey{Environment: environment})
	})
}

// finding is what one kind of evidence says about leaving a release.
type finding struct {
	verdict  Verdict // pass: it speaks for leaving it; fail: against
	sentence string
	evidence []string
}

// gateWouldHelp (R18): whether leaving the release would help, by what changed
// when it took traffic: alarms, and errors in the logs. It informs, and decides
// nothing.
func gateWouldHelp(ev *evidence) Gate {
	g := Gate{ID: "R18", Code: "would_help", Title: "would it help", Effect: Inform, Observation: ev.env.Observation}
	if unreadable(g.Observation) {
		return unreadGate(g, g.Observation, Inform)
	}
	alarms, lines := alarmsFinding(ev.env.Services), errorsFinding(ev.errors)
	g.Evidence = append(alarms.evidence, lines.evidence...)
	said := alarms.sentence + "; " + lines.sentence
	switch {
	case alarms.verdict == Pass || lines.verdict == Pass:
		g.Verdict, g.Sentence = Pass, "probably: "+said
	case alarms.verdict == Unknown || lines.verdict == Unknown:
		g.Verdict, g.Sentence = Unknown, "not known: "+said
		if alarms.verdict == Fail {
			g.Code = "alarm_came_first"
		}
	case alarms.verdict == Fail:
		g.Verdict, g.Code, g.Sentence = Fail, "alarm_came_first", "probably not: "+said
	default:
		g.Verdict, g.Code, g.Sentence = Fail, "nothing_got_worse", "probably not, nothing got worse: "+said
	}
	return g
}

// alarmsFinding holds the alarms that fire against the moment that the release
// took traffic. One that went off after it speaks for leaving the release, also
// where another was there before.
func alarmsFinding(services []ServiceView) finding {
	out := finding{verdict: NotApplicable, sentence: "no alarm is firing"}
	unread := ""
	for _, v := range services {
		if unreadable(v.Alarms.Observation) && (v.Alarms.Err != nil || len(v.AlarmNames) > 0) {
			unread = firstOf(unread, "the alarms of "+v.Key.Service+" cannot be read"+because(v.Alarms.Err))
		}
		for _, a := range v.Alarms.Value {
			if a.State != "ALARM" {
				continue
			}
			verdict, sentence := alarmFinding(a, firstStart(v))
			out.evidence = append(out.evidence, sentence)
			if out.verdict == NotApplicable || verdict == Pass && out.verdict != Pass {
				out.verdict, out.sentence = verdict, sentence
			}
		}
	}
	if unread != "" && out.verdict != Pass {
		out.verdict, out.sentence = Unknown, unread
	}
	return out
}

func alarmFinding(a Alarm, began time.Time) (Verdict, string) {
	switch {
	case began.IsZero() || a.Changed.IsZero():
		return Unknown, a.Name + " is in alarm; nobody knows whether it went off before this release took traffic"
	case a.Changed.Before(began):
		return Fail, fmt.Sprintf("%s was in alarm %s before this release took traffic", a.Name, Duration(began.Sub(a.Changed)))
	}
	return Pass, fmt.Sprintf("%s went off %s after this release took traffic", a.Name, Duration(a.Changed.Sub(began)))
}

// errorsFinding compares the errors a minute before and after, and names those
// that are new.
func errorsFinding(f Fact[logs.Evidence]) finding {
	if errors.Is(f.Err, context.DeadlineExceeded) {
		return finding{verdict: Unknown, sentence: "the logs are still being compared; read again in some seconds"}
	}
	if unreadable(f.Observation) {
		return finding{verdict: Unknown, sentence: "the logs were not compared" + because(f.Err)}
	}
	e := f.Value
	before, after := e.Counts()
	rateBefore, rateAfter := perMinute(before, e.Before), perMinute(after, e.After)
	rates := fmt.Sprintf("%s error lines a minute before it and %s after", rate(rateBefore), rate(rateAfter))
	out := finding{verdict: NotApplicable, sentence: rates}
	fresh := e.New()
	lines := 0
	for _, s := range fresh {
		lines += s.After
		if len(out.evidence) < 3 {
			out.evidence = append(out.evidence, fmt.Sprintf("new in %s, ×%d: %s", s.Service, s.After, s.Template))
		}
	}
	failed := e.Failed()
	switch {
	case e.After <= 0:
		return finding{verdict: Unknown, sentence: "it took traffic too recently to compare the logs"}
	case lines >= newLines, after >= roseLines && rateAfter >= roseBy*rateBefore:
		out.verdict = Pass
		if len(fresh) > 0 {
			out.sentence += fmt.Sprintf(", %s, ×%d", plural(len(fresh), "new signature"), lines)
		}
	case len(failed) > 0:
		out.verdict, out.sentence = Unknown, fmt.Sprintf("%s, without the logs of %s%s", rates, failed[0].Group.Service, because(failed[0].Err))
	}
	return out
}

func perMinute(lines int, span time.Duration) float64 {
	if span <= 0 {
		return 0
	}
	return float64(lines) / span.Minutes()
}

// rate renders a number of lines a minute: whole where it is ten or more.
func rate(perMinute float64) string {
	if perMinute >= 10 {
		return fmt.Sprintf("%.0f", perMinute)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", perMinute), ".0")
}

// because is the reason of an error as the end of a sentence; empty without one.
func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
