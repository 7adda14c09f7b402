package services

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

func context(s *pipeline.Snapshot) panel.Context {
	return panel.Context{
		Snapshot: s, Styles: theme.New(theme.Options{}), Zone: time.UTC, Now: scene.Now,
		Width: 80, Height: 30, Focused: true, Environment: "production",
	}
}

func text(lines []string) string { return ansi.Strip(strings.Join(lines, "\n")) }

func TestWorstFirst(t *testing.T) {
	var p Panel
	p.Lines(context(scene.Disagreement()))
	var names []string
	for _, v := range p.rows {
		names = append(names, v.Key.Service)
	}
	if got, want := strings.Join(names, " "), "payments notifications api-gateway catalog orders users"; got != want {
		t.Errorf("order is %s, want %s", got, want)
	}
}

func TestDisagreementSaysItsSentence(t *testing.T) {
	var p Panel
	got := strings.Join(strings.Fields(text(p.Lines(context(scene.Disagreement())))), " ")
	if !strings.Contains(got, "run #210 deployed 9f8e7d6, but ECS runs 5c4d3e2") {
		t.Errorf("the sentence is missing:\n%s", got)
	}
}

func TestSmallPanelKeepsTheIll(t *testing.T) {
	var p Panel
	c := context(scene.Disagreement())
	c.Focused, c.Height = false, 5
	got := text(p.Lines(c))
	for _, want := range []string{"payments", "notifications", "4 healthy"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestManyServicesKeepTheIllOnTop(t *testing.T) {
	var p Panel
	p.Lines(context(scene.Many(500)))
	seenHealthy := false
	for _, v := range p.rows {
		healthy := rank(v) == well
		if seenHealthy && !healthy {
			t.Fatalf("%s is ill and stands below healthy ones", v.Key.Service)
		}
		seenHealthy = seenHealthy || healthy
	}
}

func TestOpenedServiceShowsItsTasks(t *testing.T) {
	var p Panel
	c := context(scene.Disagreement())
	p.Lines(c)
	p.Key("j")
	p.Key("enter")
	got := text(p.Lines(c))
	for _, want := range []string{"stopped: out of memory (137)", "targets", "events", "notifications:17"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if !p.Close() || p.Close() {
		t.Error("closing reports what it did once")
	}
}

func TestStoppedReason(t *testing.T) {
	code := func(n int) *int { return &n }
	tests := []struct {
		name string
		task pipeline.Task
		want string
	}{
		{"memory", pipeline.Task{Containers: []pipeline.Container{{ExitCode: code(137), Reason: "OutOfMemoryError: Container killed due to memory usage"}}}, "out of memory (137)"},
		{"image", pipeline.Task{Containers: []pipeline.Container{{Reason: "CannotPullContainerError: manifest unknown"}}}, "the image cannot be pulled: manifest unknown"},
		{"secrets", pipeline.Task{StopCode: "TaskFailedToStart", StoppedReason: "ResourceInitializationError: unable to pull secrets"}, "could not start: unable to pull secrets"},
		{"health", pipeline.Task{StopCode: "ServiceSchedulerInitiated", StoppedReason: "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/shop-orders/73e2)"}, "failed the load balancer's health checks of shop-orders"},
		{"codes", pipeline.Task{StopCode: "ServiceSchedulerInitiated", StoppedReason: "Task failed ELB health checks in (target-group x): codes [500]"}, "failed the load balancer's health checks of x: codes [500]"},
		{"container health", pipeline.Task{StopCode: "ServiceSchedulerInitiated", StoppedReason: "Task failed container health checks"}, "failed its container's health check"},
		{"scaling", pipeline.Task{StopCode: "ServiceSchedulerInitiated", StoppedReason: "Scaling activity initiated by (deployment ecs-svc/1)"}, "a scaling activity or rollout replaced it"},
		{"person", pipeline.Task{StopCode: "UserInitiated"}, "stopped by a person or a tool"},
		{"exit", pipeline.Task{StopCode: "EssentialContainerExited", Containers: []pipeline.Container{{Name: "app", ExitCode: code(1)}}}, "app exited with 1: an error of the application"},
		{"signal", pipeline.Task{Containers: []pipeline.Container{{Name: "app", ExitCode: code(134)}}}, "app exited with 134: signal 6"},
		{"nothing", pipeline.Task{}, "no reason given"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := StoppedReason(&tt.task); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// rich is a scene in which orders has all that can stand around a service.
func rich() *pipeline.Snapshot {
	s := *scene.Disagreement()
	s.Environments = slices.Clone(s.Environments)
	for i := range s.Environments {
		s.Environments[i].Services = slices.Clone(s.Environments[i].Services)
		for j := range s.Environments[i].Services {
			if v := &s.Environments[i].Services[j]; v.Key.Service == "orders" {
				surround(v)
			}
		}
	}
	return &s
}

func surround(v *pipeline.ServiceView) {
	now := pipeline.Observation{At: scene.Now}
	v.Cluster = pipeline.Cluster{Name: "shop-blue", Region: "eu-west-1", Profile: "acme"}
	v.Rollout = &pipeline.ServiceDeployment{
		Status: "IN_PROGRESS", Strategy: "CANARY", Stage: "POST_TEST_TRAFFIC_SHIFT", Created: scene.Now.Add(-time.Minute),
		BreakerFailed: 1, BreakerLimit: 3,
		Hooks: []pipeline.Hook{{ID: "h", Type: "PAUSE", Status: "AWAITING_ACTION", TimeoutAction: "ROLLBACK", Expires: scene.Now.Add(12 * time.Minute)}},
	}
	v.Revisions = []pipeline.ServiceRevision{
		{
			TaskDefinition: "orders:18", SHA: "a1b2c3d", Version: "v1.42.0", Running: 1, Weight: 5,
			Images: []pipeline.Image{{Repository: "123.dkr.ecr.eu-west-1.amazonaws.com/shop/orders", Digest: "sha256:" + strings.Repeat("f00dfeed", 8)}, {Repository: "public.ecr.aws/envoy", Tag: "1.31"}},
		},
		{TaskDefinition: "orders:17", SHA: "9f8e7d6", Running: 6, Pending: 1, Weight: 95},
	}
	v.Strategy, v.Shift, v.Breaker = "CANARY", pipeline.Shift{Percent: 5, Pause: 10 * time.Minute, Bake: 30 * time.Minute}, pipeline.Breaker{On: true}
	v.Alarms = pipeline.Fact[[]pipeline.Alarm]{Observation: now, Value: []pipeline.Alarm{
		{Name: "shop-blue-orders-5xx", State: "OK"}, {Name: "latency", State: "ALARM", Reason: "Threshold crossed: 1 > 0.5"},
	}}
	v.Scaling = pipeline.Fact[pipeline.Scaling]{Observation: now, Value: pipeline.Scaling{Min: 1, Max: v.Desired, Suspended: []string{"in"}}}
	v.Traffic = pipeline.Fact[[]pipeline.Traffic]{Observation: now, Value: []pipeline.Traffic{{
		Group: "orders-blue", Points: []pipeline.TrafficPoint{{At: scene.Now, Requests: 17.4, Errors: 2.5, P95: 182 * time.Millisecond}},
	}}}
	v.Registrations = pipeline.Fact[[]pipeline.Registration]{Observation: now, Value: []pipeline.Registration{{
		Name: "orders", Instances: []pipeline.Instance{{ID: "abc", Health: "HEALTHY"}, {ID: "0123456789", Address: "10.0.0.7", Health: "UNHEALTHY"}},
	}}}
	v.Connect = &pipeline.ServiceConnect{Namespace: "shop", Offers: []string{"orders:8000"}}
	v.Definition = pipeline.Fact[pipeline.DefinitionComparison]{Observation: now, Value: pipeline.DefinitionComparison{
		From: "orders:17", To: "orders:18", Changes: []pipeline.DefinitionChange{
			{Sign: "~", Text: "cpu 256 → 512"},
			{Sign: "+", Text: "container envoy"},
			{Sign: "-", Text: "app: secret GONE"},
			{Sign: "+", Text: "app: variable A"},
			{Sign: "+", Text: "app: variable LAST"},
		},
	}}
}

func TestDetailsSayWhatStandsAroundAService(t *testing.T) {
	var p Panel
	c := context(rich())
	c.Width, c.Height = 160, 100
	p.Lines(c)
	p.list.Select("orders")
	p.Key("enter")
	got := text(p.Lines(c))
	for _, want := range []string{
		"canary 5% for 10m, bake 30m", "post test traffic shift", "does not roll back",
		"orders@f00dfeedf00d → a1b2c3d → v1.42.0 · beside envoy:1.31 · orders:18", "ok       orders-5xx", "alarm    latency", "Threshold crossed: 1 > 0.5",
		"1 task ", "6 tasks +1 ", "breaker 1 of 3", "PAUSE waits for somebody to continue, expires in 12m and then rolls back",
		"5% traffic", "95% traffic", "+ container envoy", "1 more: d", "17/s  p95 182 ms  5xx 2.5%", "at its maximum", "suspended: in",
		"Cloud Map orders: 1 of 2 instances healthy, for 2 tasks", "01234567 10.0.0.7 unhealthy", "Service Connect shop: orders:8000", "way back  v1.40.9: possible · 1 of 2 candidates",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "variable LAST") {
		t.Error("all changes are shown before they are asked for")
	}
	p.Key("d")
	if got := text(p.Lines(c)); !strings.Contains(got, "variable LAST") {
		t.Errorf("d does not show all changes:\n%s", got)
	}
}

// d always changes what is seen: what the task definition changes comes first,
// or why there is nothing to show.
func TestTheKeyOfChangesShowsThemFirst(t *testing.T) {
	changed := pipeline.DefinitionComparison{From: "orders:17", To: "orders:18", Changes: []pipeline.DefinitionChange{{Sign: "~", Text: "cpu 256 → 512"}}}
	back := changed
	back.TakenBack = true
	known := pipeline.Observation{At: scene.Now}
	type fact = pipeline.Fact[pipeline.DefinitionComparison]
	for _, tt := range []struct {
		want string
		fact fact
	}{
		{"changes orders:18 from orders:17 ~ cpu 256 → 512", fact{Observation: known, Value: changed}},
		{"changes orders:18, which ECS took back, from orders:17 ~ cpu 256 → 512", fact{Observation: known, Value: back}},
		{"changes orders:18 from orders:17 nothing", fact{Observation: known, Value: pipeline.DefinitionComparison{From: "orders:17", To: "orders:18"}}},
		{"changes nothing to compare orders:18 with: it is the first revision", fact{Observation: pipeline.Observation{Err: pipeline.Errorf(pipeline.KindNotFound, "none"), ErrAt: scene.Now}}},
		{"changes ✗ no answer", fact{Observation: pipeline.Observation{Err: pipeline.Errorf(pipeline.KindUnavailable, "no answer"), ErrAt: scene.Now}}},
		{"changes being read…", fact{}},
	} {
		v := &pipeline.ServiceView{}
		v.TaskDefinition, v.Definition = "orders:18", tt.fact
		d := drawing{c: context(scene.Disagreement()), width: 100, changes: true}
		if got := strings.Join(strings.Fields(text(d.details(v, 2))), " "); !strings.HasPrefix(got, tt.want) {
			t.Errorf("want %q first in\n%s", tt.want, got)
		}
	}
}

// Where facts cannot be read, that is said once, and what was known stays.
func TestDetailsKeepWhatWasKnown(t *testing.T) {
	v := &pipeline.ServiceView{}
	surround(v)
	expired := &pipeline.Error{Kind: pipeline.KindAuth, Message: "the AWS credentials have expired"}
	old := pipeline.Observation{At: scene.Now.Add(-13 * time.Minute), Err: expired}
	v.Traffic.Observation, v.Registrations.Observation, v.Alarms.Observation, v.Definition.Observation = old, old, old, old
	v.Tasks.Err = &pipeline.Error{Kind: pipeline.KindUnavailable, Message: "no answer"}
	d := drawing{c: context(scene.Disagreement()), width: 100}
	got := strings.Join(strings.Fields(text(d.details(v, 2))), " ")
	if strings.Count(got, "credentials have expired") != 1 {
		t.Errorf("the reason is told more than once, or not:\n%s", got)
	}
	for _, want := range []string{
		"✗ the AWS credentials have expired changes (13m old), traffic (13m old), discovery (13m old), alarms (13m old)", "✗ no answer tasks",
		"p95 182 ms", "Cloud Map orders", "alarm latency", "+ container envoy",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// On a small screen all that is known of a service can be read: in place by
// scrolling, and with the screen to itself.
func TestDetailsCanBeReadOnASmallScreen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		zoomed bool
		height int
		width  int
	}{{"in place", false, 9, 80}, {"zoomed", true, 22, 80}, {"beside the list", true, 14, 140}} {
		t.Run(tt.name, func(t *testing.T) {
			var p Panel
			c := context(rich())
			c.Width, c.Height, c.Zoomed = tt.width, tt.height, tt.zoomed
			p.Lines(c)
			p.list.Select("orders")
			p.dirty = true
			if !tt.zoomed {
				p.Key("enter")
			}
			for !p.changes {
				p.Key("d")
			}
			seen := text(p.Lines(c))
			if strings.Contains(seen, "Threshold crossed") {
				t.Fatalf("there is nothing to scroll in\n%s", seen)
			}
			for range 60 {
				p.Key("J")
				seen += text(p.Lines(c))
			}
			for _, want := range []string{"PAUSE", "envoy:1.31", "variable LAST", "Service Connect shop", "Threshold crossed", "events", "J K scroll"} {
				if !strings.Contains(seen, want) {
					t.Errorf("%q cannot be reached", want)
				}
			}
			for range 60 {
				p.Key("K")
				p.Lines(c)
			}
			if got := text(p.Lines(c)); !strings.Contains(got, "orders:18 from orders:17") {
				t.Errorf("no way back up in\n%s", got)
			}
		})
	}
}

func TestGroupsOfClusters(t *testing.T) {
	var p Panel
	c := context(rich())
	c.Width, c.Height = 100, 60
	p.Lines(c)
	p.Key("c")
	got := text(p.Lines(c))
	if !strings.Contains(got, "shop-blue · eu-west-1 · acme") {
		t.Errorf("no heading of the cluster:\n%s", got)
	}
	seen, last := map[pipeline.Cluster]bool{}, pipeline.Cluster{Name: "none"}
	for _, v := range p.rows {
		if v.Cluster != last && seen[v.Cluster] {
			t.Fatalf("%s stands in two places", v.Cluster.Name)
		}
		seen[v.Cluster], last = true, v.Cluster
	}
	for line, row := range p.tops {
		if row >= 0 && !strings.Contains(text(p.Lines(c)[line+1:line+2]), p.rows[row].Key.Service) && strings.Contains(text(p.Lines(c)[line+1:line+2]), "look at") {
			t.Errorf("a click on the heading at line %d selects %s", line, p.rows[row].Key.Service)
		}
	}
}

func TestEventCategories(t *testing.T) {
	for message, want := range map[string]string{
		"(service orders) has reached a steady state.":                                            "steady",
		"(service orders) (task 1) (port 8000) is unhealthy in (target-group x)":                  "health",
		"(service orders) was unable to place a task because no container instance met":           "placing",
		"(service orders) has started 2 tasks: (task 1)":                                          "started",
		"(service orders) (deployment ecs-svc/1) deployment failed: tasks failed to start.":       "rollback",
		"(service orders) rolling back to deployment ecs-svc/0.":                                  "rollback",
		"(service orders) registered 2 targets in (target-group x)":                               "targets",
		"(service orders) (deployment ecs-svc/1) deployment completed.":                           "deploy",
		"(service orders) has stopped 1 running tasks: (task 1).":                                 "stopped",
		"(service orders) failed to launch a task with (error ECS was unable to assume the role)": "placing",
	} {
		if got, _ := category(message); got != want {
			t.Errorf("%s: %s, want %s", message, got, want)
		}
	}
}

// Events say what happened without the identifiers that ECS repeats, and several
// in a row about the same are one line.
func TestEventsAreTold(t *testing.T) {
	const group = "(target-group arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/shop-production-orders/73e2)"
	v := &pipeline.ServiceView{ServiceState: pipeline.ServiceState{
		Key: pipeline.ServiceKey{Service: "orders"}, Cluster: pipeline.Cluster{Name: "shop-production"},
	}}
	for _, message := range []string{
		"has reached a steady state.", "(deployment ecs-svc/0000007300100000316) deployment completed.",
		"deregistered 1 targets in " + group, "has begun draining connections on 1 tasks.", "registered 2 targets in " + group,
		"has started 2 tasks: (task " + strings.Repeat("0123abcd", 4) + ") (task " + strings.Repeat("4567abcd", 4) + ").",
		"(task " + strings.Repeat("0123abcd", 4) + ") (port 8000) is unhealthy in " + group + " due to (reason Health checks failed with these codes: [500]).",
		"(task " + strings.Repeat("4567abcd", 4) + ") (port 8000) is unhealthy in " + group + " due to (reason Health checks failed with these codes: [500]).",
	} {
		v.Events = append(v.Events, pipeline.ServiceEvent{Message: "(service orders) " + message, At: scene.Now.Add(-time.Minute)})
	}
	d := drawing{c: context(scene.Disagreement()), width: 120}
	var got []string
	for _, line := range strings.Split(text(d.events(v, 2)), "\n") {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"events steady has reached a steady state 1m", "deploy deployment completed 1m",
		"targets deregistered 1 targets in orders +2 like it 1m", "started has started 2 tasks 1m",
		"health (task 0123abcd) is unhealthy in orders: [500] 1m",
		"health (task 4567abcd) is unhealthy in orders: [500] 1m",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A list that does not fit says where in it the cursor is, and one that does
// says nothing of it; every service can be reached.
func TestFootSaysWhatIsOutOfSight(t *testing.T) {
	var p Panel
	c := context(scene.Disagreement())
	if got := text(p.Lines(c)); strings.Contains(got, " of 6") {
		t.Errorf("all are in sight:\n%s", got)
	}
	c.Height = 6
	got := text(p.Lines(c))
	if !strings.Contains(got, "1 of 6 ") {
		t.Errorf("no place in\n%s", got)
	}
	for range 5 {
		p.Key("j")
		got = text(p.Lines(c))
	}
	if v, _ := p.Selected(); !strings.Contains(got, "6 of 6 ") || !strings.Contains(got, v.Key.Service) {
		t.Errorf("%s is not reached in\n%s", v.Key.Service, got)
	}
}

// A configuration that cannot be used is not called missing: its mistake is
// named.
func TestNamesTheMistakeOfTheConfiguration(t *testing.T) {
	why := &pipeline.Error{Kind: pipeline.KindInvalid, Message: ".github/deployctl.yml, line 4: there is no key clusterz"}
	s := &pipeline.Snapshot{Sources: []pipeline.SourceStatus{{Name: "configuration", Observation: pipeline.Observation{Err: why}}}}
	var p Panel
	if got := strings.Join(strings.Fields(text(p.Lines(context(s)))), " "); !strings.Contains(got, "line 4") || strings.Contains(got, "No environment") {
		t.Errorf("the panel shows %s", got)
	}
}
