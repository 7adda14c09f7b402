package sandbox

import (
	"fmt"
	"time"
)

// Scenario is a world to start from: a fire drill with a goal.
type Scenario struct {
	// Name is what Options.Scenario takes.
	Name string
	// Title says in a few words what is going on.
	Title string
	// Goal is what the operator should achieve.
	Goal string

	prepare func(*World) // plans the newest past; the past has not been lived yet
	finish  func(*World) // changes the present, once the past has been lived
	spent   int          // requests of the hour that others have used up
}

// scenarios are all there are, in the order in which they are listed.
var scenarios = []*Scenario{
	{
		Name: "calm", Title: "a settled world",
		Goal:    "Look around: nothing moves and nothing waits.",
		prepare: func(w *World) { w.lastRelease(false, 5*time.Hour, "alice") },
	},
	{
		Name: "release", Title: "a good release waits for production",
		Goal:    "Take v1.42.0 to production: check it, approve it, watch it go live.",
		prepare: func(w *World) { w.lastRelease(false, 22*time.Minute, "") },
	},
	{
		Name: "bad-release", Title: "a release waits that will go wrong",
		Goal:    "Approve v1.42.0, notice that orders fails, and roll back.",
		prepare: func(w *World) { w.lastRelease(true, 22*time.Minute, "") },
	},
}

// Scenarios lists the scenarios.
func Scenarios() []Scenario {
	list := make([]Scenario, len(scenarios))
	for i, s := range scenarios {
		list[i] = *s
	}
	return list
}

func scenarioNamed(name string) (*Scenario, error) {
	for _, s := range scenarios {
		if s.Name == name {
			return s, nil
		}
	}
	names := ""
	for _, s := range scenarios {
		names += " " + s.Name
	}
	return nil, fmt.Errorf("no scenario %q: there are%s", name, names)
}

// lastRelease plans v1.42.0, merged to main so long before the start.
func (w *World) lastRelease(faulty bool, age time.Duration, approver string) {
	p := nextRelease(faulty)
	p.age, p.approver, p.answer, p.lead = age, approver, 20*time.Minute, 75*time.Minute
	w.live(p)
}
