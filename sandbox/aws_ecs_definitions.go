package sandbox

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type listTaskDefinitionsInput struct {
	FamilyPrefix string
	Status       string
	Sort         string
	MaxResults   *int
	NextToken    string
}

func (a *awsAPI) listTaskDefinitions(in listTaskDefinitionsInput) (document, error) {
	if in.Status == "" {
		in.Status = "ACTIVE"
	}
	arns := []string{}
	for _, family := range slices.Sorted(maps.Keys(a.world.Cloud.TaskDefinitions)) {
		if in.FamilyPrefix != "" && in.FamilyPrefix != family {
			continue
		}
		for _, definition := range a.world.Cloud.TaskDefinitions[family] {
			if definition.Status == in.Status {
				arns = append(arns, definition.ARN)
			}
		}
	}
	if in.Sort == "DESC" {
		slices.Reverse(arns)
	}
	arns, next, err := cutPage(arns, pageRequest{in.MaxResults, in.NextToken, 100, 100})
	if err != nil {
		return nil, err
	}
	return document{"taskDefinitionArns": arns}.set("nextToken", next), nil
}

// listTaskDefinitionFamilies differs from the list above: its prefix is one, and
// a family without any active revision is an inactive one.
func (a *awsAPI) listTaskDefinitionFamilies(in listTaskDefinitionsInput) (document, error) {
	families := []string{}
	for _, family := range slices.Sorted(maps.Keys(a.world.Cloud.TaskDefinitions)) {
		status := "INACTIVE"
		if a.world.Cloud.TaskDefinition(family) != nil {
			status = "ACTIVE"
		}
		wanted := in.Status == "" || in.Status == "ALL" || in.Status == status
		if wanted && strings.HasPrefix(family, in.FamilyPrefix) {
			families = append(families, family)
		}
	}
	families, next, err := cutPage(families, pageRequest{in.MaxResults, in.NextToken, 100, 100})
	if err != nil {
		return nil, err
	}
	return document{"families": families}.set("nextToken", next), nil
}

type describeTaskDefinitionInput struct {
	TaskDefinition string
	Include        []string
}

func (a *awsAPI) describeTaskDefinition(in describeTaskDefinitionInput) (document, error) {
	definition := a.world.Cloud.TaskDefinition(in.TaskDefinition)
	if definition == nil {
		return nil, awsFailure("ClientException", "Unable to describe task definition.")
	}
	out := document{"taskDefinition": definitionDocument(definition)}
	if includes(in.Include, "TAGS") {
		out["tags"] = ecsTags(definition.Tags)
	}
	return out, nil
}

// definitionDocument describes a revision: as it was registered where a client
// did that, with what ECS adds.
func definitionDocument(d *TaskDefinition) document {
	out := document{
		"containerDefinitions": []document{containerDefinition(d)},
		"networkMode":          "awsvpc", "requiresCompatibilities": []string{"FARGATE"},
		"cpu": d.CPU, "memory": d.Memory, "volumes": []document{}, "placementConstraints": []document{},
		"taskRoleArn":      "arn:aws:iam::" + Account + ":role/" + d.Family + "-task",
		"executionRoleArn": "arn:aws:iam::" + Account + ":role/ecs-execution",
		"runtimePlatform":  document{"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
	}
	for name, value := range d.Raw {
		if name != "tags" {
			out[name] = value
		}
	}
	out["family"], out["revision"], out["status"] = d.Family, d.Revision, d.Status
	out["taskDefinitionArn"] = d.ARN
	out["compatibilities"] = []string{"EC2", "FARGATE"}
	out["requiresAttributes"] = []document{
		{"name": "com.amazonaws.ecs.capability.logging-driver.awslogs"},
		{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.19"},
		{"name": "ecs.capability.task-eni"},
	}
	out["registeredBy"] = "arn:aws:sts::" + Account + ":assumed-role/github-deploy/GitHubActions"
	return out.at("registeredAt", d.Registered)
}

func containerDefinition(d *TaskDefinition) document {
	environment := make([]document, 0, len(d.Environment))
	for _, pair := range d.Environment {
		environment = append(environment, document{"name": pair.Name, "value": pair.Value})
	}
	secrets := make([]document, 0, len(d.Secrets))
	for _, pair := range d.Secrets {
		secrets = append(secrets, document{"name": pair.Name, "valueFrom": pair.Value})
	}
	return document{
		"name": d.Container, "image": d.Image, "essential": true, "cpu": 0,
		"portMappings": []document{{"name": "http", "containerPort": d.Port, "hostPort": d.Port, "protocol": "tcp", "appProtocol": "http"}},
		"environment":  environment, "secrets": secrets,
		"mountPoints": []document{}, "volumesFrom": []document{}, "systemControls": []document{},
		"logConfiguration": document{"logDriver": "awslogs", "options": document{
			"awslogs-group": d.LogGroup, "awslogs-region": Region, "awslogs-stream-prefix": d.LogPrefix,
		}},
		"healthCheck": document{
			"command":  []string{"CMD-SHELL", "curl -fsS http://127.0.0.1:" + strconv.Itoa(d.Port) + "/health || exit 1"},
			"interval": 10, "timeout": 5, "retries": 3, "startPeriod": 20,
		},
	}
}

// registerInput is what the simulation needs of a registration; the rest is kept
// as it came.
type registerInput struct {
	Family               string                     `json:"family"`
	CPU                  string                     `json:"cpu"`
	Memory               string                     `json:"memory"`
	ContainerDefinitions []registeredContainerInput `json:"containerDefinitions"`
	Tags                 []tagInput                 `json:"tags"`
}

type registeredContainerInput struct {
	Name         string
	Image        string
	Essential    *bool
	PortMappings []struct{ ContainerPort int }
	Environment  []struct{ Name, Value string }
	Secrets      []struct{ Name, ValueFrom string }

	LogConfiguration struct{ Options map[string]string }
}

// A registration is decoded twice: as data to keep and as what we understand.
type registration struct {
	kept  map[string]any
	input registerInput
}

// UnmarshalJSON reads both.
func (r *registration) UnmarshalJSON(data []byte) error {
	if err := decodeExactJSON(data, &r.kept); err != nil {
		return err
	}
	return decodeExactJSON(data, &r.input)
}

var familyName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (a *awsAPI) registerTaskDefinition(in registration) (document, error) {
	if err := in.input.check(); err != nil {
		return nil, err
	}
	container := in.input.main()
	definition := &TaskDefinition{
		Family: in.input.Family, CPU: in.input.CPU, Memory: in.input.Memory, Raw: in.kept,
		Container: container.Name, Image: container.Image, Tags: tagPairs(in.input.Tags),
		LogGroup:  container.LogConfiguration.Options["awslogs-group"],
		LogPrefix: container.LogConfiguration.Options["awslogs-stream-prefix"],
	}
	if len(container.PortMappings) > 0 {
		definition.Port = container.PortMappings[0].ContainerPort
	}
	for _, each := range container.Environment {
		definition.Environment = append(definition.Environment, Pair{each.Name, each.Value})
	}
	for _, each := range container.Secrets {
		definition.Secrets = append(definition.Secrets, Pair{each.Name, each.ValueFrom})
	}
	a.world.RegisterTaskDefinition(definition)
	out := document{"taskDefinition": definitionDocument(definition)}
	if len(definition.Tags) > 0 {
		out["tags"] = ecsTags(definition.Tags)
	}
	return out, nil
}

// main is the first essential container.
func (in registerInput) main() registeredContainerInput {
	for _, container := range in.ContainerDefinitions {
		if container.Essential == nil || *container.Essential {
			return container
		}
	}
	return in.ContainerDefinitions[0]
}

func (in registerInput) check() error {
	switch {
	case in.Family == "":
		return awsFailure("ClientException", "Family should not be null or empty.")
	case len(in.Family) > 255 || !familyName.MatchString(in.Family):
		return awsFailure("ClientException", "Family contains invalid characters.")
	case len(in.ContainerDefinitions) == 0:
		return awsFailure("ClientException", "Container list cannot be empty.")
	case in.CPU == "" || in.Memory == "":
		return awsFailure("ClientException", "Fargate requires task definition to have cpu and memory.")
	}
	names := map[string]bool{}
	for _, container := range in.ContainerDefinitions {
		switch {
		case container.Name == "":
			return awsFailure("ClientException", "Container.name should not be null or empty.")
		case container.Image == "":
			return awsFailure("ClientException", "Container.image should not be null or empty.")
		case names[container.Name]:
			return awsFailure("ClientException", "Container names must be unique: %s.", container.Name)
		}
		names[container.Name] = true
	}
	return nil
}

type deregisterTaskDefinitionInput struct{ TaskDefinition string }

func (a *awsAPI) deregisterTaskDefinition(in deregisterTaskDefinitionInput) (document, error) {
	if !strings.Contains(lastPart(in.TaskDefinition), ":") {
		return nil, awsFailure("ClientException", "Missing revision in task definition: %s", in.TaskDefinition)
	}
	definition := a.world.Cloud.TaskDefinition(in.TaskDefinition)
	if definition == nil {
		return nil, awsFailure("ClientException", "The specified task definition does not exist.")
	}
	definition.Status = "INACTIVE"
	return document{"taskDefinition": definitionDocument(definition).at("deregisteredAt", a.world.Now())}, nil
}
