package pipeline

import (
	"slices"
	"strings"
	"testing"
)

func TestCompareDefinitions(t *testing.T) {
	from := TaskDefinition{
		ARN: "arn:aws:ecs:x:1:task-definition/orders:16", CPU: "256", Memory: "512", Roles: []string{"arn:aws:iam::1:role/shop-task"},
		Containers: []ContainerDefinition{
			{
				Name: "app", Image: "1.dkr.ecr.x.amazonaws.com/shop/orders@sha256:" + strings.Repeat("a", 64), Ports: []int{8000},
				Environment: map[string]string{"APP_VERSION": "v1", "OLD": "x", "SAME": "s"},
				Secrets:     map[string]string{"DB_PASSWORD": "arn:aws:secretsmanager:x:1:secret/old", "GONE": "arn"},
			},
			{Name: "datadog", Image: "datadog/agent:7"},
		},
	}
	to := TaskDefinition{
		ARN: "arn:aws:ecs:x:1:task-definition/orders:17", CPU: "512", Memory: "512", Roles: []string{"arn:aws:iam::1:role/shop-task", "arn:aws:iam::1:role/shop-execution"},
		Containers: []ContainerDefinition{
			{
				Name: "app", Image: "1.dkr.ecr.x.amazonaws.com/shop/orders@sha256:" + strings.Repeat("b", 64), Ports: []int{8001, 8000},
				Environment: map[string]string{"APP_VERSION": "topsecret", "NEW": "x", "SAME": "s"},
				Secrets:     map[string]string{"DB_PASSWORD": "arn:aws:secretsmanager:x:1:secret/new"},
				Limits:      "512 MB at most", Command: `["gunicorn" "--password=hidden"]`, Check: "curl",
			},
			{Name: "envoy", Image: "envoy:1"},
		},
	}
	got := CompareDefinitions(from, to)
	var lines []string
	for _, c := range got.Changes {
		lines = append(lines, c.Sign+" "+c.Text)
	}
	want := []string{
		"~ cpu 256 → 512",
		"~ roles shop-task → shop-task, shop-execution",
		"~ app: image orders: aaaaaaaaaaaa → bbbbbbbbbbbb",
		"~ app: variable APP_VERSION changes",
		"+ app: variable NEW",
		"- app: variable OLD",
		"~ app: secret DB_PASSWORD from old → new",
		"- app: secret GONE",
		"~ app: ports 8000 → 8000, 8001",
		"~ app: limits none → 512 MB at most",
		"~ app: command changes",
		"~ app: health check changes",
		"- container datadog  agent:7",
		"+ container envoy  envoy:1",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if len(CompareDefinitions(to, to).Changes) != 0 {
		t.Error("a task definition differs from itself")
	}
}

func TestPreviousDefinition(t *testing.T) {
	const family = "arn:aws:ecs:x:1:task-definition/orders:"
	rollout := &ServiceDeployment{Sources: []ServiceRevision{{TaskDefinition: family + "17"}, {TaskDefinition: family + "12"}}}
	for name, test := range map[string]struct {
		state ServiceState
		want  string
	}{
		"what the rollout left":   {ServiceState{TaskDefinition: family + "17", Rollout: rollout}, family + "12"},
		"the one before":          {ServiceState{TaskDefinition: family + "17"}, family + "16"},
		"the first has none":      {ServiceState{TaskDefinition: family + "1"}, ""},
		"nothing is known of one": {ServiceState{}, ""},
	} {
		if got := test.state.PreviousDefinition(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
