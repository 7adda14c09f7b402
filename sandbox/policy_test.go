package sandbox

import "testing"

func TestPolicies(t *testing.T) {
	all, err := parsePolicies(map[string][]string{"k": {`{"Statement": [
		{"Effect": "Allow", "Action": ["ecs:List*", "ecs:DescribeTaskDefinition"], "Resource": "*"},
		{"Effect": "Allow", "Action": "ecs:UpdateService", "Resource": ["arn:aws:ecs:*:service/shop/*"]},
		{"Effect": "Deny", "Action": "ecs:*", "Resource": "arn:aws:ecs:*:service/shop/payments"},
		{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}},
		{"Effect": "Allow", "Action": "ecs:RunTask", "Resource": "*", "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01"}}}
	]}`}})
	if err != nil {
		t.Fatal(err)
	}
	tasks := map[string]string{"iam:PassedToService": "ecs-tasks.amazonaws.com"}
	for _, c := range []struct {
		access
		want string
	}{
		{access{action: "ecs:ListServices", resource: "*"}, "allowed"},
		{access{action: "ECS:listservices", resource: "*"}, "allowed"},
		{access{action: "ecs:DescribeServices", resource: "*"}, "implicitDeny"},
		{access{action: "ecs:UpdateService", resource: "arn:aws:ecs:eu:1:service/shop/orders"}, "allowed"},
		{access{action: "ecs:UpdateService", resource: "arn:aws:ecs:eu:1:service/other/orders"}, "implicitDeny"},
		{access{action: "ecs:UpdateService", resource: "*"}, "implicitDeny"}, // who may do it somewhere may not do it anywhere
		{access{action: "ecs:UpdateService", resource: "arn:aws:ecs:eu:1:service/shop/payments"}, "explicitDeny"},
		{access{"iam:PassRole", "role", tasks}, "allowed"},
		{access{action: "iam:PassRole", resource: "role"}, "implicitDeny"},
		{access{action: "ecs:RunTask", resource: "*"}, "implicitDeny"}, // a condition that is not understood grants nothing
	} {
		if got := decide(all["k"], c.access); got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.action, c.resource, got, c.want)
		}
	}
	for _, bad := range []string{"{", `{"Statement": [{"Effect": "Perhaps", "Action": "*", "Resource": "*"}]}`, `{"Statement": [{"Effect": "Allow", "Action": "*"}]}`} {
		if _, err := New(Options{Policies: map[string][]string{"k": {bad}}, Young: true}); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}
