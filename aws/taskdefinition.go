package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// definitionAge is how long a task definition's status is relied on. All else
// of it is immutable, tags aside, which this program's users set when they
// register it.
const definitionAge = 5 * time.Minute

// AWS lets an account read 50 task definitions at once and then 20 a second, and
// shares that among all who ask. This much of it is used for rows.
const (
	definitionBurst = 40
	definitionRate  = 15
)

// definition is a task definition with the time when it was read.
type definition struct {
	pipeline.TaskDefinition
	read time.Time
}

// TaskDefinition reads a revision of a task definition, with its tags. Its
// status may be a few minutes old unless the context asks for uncached reads.
func (c *Cloud) TaskDefinition(ctx context.Context, cluster pipeline.Cluster, arn string) (pipeline.TaskDefinition, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return pipeline.TaskDefinition{}, err
	}
	if known, ok := s.definitions.get(arn); ok && !pipeline.IsUncached(ctx) && time.Since(known.read) < definitionAge {
		return known.TaskDefinition, nil
	}
	d, err := s.readDefinition(ctx, arn)
	return d, s.classify("read the task definition", lastOfARN(arn), err)
}

// readDefinition asks ECS and remembers the answer.
func (s *session) readDefinition(ctx context.Context, arn string) (pipeline.TaskDefinition, error) {
	out, err := s.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: awssdk.String(arn), Include: []ecstypes.TaskDefinitionField{ecstypes.TaskDefinitionFieldTags},
	})
	if err != nil {
		return pipeline.TaskDefinition{}, err
	}
	d := s.translateDefinition(out)
	s.definitions.put(arn, definition{d, time.Now()})
	s.kept.put(d)
	return d, nil
}

func (s *session) translateDefinition(out *ecs.DescribeTaskDefinitionOutput) pipeline.TaskDefinition {
	d := pipeline.TaskDefinition{Tags: map[string]string{}}
	for _, tag := range out.Tags {
		d.Tags[text(tag.Key)] = text(tag.Value)
	}
	t := out.TaskDefinition
	if t == nil {
		return d
	}
	d.ARN, d.Family, d.Revision = text(t.TaskDefinitionArn), text(t.Family), int(t.Revision)
	d.Status, d.CPU, d.Memory = text(&t.Status), text(t.Cpu), text(t.Memory)
	d.Registered = moment(t.RegisteredAt)
	for _, role := range []*string{t.TaskRoleArn, t.ExecutionRoleArn} {
		if arn := text(role); arn != "" && !slices.Contains(d.Roles, arn) {
			d.Roles = append(d.Roles, arn)
		}
	}
	for _, container := range t.ContainerDefinitions {
		d.Containers = append(d.Containers, s.translateContainer(container))
	}
	return d
}

func (s *session) translateContainer(container ecstypes.ContainerDefinition) pipeline.ContainerDefinition {
	c := pipeline.ContainerDefinition{
		Name: text(container.Name), Image: text(container.Image),
		Environment: map[string]string{}, Secrets: map[string]string{},
	}
	for _, variable := range container.Environment {
		c.Environment[text(variable.Name)] = text(variable.Value)
	}
	for _, secret := range container.Secrets {
		c.Secrets[text(secret.Name)] = text(secret.ValueFrom)
	}
	for _, port := range container.PortMappings {
		c.Ports = append(c.Ports, int(awssdk.ToInt32(port.ContainerPort)))
	}
	c.Command = text(new(fmt.Sprintf("%q %q", container.EntryPoint, container.Command)))
	c.Limits = limits(container)
	if check := container.HealthCheck; check != nil {
		c.Check = text(new(fmt.Sprintf("%q every %d s, %d s, %d times, after %d s", check.Command, awssdk.ToInt32(check.Interval),
			awssdk.ToInt32(check.Timeout), awssdk.ToInt32(check.Retries), awssdk.ToInt32(check.StartPeriod))))
	}
	if log := container.LogConfiguration; log != nil && log.LogDriver == ecstypes.LogDriverAwslogs {
		options := log.Options
		c.LogGroup = pipeline.LogGroup{
			Name: options["awslogs-group"], Prefix: options["awslogs-stream-prefix"],
			Region: options["awslogs-region"], Container: c.Name,
		}
		if c.LogGroup.Region == "" {
			c.LogGroup.Region = s.who.region
		}
	}
	return c
}

// limits are what a container may take of its own, apart from the task's limits.
func limits(container ecstypes.ContainerDefinition) string {
	var parts []string
	if container.Cpu > 0 {
		parts = append(parts, fmt.Sprintf("%d cpu", container.Cpu))
	}
	if n := awssdk.ToInt32(container.Memory); n > 0 {
		parts = append(parts, fmt.Sprintf("%d MB at most", n))
	}
	if n := awssdk.ToInt32(container.MemoryReservation); n > 0 {
		parts = append(parts, fmt.Sprintf("%d MB reserved", n))
	}
	return strings.Join(parts, ", ")
}
