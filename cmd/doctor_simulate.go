package cmd

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
)

// readRoles notes the role that the jobs of each environment take, as the
// variable AWS_ROLE_ARN says: of the environment, else of the repository.
func (d *doctor) readRoles(ctx context.Context, r *ghclient.Reader, c pipeline.Configuration) {
	for _, e := range c.Environments {
		for _, place := range []string{"", e.DeployEnvironment} {
			list, err := r.Variables(ctx, place)
			if err != nil {
				continue // what nobody may see, IAM is not asked about
			}
			for _, v := range list {
				if v.Name == "AWS_ROLE_ARN" && v.Value != "" {
					d.roles[e.Name] = v.Value
				}
			}
		}
	}
}

// simulate asks IAM whether those who change an environment are allowed to. What
// it does not tell stays among the untried.
func (d *doctor) simulate(ctx context.Context, c pipeline.Configuration, e pipeline.Environment, cluster pipeline.Cluster, who pipeline.CloudIdentity, states []pipeline.ServiceState) {
	if len(states) == 0 {
		return
	}
	place := places{account: who.Account, region: who.Region, cluster: path.Base(cluster.Name), service: states[0], instance: e.Database.Instance}
	if definition, err := d.cloud.TaskDefinition(ctx, cluster, states[0].TaskDefinition); err == nil {
		place.definition = definition
	}
	if role := d.roles[e.Name]; role != "" {
		d.ask(ctx, cluster, "workflows", role, e.Name, place.ofWorkflows())
	}
	if c.Policy.DirectAWSWrites {
		d.ask(ctx, cluster, "operator", principal(who.ARN), e.Name, place.ofOperator())
	}
}

// ask puts the claims to IAM, one after the other, and says in one line what is
// allowed and in one what is not.
func (d *doctor) ask(ctx context.Context, cluster pipeline.Cluster, whose, principal, environment string, claims []claim) {
	var allowed, denied []string
	put := func(c claim) ([]string, error) {
		return d.cloud.Simulate(ctx, cluster, aws.Question{Principal: principal, Actions: c.actions, Resource: c.resource, Keys: c.keys})
	}
	for _, c := range claims {
		refused, err := put(c)
		if len(refused) > 0 && c.instead != nil {
			c = *c.instead
			refused, err = put(c)
		}
		switch pipeline.KindOf(err) {
		case "":
		case pipeline.KindNotFound:
			d.add(broken, "right", whose+" "+environment, sentence(err), "create the role, or correct the variable AWS_ROLE_ARN")
			return
		default:
			return // who may not ask, or is not answered, knows no more than before
		}
		for _, action := range c.actions {
			if slices.Contains(refused, action) {
				denied = append(denied, action+" on "+c.resource)
			} else {
				allowed = append(allowed, action)
			}
			d.proved[whose] = append(d.proved[whose], action)
		}
	}
	subject, role := whose+" "+environment, path.Base(principal)
	if len(denied) > 0 {
		d.add(broken, "right", subject, "IAM does not allow "+role+" "+strings.Join(denied, ", "), "give it the policy of docs/permissions.md")
	}
	if len(allowed) > 0 {
		slices.Sort(allowed)
		d.add(holds, "right", subject, "IAM allows "+role+" "+strings.Join(slices.Compact(allowed), ", "), "")
	}
}

// principal is whose policies count for an identity: the user, or the role of a
// session.
func principal(arn string) string {
	before, session, ok := strings.Cut(arn, ":assumed-role/")
	if !ok {
		return arn
	}
	role, _, _ := strings.Cut(session, "/")
	return strings.Replace(before, ":sts:", ":iam:", 1) + ":role/" + role
}

// A claim is some actions that somebody must be allowed on a resource.
type claim struct {
	actions  []string
	resource string
	keys     map[string]string
	instead  *claim // is as good
}

// places are what the claims are about, in one environment.
type places struct {
	account, region, cluster string
	service                  pipeline.ServiceState
	definition               pipeline.TaskDefinition
	instance                 string
}

func (p places) arn(service, resource string) string {
	partition := "aws"
	if parts := strings.SplitN(p.service.ARN, ":", 3); len(parts) == 3 {
		partition = parts[1]
	}
	return "arn:" + partition + ":" + service + ":" + p.region + ":" + p.account + ":" + resource
}

// ofOperator is what an operator does in AWS where that is allowed.
func (p places) ofOperator() []claim {
	deployment := p.arn("ecs", "service-deployment/"+p.cluster+"/"+path.Base(p.service.ARN)+"/newest")
	return append(p.ofBoth(), claim{actions: []string{"ecs:StopServiceDeployment", "ecs:ContinueServiceDeployment"}, resource: deployment})
}

// ofWorkflows is what the jobs do. Neither the bucket of the backups is asked
// about, whose name is a secret, nor what only the jobs of staging do.
func (p places) ofWorkflows() []claim {
	deployment := p.arn("ecs", "service-deployment/"+p.cluster+"/"+path.Base(p.service.ARN)+"/newest")
	claims := append(p.ofBoth(),
		claim{actions: []string{"ecs:StopServiceDeployment"}, resource: deployment},
		claim{actions: []string{"ecs:RunTask"}, resource: p.service.TaskDefinition, keys: map[string]string{"ecs:cluster": p.arn("ecs", "cluster/"+p.cluster)}},
		claim{actions: []string{"secretsmanager:GetSecretValue", "secretsmanager:CreateSecret", "secretsmanager:PutSecretValue"}, resource: p.arn("secretsmanager", "secret:"+p.cluster+"/DB_PASSWORD-doctor")},
		claim{actions: []string{"ecr:GetAuthorizationToken"}, resource: "*"},
	)
	if p.instance != "" { // it may be a cluster of Aurora
		aurora := claim{actions: []string{"rds:CreateDBClusterSnapshot"}, resource: p.arn("rds", "cluster:"+p.instance)}
		claims = append(claims, claim{actions: []string{"rds:CreateDBSnapshot"}, resource: p.arn("rds", "db:"+p.instance), instead: &aurora})
	}
	return claims
}

// ofBoth is what whoever rolls out does.
func (p places) ofBoth() []claim {
	claims := []claim{{actions: []string{"ecs:UpdateService"}, resource: p.service.ARN}}
	if p.definition.Family != "" { // else it could not be read, and nobody knows what to ask about
		claims = append(claims, claim{actions: []string{"ecs:RegisterTaskDefinition", "ecs:TagResource"}, resource: p.arn("ecs", "task-definition/"+p.definition.Family+":1")})
	}
	for _, role := range p.definition.Roles {
		claims = append(claims, claim{actions: []string{"iam:PassRole"}, resource: role, keys: map[string]string{"iam:PassedToService": "ecs-tasks.amazonaws.com"}})
	}
	return claims
}
