package pipeline

import (
	"slices"
	"strings"
	"testing"
)

// Every role may do what the table says, and who may not is told who they are
// and what it takes.
func TestDeniedByRole(t *testing.T) {
	for i, role := range roleOrder {
		s := &Snapshot{Viewer: Viewer{Login: "alice"}, Repository: Repository{Owner: "acme", Name: "shop", Role: role}}
		for _, right := range Rights() {
			needs := slices.Index(roleOrder, right.Role)
			if needs < 0 {
				t.Fatalf("%s needs the role %q, which is none", right.Action, right.Role)
			}
			why := s.Denied(right.Action)
			if (why != "") != (i < needs && right.Without == "") {
				t.Errorf("%s with the role %s, of %s: %q", right.Action, role, right.Role, why)
			}
			if why != "" && !(strings.Contains(why, "alice has the role "+role+" in acme/shop") && strings.HasSuffix(why, "needs "+right.Role)) {
				t.Errorf("%s: %q does not say who lacks what", right.Action, why)
			}
		}
	}
}

// What is not known denies nothing: the check list decides. What the team does
// not allow, and an approval that others have to give, do.
func TestDeniedByWhatIsKnown(t *testing.T) {
	waits := func(may ...bool) []Approval {
		var out []Approval
		for _, m := range may {
			out = append(out, Approval{Gate: "production", CanApprove: m, Reviewers: []Reviewer{{Name: "bob"}, {Name: "ops", Team: true}}})
		}
		return out
	}
	direct := func(allowed bool) Configuration {
		return Configuration{Environments: []Environment{{Name: "production"}}, Policy: Policy{DirectAWSWrites: allowed}}
	}
	tests := map[string]struct {
		snapshot Snapshot
		action   string
		want     string // empty: allowed
	}{
		"nothing is known":           {Snapshot{}, "rollback", ""},
		"a command that is no right": {Snapshot{Repository: Repository{Role: "pull"}}, "zoom", ""},
		"nothing waits":              {Snapshot{Repository: Repository{Role: "pull"}}, "approve", ""},
		"others decide":              {Snapshot{Repository: Repository{Role: "admin"}, Approvals: waits(false)}, "approve", "no reviewer of production: bob, ops may decide"},
		"the token may not":          {Snapshot{Repository: Repository{Role: "pull"}, Approvals: waits(false), Viewer: Viewer{Login: "bob"}}, "approve", "bob is a reviewer of production, but GitHub does not let this token decide"},
		"one of two":                 {Snapshot{Repository: Repository{Role: "pull"}, Approvals: waits(false, true)}, "approve", ""},
		"ECS is not to be changed":   {Snapshot{Repository: Repository{Role: "admin"}, Config: direct(false)}, "stop", "policy.direct_aws_writes"},
		"ECS may be changed":         {Snapshot{Repository: Repository{Role: "push"}, Config: direct(true)}, "stop", ""},
		"a hold of this machine":     {Snapshot{Repository: Repository{Role: "pull"}}, "hold", ""},
	}
	for name, tt := range tests {
		if got := tt.snapshot.Denied(tt.action); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
