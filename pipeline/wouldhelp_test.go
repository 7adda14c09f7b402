package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// compared is a comparison of ten minutes on each side, with so many error
// lines, none of them of a new kind.
func compared(before, after int) logs.Evidence {
	return logs.Evidence{
		Before: 10 * time.Minute, After: 10 * time.Minute,
		Samples: []logs.Sample{{Group: logs.Group{Name: "/ecs/orders", Service: "orders"}, Before: 10 * time.Minute, After: 10 * time.Minute, LinesBefore: before, LinesAfter: after}},
	}
}

func TestWouldARollbackHelp(t *testing.T) {
	began := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	firing := func(after time.Duration) Fact[[]Alarm] {
		return Fact[[]Alarm]{Value: []Alarm{{Name: "orders-5xx", State: "ALARM", Changed: began.Add(after)}}, Observation: Observation{At: began}}
	}
	quiet := Fact[[]Alarm]{Observation: Observation{At: began}}
	unread := Fact[[]Alarm]{Observation: Observation{Err: errDown}}
	errors := func(e logs.Evidence) Fact[logs.Evidence] {
		return Fact[logs.Evidence]{Value: e, Observation: Observation{At: began}}
	}
	fresh := compared(20, 23)
	fresh.Signatures = []logs.Signature{{Template: "KeyError: sku", Service: "orders", Group: "/ecs/orders", After: 3}}
	early := compared(0, 0)
	early.After = 0
	torn := compared(20, 20)
	torn.Samples = append(torn.Samples, logs.Sample{Group: logs.Group{Service: "users"}, Err: errDown})
	tests := map[string]struct {
		alarms  Fact[[]Alarm]
		errors  Fact[logs.Evidence]
		verdict Verdict
		code    string
		says    string
	}{
		"an alarm after":                {firing(time.Minute), errors(compared(20, 20)), Pass, "would_help", "probably: orders-5xx went off 1m after this release took traffic; 2 error lines a minute before it and 2 after"},
		"an alarm before":               {firing(-time.Hour), errors(compared(20, 20)), Fail, "alarm_came_first", "probably not: orders-5xx was in alarm 1h before"},
		"an alarm before, errors rose":  {firing(-time.Hour), errors(compared(20, 60)), Pass, "would_help", "2 error lines a minute before it and 6 after"},
		"errors rose":                   {quiet, errors(compared(1, 412)), Pass, "would_help", "no alarm is firing; 0.1 error lines a minute before it and 41 after"},
		"a few more prove nothing":      {quiet, errors(compared(1, 4)), Fail, "nothing_got_worse", "nothing got worse"},
		"as many as before":             {quiet, errors(compared(30, 40)), Fail, "nothing_got_worse", "probably not"},
		"errors that are new":           {quiet, errors(fresh), Pass, "would_help", "1 new signature, ×3"},
		"no logs":                       {quiet, Fact[logs.Evidence]{Observation: Observation{Err: errDown}}, Unknown, "would_help", "not known: no alarm is firing; the logs were not compared: 502"},
		"no logs, an alarm after":       {firing(time.Minute), Fact[logs.Evidence]{}, Pass, "would_help", "the logs were not compared"},
		"no logs, an alarm before":      {firing(-time.Hour), Fact[logs.Evidence]{}, Unknown, "alarm_came_first", "not known"},
		"too early":                     {quiet, errors(early), Unknown, "would_help", "too recently"},
		"one service's logs are unread": {quiet, errors(torn), Unknown, "would_help", "without the logs of users: 502"},
		"no alarms":                     {unread, errors(compared(20, 20)), Unknown, "would_help", "the alarms of orders cannot be read: 502"},
		"no alarms, errors rose":        {unread, errors(compared(0, 50)), Pass, "would_help", "probably"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := ServiceView{ServiceState: ServiceState{Key: ServiceKey{"production", "orders"}, Alarms: tt.alarms, Rollout: &ServiceDeployment{Started: began}}}
			g := gateWouldHelp(&evidence{env: &EnvironmentState{Observation: Observation{At: began}, Services: []ServiceView{v}}, errors: tt.errors})
			if g.Verdict != tt.verdict || g.Code != tt.code || !strings.Contains(g.Sentence, tt.says) {
				t.Errorf("%s %s %q, want %s %s %q", g.Verdict, g.Code, g.Sentence, tt.verdict, tt.code, tt.says)
			}
			if g.Effect != Inform {
				t.Errorf("it does more than inform: %s", g.Effect)
			}
		})
	}
}
