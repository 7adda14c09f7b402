package sandbox

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// What is wrong with the faulty versions that the repository's history
// holds.
var (
	// faultMissingSKU: carts that were made long ago have no sku, so checkout
	// fails for returning customers; staging has none of those.
	faultMissingSKU = fault{
		service: "orders", signature: "KeyError: 'sku'",
		after: 6 * time.Minute, ramp: 5 * time.Minute, peak: 0.38,
	}
	// faultStalePrices: prices are cached for ever, and eventually disagree.
	faultStalePrices = fault{
		service: "catalog", signature: "decimal.InvalidOperation: [<class 'decimal.ConversionSyntax'>]",
		after: 14 * time.Minute, ramp: 5 * time.Minute, peak: 0.22,
	}
	// faultNoRegion: a setting is read that only staging has, so that tasks
	// exit as soon as they start in production.
	faultNoRegion = fault{service: "payments", signature: "KeyError: 'ACQUIRER_REGION'", crashes: true}
	// faultLostSessions: sessions are kept on a host that only staging has; the
	// application starts, and cannot answer a single request.
	faultLostSessions = fault{
		service: "users", signature: "redis.exceptions.ConnectionError: Error -2 connecting to sessions:6379. Name or service not known.",
		after: 2 * time.Second, ramp: time.Second, peak: 1,
	}
	// faultKeptConnections: every thread keeps its connection to the database;
	// half a minute after the service is stable there is none left.
	faultKeptConnections = fault{
		service:   "users",
		signature: `django.db.utils.OperationalError: connection failed: connection to server at "10.0.3.20", port 5432 failed: FATAL:  sorry, too many clients already`,
		after:     25 * time.Second, ramp: 15 * time.Second, peak: 0.6,
	}
)

// errorShare is the share of a service's requests that fail now: that of each
// healthy task's release, by how long this release has had traffic.
func (w *World) errorShare(s *Service) float64 {
	if s.Cluster.Environment != "production" {
		return 0
	}
	healthy, sum := 0, 0.0
	for _, t := range s.Tasks {
		if t.Target != "healthy" {
			continue
		}
		healthy++
		sum += w.taskErrorShare(t)
	}
	if healthy == 0 {
		return 0
	}
	return sum / float64(healthy)
}

func (w *World) taskErrorShare(t *Task) float64 {
	b := w.buildWith(t.Service.Name, t.Digest)
	if b == nil || b.fault.service != t.Service.Name || b.fault.crashes || t.Revision == nil || t.Cluster.Environment != "production" {
		return 0 // what is wrong with the releases shows in production only
	}
	traffic := w.trafficSince(t)
	if traffic.IsZero() {
		return 0
	}
	f := b.fault
	running := float64(w.now.Sub(traffic)) * w.speed
	grown := (running - float64(f.after)) / float64(f.ramp)
	return f.peak * math.Max(0, math.Min(1, grown))
}

// trafficSince is when a task's revision first took traffic.
func (w *World) trafficSince(t *Task) time.Time {
	for _, d := range t.Service.Deployments {
		if d.Target == t.Revision {
			return d.Traffic
		}
	}
	return time.Time{}
}

// upstreamShare is the share of a service's own responses that are 5xx: its
// own errors, and at the gateway those of the services behind it.
func (w *World) upstreamShare(s *Service) float64 {
	share := w.errorShare(s)
	if s.Name != "api-gateway" {
		return share
	}
	total := 0.0
	for i, spec := range services {
		if i == 0 {
			continue
		}
		if behind := s.Cluster.Service(spec.name); behind != nil {
			share += w.errorShare(behind) * spec.requests
		}
		total += spec.requests
	}
	return share / total
}

// requestRate is a service's requests a second now; it follows the day.
func (w *World) requestRate(s *Service, at time.Time) float64 {
	rate := 1.0
	for _, spec := range services {
		if spec.name == s.Name {
			rate = spec.requests
		}
	}
	hour := float64(at.UTC().Hour()) + float64(at.UTC().Minute())/60
	rate *= 1 + 0.35*math.Sin((hour-9)/24*2*math.Pi)
	if s.Cluster.Environment == "staging" {
		rate /= 30
	}
	return rate
}

// noise is by how much a minute of a service differs from the usual, from -1
// to 1 for each thing measured.
type noise struct {
	minute                                int64
	cpu, memory, requests, failures, fast float64
}

// noiseOf is a minute's noise; the last one is kept, because alarms and load
// ask for the same minute again and again.
func (w *World) noiseOf(s *Service, minute time.Time) noise {
	if s.noise.minute == minute.Unix() {
		return s.noise
	}
	random := rand.New(rand.NewPCG(w.seed, hashing(s.ARN, minute.Unix())))
	draw := func() float64 { return 2*random.Float64() - 1 }
	s.noise = noise{minute: minute.Unix(), cpu: draw(), memory: draw(), requests: draw(), failures: draw(), fast: draw()}
	return s.noise
}

// point is a minute of a service's load with a failure share.
func (w *World) point(s *Service, minute time.Time, share float64) Point {
	n := w.noiseOf(s, minute)
	rate := w.requestRate(s, minute)
	latency := 30.0
	for _, spec := range services {
		if spec.name == s.Name {
			latency = spec.latency
		}
	}
	busy := rate / math.Max(1, float64(s.Desired))
	return Point{
		Minute:   minute,
		CPU:      math.Max(2, math.Min(98, 9+busy*6.5+3*n.cpu+20*share)),
		Memory:   math.Max(10, 41+4*n.memory+8*share),
		Requests: math.Round(rate * 60 * (1 + 0.08*n.requests)),
		Errors:   math.Round(rate * 60 * (share + 0.0008*(1+n.failures))),
		P50:      latency / 1000 * (1 + 0.1*n.fast + share),
		P95:      latency / 1000 * (3.1 + 0.4*n.fast + 6*share),
	}
}

// Load gives the minute of a service's load that begins at minute. What the
// world did not live through is made up, always the same way.
func (w *World) Load(s *Service, minute time.Time) Point {
	minute = minute.Truncate(time.Minute)
	for i := len(s.points) - 1; i >= 0; i-- {
		if s.points[i].Minute.Equal(minute) {
			return s.points[i]
		}
		if s.points[i].Minute.Before(minute) {
			break
		}
	}
	return w.point(s, minute, 0)
}

// pointsKept is how many minutes of load are remembered per service.
const pointsKept = 360

// beat is the world's pulse: every ten seconds it notes the load, judges the
// alarms and lets load balancers find unhealthy targets.
func (w *World) beat() {
	minute := w.now.Truncate(time.Minute)
	for _, cluster := range w.Cloud.Clusters {
		for _, s := range cluster.Services {
			w.note(s, minute)
			w.checkTargets(s)
		}
	}
	for _, a := range w.Cloud.Alarms {
		w.judge(a)
	}
	w.plan(w.now.Add(10*time.Second), w.beat)
}

func (w *World) note(s *Service, minute time.Time) {
	p := w.point(s, minute, w.upstreamShare(s))
	p.Alternate = s.alternateShare()
	if n := len(s.points); n > 0 && s.points[n-1].Minute.Equal(minute) {
		s.points[n-1] = p
		return
	}
	s.points = append(s.points, p)
	if len(s.points) > pointsKept {
		s.points = s.points[len(s.points)-pointsKept:]
	}
}

// checkTargets lets the load balancer find one target of a badly failing
// service unhealthy at a time; ECS replaces it.
func (w *World) checkTargets(s *Service) {
	if w.errorShare(s) < 0.2 || w.random.Float64() > 0.25*math.Min(1, w.speed/4) {
		return
	}
	for _, t := range s.Tasks {
		if t.Target == "unhealthy" {
			return
		}
	}
	for _, t := range s.Tasks {
		if t.Target != "healthy" {
			continue
		}
		t.Target, t.TargetReason, t.Health = "unhealthy", "Target.ResponseCodeMismatch", "UNHEALTHY"
		w.serviceEvent(s, "(port 8000) is unhealthy in (target-group %s) due to (reason Health checks failed with these codes: [503]).", s.groupARN(t.Revision))
		w.after(40*time.Second, func() {
			w.stopTask(t, "ServiceSchedulerInitiated", fmt.Sprintf("Task failed ELB health checks in (target-group %s)", s.groupARN(t.Revision)))
			w.reconcile(s)
		})
		return
	}
}

// judge moves an alarm between OK and ALARM when its value has been on the
// other side for its evaluation time.
func (w *World) judge(a *Alarm) {
	s := w.clusterOf(a.Environment).Service(a.Service)
	value := w.alarmValue(a, s)
	state := "OK"
	if value > a.Threshold {
		state = "ALARM"
	}
	if state == a.State {
		a.since = time.Time{}
		return
	}
	if a.since.IsZero() {
		a.since = w.now
	}
	wait := w.scaled(time.Duration(a.Period*a.Evaluations) * time.Second)
	if w.now.Sub(a.since) < wait {
		return
	}
	verb := "was not greater than"
	if state == "ALARM" {
		verb = "was greater than"
	}
	reason := fmt.Sprintf("Threshold Crossed: %d out of the last %d datapoints [%.2f (%s)] %s the threshold (%.1f).",
		a.Evaluations, a.Evaluations, value, w.now.UTC().Format("02/01/06 15:04:05"), verb, a.Threshold)
	a.History = append(a.History, AlarmChange{At: w.now, From: a.State, To: state, Reason: reason})
	a.State, a.Reason, a.Updated, a.since = state, reason, w.now, time.Time{}
}

func (w *World) alarmValue(a *Alarm, s *Service) float64 {
	p := w.point(s, w.now.Truncate(time.Minute), w.upstreamShare(s))
	switch a.Metric {
	case "HTTPCode_Target_5XX_Count":
		return p.Errors
	case "TargetResponseTime":
		return p.P95
	case "CPUUtilization":
		return p.CPU
	}
	return 0
}
