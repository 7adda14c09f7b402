package cmd

import (
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/services"
)

// What services --json says of a service besides its counts. What was not read
// is null or left out, never a zero.
type (
	// ecsRolloutJSON is the newest ECS service deployment.
	ecsRolloutJSON struct {
		ARN      string         `json:"arn"`
		Status   string         `json:"status"`
		Stage    *string        `json:"stage"`
		Strategy string         `json:"strategy"`
		Breaker  *breakerJSON   `json:"circuit_breaker"`
		Alarms   []string       `json:"triggered_alarms"`
		Reason   *string        `json:"rollback_reason"`
		Started  *time.Time     `json:"created_at"`
		Finished *time.Time     `json:"finished_at"`
		Hooks    []hookJSON     `json:"hooks"`
		Holders  []revisionJSON `json:"revisions"`
	}
	breakerJSON struct {
		Failed    int    `json:"failed"`
		Threshold int    `json:"threshold"`
		Status    string `json:"status"`
	}
	hookJSON struct {
		ID      string     `json:"id"`
		Status  string     `json:"status"`
		Expires *time.Time `json:"expires_at"`
		Timeout *string    `json:"timeout_action"`
	}
	revisionJSON struct {
		TaskDefinition string   `json:"task_definition"`
		Image          *string  `json:"image"`
		SHA            *string  `json:"sha"`
		Version        *string  `json:"version"`
		Running        int      `json:"running"`
		Pending        int      `json:"pending"`
		Traffic        *float64 `json:"traffic_percent"`
	}
	targetsJSON struct {
		Healthy int `json:"healthy"`
		Total   int `json:"total"`
	}
	scalingJSON struct {
		Min       int      `json:"min"`
		Max       int      `json:"max"`
		Suspended []string `json:"suspended,omitempty"`
	}
	loadJSON struct {
		CPU    float64 `json:"cpu_percent"`
		Memory float64 `json:"memory_percent"`
	}
	trafficJSON struct {
		TargetGroup string    `json:"target_group"`
		At          time.Time `json:"at"`
		Requests    float64   `json:"requests_per_second"`
		P95         int64     `json:"p95_milliseconds"`
		Errors      float64   `json:"errors_5xx_percent"`
	}
	registrationJSON struct {
		Name      string `json:"name"`
		Healthy   int    `json:"healthy"`
		Instances int    `json:"instances"`
	}
	connectJSON struct {
		Namespace string   `json:"namespace"`
		Offers    []string `json:"offers"`
	}
	stoppedJSON struct {
		ID             string     `json:"id"`
		TaskDefinition string     `json:"task_definition"`
		Reason         string     `json:"reason"`
		Stopped        *time.Time `json:"stopped_at"`
	}
)

// addDepth adds what stands around a service's counts.
func addDepth(out *serviceJSON, v pipeline.ServiceView) {
	out.Version, out.Strategy = known(v.Version), known(v.Strategy)
	out.Cluster, out.Region = v.Cluster.Name, v.Cluster.Region
	out.Alarms = []string{}
	for _, a := range v.Alarms.Value {
		if a.State == "ALARM" {
			out.Alarms = append(out.Alarms, a.Name)
		}
	}
	out.Rollout = ecsRolloutOf(v)
	if len(v.Targets.Value) > 0 {
		out.Targets = &targetsJSON{Total: len(v.Targets.Value)}
		for _, t := range v.Targets.Value {
			if t.State == "healthy" {
				out.Targets.Healthy++
			}
		}
	}
	if s := v.Scaling.Value; s.Scales() {
		out.Scaling = &scalingJSON{s.Min, s.Max, s.Suspended}
	}
	if l := v.Load.Value; len(l.CPU) > 0 && len(l.Memory) > 0 {
		out.Load = &loadJSON{l.CPU[len(l.CPU)-1], l.Memory[len(l.Memory)-1]}
	}
	for _, t := range v.Traffic.Value {
		if p, ok := t.Latest(); ok {
			out.Traffic = append(out.Traffic, trafficJSON{t.Group, p.At.UTC(), p.Requests, p.P95.Milliseconds(), p.Errors})
		}
	}
	for _, r := range v.Registrations.Value {
		out.Registrations = append(out.Registrations, registrationJSON{r.Name, r.Healthy(), len(r.Instances)})
	}
	if c := v.Connect; c != nil {
		out.Connect = &connectJSON{c.Namespace, append([]string{}, c.Offers...)}
	}
	for i := range v.Tasks.Value {
		if t := &v.Tasks.Value[i]; !t.Stopped.IsZero() {
			out.Stopped = append(out.Stopped, stoppedJSON{t.ID, t.TaskDefinition, services.StoppedReason(t), moment(t.Stopped)})
		}
	}
}

func ecsRolloutOf(v pipeline.ServiceView) *ecsRolloutJSON {
	r := v.Rollout
	if r == nil {
		return nil
	}
	out := &ecsRolloutJSON{
		ARN: r.ARN, Status: r.Status, Stage: known(r.Stage), Strategy: r.Strategy, Reason: known(r.RollbackReason),
		Alarms: append([]string{}, r.TriggeredBy...), Started: moment(r.Created), Finished: moment(r.Finished),
		Hooks: []hookJSON{}, Holders: []revisionJSON{},
	}
	if r.BreakerLimit > 0 {
		out.Breaker = &breakerJSON{r.BreakerFailed, r.BreakerLimit, r.BreakerStatus}
	}
	for _, h := range r.Hooks {
		out.Hooks = append(out.Hooks, hookJSON{h.ID, h.Status, moment(h.Expires), known(h.TimeoutAction)})
	}
	for _, rev := range v.Revisions {
		holder := revisionJSON{
			TaskDefinition: rev.TaskDefinition, Image: known(rev.Digest()), SHA: known(rev.SHA), Version: known(rev.Version),
			Running: rev.Running, Pending: rev.Pending,
		}
		if r.Strategy != "ROLLING" {
			holder.Traffic = pointer(rev.Weight)
		}
		out.Holders = append(out.Holders, holder)
	}
	return out
}
