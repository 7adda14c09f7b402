package cmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// Neither GitHub nor ECS has a dry run. So every read is made once, as small as
// it can be; of the writes in AWS, IAM is asked what its policies say
// (doctor_simulate.go); and a write of which nobody can tell is named, because
// only a change would prove it.

// A right is something that the console may have to do, with the read that
// proves it.
type right struct {
	name string // "ecs:ListTasks", or the permission of a fine-grained token
	try  func(context.Context) error
}

// operatorWrites is what an operator does in AWS, and only where the
// configuration allows direct writes.
var operatorWrites = []string{
	"ecs:StopServiceDeployment", "ecs:ContinueServiceDeployment", "ecs:RegisterTaskDefinition",
	"ecs:TagResource", "ecs:UpdateService", "iam:PassRole",
}

// workflowWrites is what the jobs of the four workflows do in AWS.
var workflowWrites = []string{
	"ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:UpdateService", "ecs:StopServiceDeployment", "ecs:RunTask", "iam:PassRole",
	"rds:CreateDBSnapshot", "rds:CreateDBClusterSnapshot", "rds:AddTagsToResource", "s3:PutObject",
	"secretsmanager:GetSecretValue", "secretsmanager:CreateSecret", "secretsmanager:PutSecretValue",
	"ecr:GetAuthorizationToken", "ecr:PutImage", "ecr:UploadLayerPart",
}

// try makes reads one after the other; one line says which were answered, and
// each that was not has a line of its own.
func (d *doctor) try(ctx context.Context, subject string, rights []right) {
	var granted []string
	for _, r := range rights {
		if err := r.try(ctx); err != nil {
			d.failed("right", subject+" "+r.name, err)
			continue
		}
		granted = append(granted, r.name)
	}
	if len(granted) > 0 {
		d.add(holds, "right", subject, "tried, and granted: "+strings.Join(granted, ", "), "")
	}
}

// githubRights makes each read of the console that no other line has made.
func (d *doctor) githubRights(ctx context.Context) {
	sha := ""
	rights := []right{
		{"Contents: read", func(ctx context.Context) error {
			list, err := d.reader.Commits(ctx, "", 1)
			if len(list) > 0 {
				sha = list[0].SHA
			}
			return err
		}},
		{"Actions: read", func(ctx context.Context) error {
			_, err := d.reader.Runs(ctx, pipeline.RunQuery{Limit: 1})
			return err
		}},
		{"Deployments: read", func(ctx context.Context) error {
			_, err := d.reader.Deployments(ctx, pipeline.DeploymentQuery{Limit: 1})
			return err
		}},
		{"Commit statuses: read", func(ctx context.Context) error {
			if sha == "" {
				return nil
			}
			_, err := d.reader.Checks(ctx, sha)
			return err
		}},
	}
	subject := d.owner + "/" + d.name
	d.try(ctx, subject, rights)
	d.add(untried, "right", subject, "not tried, because it would change something: Actions: write, Deployments: write, Contents: write", "a classic token has them with the scope repo; give them to a fine-grained one")
}

// cloudRights makes each read of the console that no other line has made.
func (d *doctor) cloudRights(ctx context.Context, cluster pipeline.Cluster, states []pipeline.ServiceState) {
	rights := []right{{"ecs:ListClusters", func(ctx context.Context) error {
		_, err := d.cloud.Clusters(ctx, cluster)
		return err
	}}}
	active := slices.DeleteFunc(slices.Clone(states), func(s pipeline.ServiceState) bool { return s.Status != "ACTIVE" })
	if len(active) > 0 {
		rights = append(rights, d.serviceRights(cluster, active)...)
	}
	d.try(ctx, cluster.Name, rights)
}

// serviceRights tries what needs a service to ask about.
func (d *doctor) serviceRights(cluster pipeline.Cluster, states []pipeline.ServiceState) []right {
	service := states[0].Key.Service
	var groups, registries, alarms []string
	var streams []pipeline.LogGroup
	var images []pipeline.Image
	for _, s := range states {
		groups, registries, alarms = append(groups, s.TargetGroups...), append(registries, s.Registries...), append(alarms, s.AlarmNames...)
		streams = append(streams, s.LogGroups...)
		for _, r := range s.Revisions {
			images = append(images, r.Images...)
		}
	}
	rights := []right{
		{"ecs:ListTasks, ecs:DescribeTasks", func(ctx context.Context) error {
			_, err := d.cloud.Tasks(ctx, cluster, service)
			return err
		}},
		{"ecs:ListServiceDeployments, ecs:DescribeServiceDeployments, ecs:DescribeServiceRevisions", func(ctx context.Context) error {
			_, err := d.cloud.ServiceDeployments(ctx, cluster, service, 1)
			return err
		}},
		{"application-autoscaling:DescribeScalableTargets", func(ctx context.Context) error {
			_, err := d.cloud.Scalings(ctx, cluster, []string{service})
			return err
		}},
		{"cloudwatch:DescribeAlarms", func(ctx context.Context) error {
			_, err := d.cloud.Alarms(ctx, cluster, append(alarms, "deployctl-doctor")[:1])
			return err
		}},
	}
	if arn := states[0].TaskDefinition; arn != "" {
		rights = append(rights, right{"ecs:DescribeTaskDefinition", func(ctx context.Context) error {
			_, err := d.cloud.TaskDefinition(ctx, cluster, arn)
			return err
		}}, right{"secretsmanager:DescribeSecret, ssm:GetParameters", func(ctx context.Context) error { return d.looksUp(ctx, cluster, arn) }})
	}
	if len(groups) > 0 {
		rights = append(rights, right{"elasticloadbalancing:DescribeTargetHealth", func(ctx context.Context) error {
			_, err := d.cloud.Targets(ctx, cluster, groups[:1])
			return err
		}})
	}
	if len(registries) > 0 {
		rights = append(rights, right{"servicediscovery:GetService, servicediscovery:ListInstances, servicediscovery:GetInstancesHealthStatus", func(ctx context.Context) error {
			_, err := d.cloud.Registrations(ctx, cluster, registries[:1])
			return err
		}})
	}
	if len(images) > 0 {
		rights = append(rights, right{"ecr:GetLifecyclePolicy", func(ctx context.Context) error {
			_, err := d.cloud.Expiries(ctx, cluster, images[:1])
			return err
		}})
	}
	if len(streams) > 0 {
		rights = append(rights, right{"logs:FilterLogEvents", func(ctx context.Context) error {
			_, err := d.cloud.LogSource(cluster).Filter(ctx, logs.Query{Group: streams[0].Name, Start: time.Now().Add(-time.Minute), Limit: 1})
			return err
		}})
	}
	return rights
}

// looksUp tries to look up the secrets of a task definition. One that has none
// asks for no right.
func (d *doctor) looksUp(ctx context.Context, cluster pipeline.Cluster, arn string) error {
	td, err := d.cloud.TaskDefinition(ctx, cluster, arn)
	if err != nil {
		return err
	}
	var refs []string
	for _, c := range td.Containers {
		refs = slices.AppendSeq(refs, maps.Values(c.Secrets))
	}
	if len(refs) == 0 {
		return nil
	}
	found, err := d.cloud.Secrets(ctx, cluster, refs)
	if err == nil && len(found) == 0 {
		return &pipeline.Error{Kind: pipeline.KindForbidden, Op: "look up secrets", Message: "AWS does not let this identity see them", Hint: "docs/permissions.md has the policy; without it R15 cannot tell whether they exist"}
	}
	return err
}

// untriedWrites names what only a change would prove.
func (d *doctor) untriedWrites(direct bool) {
	d.untriedOf("workflows", workflowWrites, "their role needs them; docs/permissions.md has the policies, and iam:SimulatePrincipalPolicy lets doctor ask")
	if direct {
		d.untriedOf("operator", operatorWrites, "policy.direct_aws_writes lets operators do this; docs/permissions.md has the policy, and iam:SimulatePrincipalPolicy lets doctor ask")
	}
}

// untriedOf names the writes of which IAM has said nothing.
func (d *doctor) untriedOf(whose string, writes []string, fix string) {
	rest := slices.DeleteFunc(slices.Clone(writes), func(action string) bool { return slices.Contains(d.proved[whose], action) })
	if len(rest) > 0 {
		d.add(untried, "right", whose, "not tried, because it would change something: "+strings.Join(rest, ", "), fix)
	}
}

// What CloudWatch asks for 1,000 metrics of GetMetricData, in dollars: the list
// price of most regions.
const pricePerThousand = 0.01

// The console asks for two metrics of each service and three of each target
// group, once a minute.
const (
	metricsOfService = 2
	metricsOfGroup   = 3
	readsAnHour      = 60
)

// metricsCost says what the metrics of an environment cost while they are read.
func (d *doctor) metricsCost(c pipeline.Configuration, environment string, states []pipeline.ServiceState) {
	groups := map[string]bool{}
	for _, s := range states {
		for _, g := range s.TargetGroups {
			groups[g] = true
		}
	}
	metrics := metricsOfService*len(states) + metricsOfGroup*len(groups)
	price := fmt.Sprintf("%d metrics a minute, about $%.3f an hour for each console", metrics, float64(metrics*readsAnHour)/1000*pricePerThousand)
	switch c.Policy.Metrics {
	case "never":
		d.add(holds, "metrics", environment, "cost nothing: policy.metrics is never", "")
	case "always":
		d.add(holds, "metrics", environment, price+", always; policy.metrics: rollout reads them only when they matter", "")
	default:
		d.add(holds, "metrics", environment, price+" while a rollout moves or a service is looked at; cloudwatch:GetMetricData was not tried, because it costs", "")
	}
}
