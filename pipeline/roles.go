package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// Right is what an action needs of whoever does it: their role in the
// repository, whether GitHub must list them as a reviewer, and the permissions
// of the AWS identity where the program itself changes AWS.
type Right struct {
	Action   string // the command's ID, in the console and on the command line
	Title    string
	Role     string   // the lowest role that may: pull, triage, push, maintain, admin
	Token    []string // permissions of a fine-grained token, beside those that watching needs
	Without  string   // what is left to whoever has a lower role; empty: nothing
	Reviewer bool     // and a reviewer of the environment
	IAM      []string // AWS operations, where policy.direct_aws_writes allows them
}

// roles of a repository, each holding the rights of those before it.
var roleOrder = []string{"pull", "triage", "push", "maintain", "admin"}

// Rights is the one table of what every action needs. The console disables by
// it what the operator may not do, and the documentation prints it.
func Rights() []Right {
	return []Right{
		{Action: "watch", Title: "Look at everything", Role: "pull"},
		{Action: "trigger", Title: "Start a workflow", Role: "push", Token: []string{"Actions: write"}},
		{Action: "approve", Title: "Approve or reject what waits", Role: "pull", Token: []string{"Deployments: write"}, Reviewer: true},
		{Action: "rerun", Title: "Run a run or a job again", Role: "push", Token: []string{"Actions: write"}},
		{Action: "cancel", Title: "Cancel a run", Role: "push", Token: []string{"Actions: write"}},
		{Action: "cancel-holder", Title: "Cancel the run that holds a lane", Role: "push", Token: []string{"Actions: write"}},
		{Action: "rollback", Title: "Roll back through rollback.yml", Role: "push", Token: []string{"Actions: write", "Contents: write"}},
		{Action: "rollback --direct", Title: "Roll back from this machine", Role: "push", Token: []string{"Deployments: write", "Contents: write"}, IAM: []string{
			"ecs:RegisterTaskDefinition", "ecs:UpdateService", "ecs:StopServiceDeployment", "iam:PassRole",
		}},
		{Action: "stop", Title: "Stop or continue what ECS rolls out", Role: "push", Token: []string{"Deployments: write"}, IAM: []string{"ecs:StopServiceDeployment", "ecs:ContinueServiceDeployment"}},
		{Action: "hold", Title: "Hold an environment, or lift its hold", Role: "push", Token: []string{"Contents: write"}, Without: "a hold on this machine alone"},
		{Action: "secrets", Title: "Set secrets and variables", Role: "admin", Token: []string{"Secrets: write", "Environments: write", "Variables: write"}},
		{Action: "init --environments", Title: "Set the protection rules", Role: "admin", Token: []string{"Administration: write"}},
	}
}

// Denied says why the operator may not do an action; empty: they may, or it is
// not known yet, in which case the check list decides.
func (s *Snapshot) Denied(action string) string {
	all := Rights()
	i := slices.IndexFunc(all, func(r Right) bool { return r.Action == action })
	if i < 0 {
		return ""
	}
	right := all[i]
	who := firstOf(s.Viewer.Login, "the token")
	if has := slices.Index(roleOrder, s.Repository.Role); right.Without == "" && has >= 0 && has < slices.Index(roleOrder, right.Role) {
		return fmt.Sprintf("%s has the role %s in %s, and this needs %s", who, s.Repository.Role, s.Repository.FullName(), right.Role)
	}
	if right.Reviewer && len(s.Approvals) > 0 && !slices.ContainsFunc(s.Approvals, func(a Approval) bool { return a.CanApprove }) {
		gate := s.Approvals[0]
		if slices.ContainsFunc(gate.Reviewers, func(r Reviewer) bool { return !r.Team && r.Name == who }) {
			return fmt.Sprintf("%s is a reviewer of %s, but GitHub does not let this token decide", who, gate.Gate)
		}
		return fmt.Sprintf("%s is no reviewer of %s: %s may decide", who, gate.Gate, reviewerNames(gate.Reviewers))
	}
	if action == "stop" && len(s.Config.Environments) > 0 && !s.Config.Policy.DirectAWSWrites {
		return "policy.direct_aws_writes keeps this program from changing ECS"
	}
	return ""
}

// RightsTable is the table as the documentation shows it.
func RightsTable() string {
	var b strings.Builder
	b.WriteString("| action | does | role in the repository | fine-grained token | AWS, where the team allows it |\n|---|---|---|---|---|\n")
	for _, r := range Rights() {
		role := r.Role
		if r.Reviewer {
			role += ", and a reviewer of the environment"
		}
		if r.Without != "" {
			role += "; without it, " + r.Without
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", r.Action, r.Title, role, orNone(r.Token), orNone(r.IAM))
	}
	return b.String()
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "–"
	}
	return strings.Join(list, ", ")
}
