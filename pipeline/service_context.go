package pipeline

import "time"

// Scaling is what Application Auto Scaling may make of a service's desired
// count. The zero Scaling means that nothing scales the service.
type Scaling struct {
	Min, Max  int
	Suspended []string // what is paused: in, out, scheduled
}

// Scales reports whether anything scales the service.
func (s Scaling) Scales() bool { return s.Max > 0 }

// Pinned says where a desired count stands at a bound: "at its maximum", "at
// its minimum"; empty between them, and where both are the same.
func (s Scaling) Pinned(desired int) string {
	switch {
	case !s.Scales() || s.Min == s.Max:
		return ""
	case desired >= s.Max:
		return "at its maximum"
	case desired <= s.Min:
		return "at its minimum"
	}
	return ""
}

// Traffic is what a load balancer sent to one target group, a point a minute,
// oldest first. Minutes without requests have no point.
type Traffic struct {
	Group  string // the target group's name
	Points []TrafficPoint
}

// TrafficPoint is one minute of a target group.
type TrafficPoint struct {
	At       time.Time // the minute's begin
	Requests float64   // a second
	Errors   float64   // percent of the requests that the targets answered with 5xx
	P95      time.Duration
}

// Latest is the newest minute; ok is false where there was none.
func (t Traffic) Latest() (point TrafficPoint, ok bool) {
	if len(t.Points) == 0 {
		return TrafficPoint{}, false
	}
	return t.Points[len(t.Points)-1], true
}

// Registration is where other services find a service: its instances in Cloud
// Map.
type Registration struct {
	Name      string // the Cloud Map service
	Namespace string // its name, or its ID where that could not be read
	Instances []Instance
}

// Healthy counts the instances that Cloud Map hands out.
func (r Registration) Healthy() int {
	n := 0
	for _, i := range r.Instances {
		if i.Health == "HEALTHY" {
			n++
		}
	}
	return n
}

// Instance is one registered task.
type Instance struct {
	ID      string // the task's
	Address string
	Health  string // HEALTHY, UNHEALTHY, UNKNOWN
}

// ServiceConnect is a service's part in a Service Connect mesh.
type ServiceConnect struct {
	Namespace string
	Offers    []string // DNS name and port of what other services call: orders:8000; empty: a client only
}
