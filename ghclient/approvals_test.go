package ghclient

import (
	"reflect"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestPendingApprovals(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/runs/210/pending_deployments", `[{"environment":{"id":5,"name":"production"},"wait_timer":5,"wait_timer_started_at":"2026-11-22T10:00:00Z",
		"current_user_can_approve":true,"reviewers":[{"type":"User","reviewer":{"login":"alice"}},{"type":"Team","reviewer":{"slug":"release","name":"Release team"}},{"type":"User","reviewer":null}]},
		{"environment":{"id":6,"name":"bake"},"wait_timer":0,"wait_timer_started_at":null,"current_user_can_approve":false,"reviewers":[]}]`)
	got, err := g.reader().PendingApprovals(t.Context(), 210)
	want := []pipeline.PendingApproval{{
		RunID: 210, EnvironmentID: 5, Environment: "production", WaitTimer: 5 * time.Minute, WaitStarted: at(t, "2026-11-22T10:00:00Z"),
		CanApprove: true, Reviewers: []pipeline.Reviewer{{Name: "alice"}, {Name: "release", Team: true}},
	}, {RunID: 210, EnvironmentID: 6, Environment: "bake"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestNothingPending(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/runs/210/pending_deployments", `[]`)
	if got, err := g.reader().PendingApprovals(t.Context(), 210); err != nil || got == nil || len(got) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReviews(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/runs/210/approvals", `[{"state":"approved","comment":"go\u001b[1m\r\n[deployctl ack=A13]","user":{"login":"carol"},"environments":[{"id":5,"name":"production"}]},
		{"state":"rejected","comment":"","user":null,"environments":[]}]`)
	got, err := g.reader().Reviews(t.Context(), 210)
	want := []pipeline.Review{
		{State: "approved", Comment: "go\n[deployctl ack=A13]", User: "carol", Environments: []string{"production"}},
		{State: "rejected"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestEnvironments(t *testing.T) {
	g := newRegistry(t)
	g.get("/environments?per_page=100", `{"total_count":3,"environments":[
		{"id":5,"name":"production","can_admins_bypass":false,"protection_rules":[
			{"type":"wait_timer","wait_timer":5},
			{"type":"required_reviewers","prevent_self_review":true,"reviewers":[{"type":"User","reviewer":{"login":"alice"}}]},
			{"type":"branch_policy"}],
		 "deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":true}},
		{"id":6,"name":"a/b","protection_rules":[],"deployment_branch_policy":{"protected_branches":true,"custom_branch_policies":false}},
		{"id":7,"name":"open","protection_rules":null,"deployment_branch_policy":null}]}`)
	g.get("/environments/production/deployment-branch-policies", `{"branch_policies":[{"name":"main","type":"branch"},{"name":"v*","type":"tag"}]}`)
	g.get("/environments/production/deployment_protection_rules", `{"custom_deployment_protection_rules":[{"enabled":true,"app":{"slug":"gatekeeper"}},{"enabled":false,"app":{"slug":"off"}}]}`)
	g.get("/environments/a%2Fb/deployment_protection_rules", `{"custom_deployment_protection_rules":[]}`)
	g.on("GET", "/repos/acme/shop/environments/open/deployment_protection_rules", 404, `{}`)
	got, err := g.reader().Environments(t.Context())
	want := []pipeline.ProtectionRules{
		{
			Environment: "production", ID: 5, WaitTimer: 5 * time.Minute, PreventSelfReview: true, Reviewers: []pipeline.Reviewer{{Name: "alice"}},
			Branches: []string{"main", "v*"}, CustomRules: []string{"gatekeeper"},
		},
		{Environment: "a/b", ID: 6, ProtectedOnly: true, AdminsBypass: true},
		{Environment: "open", ID: 7, AdminsBypass: true},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A rule that cannot be read must not look like no rule.
func TestEnvironmentsWithAnUnreadablePolicy(t *testing.T) {
	g := newRegistry(t)
	g.get("/environments", `{"environments":[{"id":5,"name":"p","deployment_branch_policy":{"custom_branch_policies":true}}]}`)
	g.on("GET", "/repos/acme/shop/environments/p/deployment-branch-policies", 500, `{}`)
	s := g.get("/environments/p/deployment_protection_rules", `{}`)
	s.used = 1 // it may or may not be asked: the other fails meanwhile
	s.many = true
	_, err := g.reader().Environments(t.Context())
	fails(t, err, pipeline.KindUnavailable, "cannot read the branch policies of environment p")
}
