package pipeline

import (
	"fmt"
	"slices"
	"time"
)

// gateFreeze (A16): no freeze window and no hold.
func gateFreeze(ev *evidence) Gate {
	g := Gate{ID: "A16", Code: "frozen", Title: "freeze and hold", Verdict: Pass, Sentence: "no freeze, no hold", Observation: Observation{Source: "configuration", At: ev.now}}
	if unreadable(ev.env.holds) {
		g = unreadGate(Gate{ID: g.ID, Code: "hold_unknown", Title: "the hold", Ack: "hold"}, ev.env.holds, Acknowledge)
	}
	if h := ev.env.Hold; h != nil {
		g.Verdict, g.Effect, g.Code = Fail, Block, "held"
		g.Sentence = fmt.Sprintf("held by %s: %s", h.Owner, h.Reason)
		if slices.ContainsFunc(h.Faulty, func(sha string) bool { return ev.same(sha, ev.run.Value.SHA) }) {
			g.Code = "release_faulty"
			g.Sentence = fmt.Sprintf("%s is marked as faulty by %s: %s", Short(ev.run.Value.SHA), h.Owner, h.Reason)
		}
		g.Remedy = fmt.Sprintf("gh deployctl unlock -e %s lifts it", ev.env.Environment.Name)
	}
	if f, ok := frozen(ev.snap.Config.Policy.Freezes, ev.now); ok {
		g.Verdict, g.Effect = Fail, Block
		g.Sentence = "frozen: " + f.Reason
		if !f.Until.IsZero() {
			g.Sentence += ", until " + f.Until.Format("2006-01-02 15:04 MST")
		}
		return g
	}
	if f, ok := ev.snap.NextFreeze(ev.now, freezeNotice); ok && g.Verdict == Pass {
		return beforeFreeze(ev, g, f)
	}
	return g
}

// freezeNotice is how long before a freeze who approves is told of it.
const freezeNotice = 24 * time.Hour

// longRollout is how long a rollout may take where there is no history of any.
const longRollout = 45 * time.Minute

// beforeFreeze says when the next freeze begins. One that may begin before the
// rollout is done would stop it between two services.
func beforeFreeze(ev *evidence, g Gate, f FreezeWindow) Gate {
	_, worst := usual(ev.env.Deployments.Value, "deploy")
	if worst == 0 {
		worst = longRollout
	}
	if f.From.After(ev.now.Add(worst)) {
		g.Sentence += fmt.Sprintf("; %s begins %s", f.Reason, f.From.Format("2006-01-02 15:04 MST"))
		return g
	}
	g.Verdict, g.Effect, g.Code = Fail, Warn, "freeze_near"
	g.Sentence = fmt.Sprintf("the freeze (%s) begins %s, and this may take %s: services that are not done by then stay as they are",
		f.Reason, f.From.Format("2006-01-02 15:04 MST"), Duration(worst))
	return g
}

func frozen(list []FreezeWindow, now time.Time) (FreezeWindow, bool) {
	for _, f := range list {
		if !now.Before(f.From) && (f.Until.IsZero() || now.Before(f.Until)) {
			return f, true
		}
	}
	return FreezeWindow{}, false
}
