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

	neighbours int  // how many other repositories live beside acme/shop
	fleet      bool // 500 services in 10 clusters of two accounts, and 2,000 runs behind them

	direct bool // the configuration lets the program change ECS itself

	prepare  func(*World) // plans the newest past; the past has not been lived yet
	finish   func(*World) // changes the present, once the past has been lived
	spent    int          // GitHub requests of the hour that others have used up
	throttle float64      // share of the AWS reads that are throttled
	// expiry is how long the sandbox's own AWS access key stays good, at speed
	// 1; zero means for ever.
	expiry time.Duration
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
