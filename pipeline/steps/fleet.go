package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// running is one service of an environment as ECS runs it now.
type running struct {
	pipeline.ServiceState
	service pipeline.Service
}

// name is the service's name in ECS.
func (r running) name() string { return r.service.ECSServiceName() }

// image is what its own container runs; zero where that is not known.
func (r running) image() pipeline.Image {
	if len(r.Revisions) == 0 || len(r.Revisions[0].Images) == 0 {
		return pipeline.Image{}
	}
	return r.Revisions[0].Images[0]
}

// sha is the commit that it runs; empty: not known.
func (r running) sha() string {
	if len(r.Revisions) == 0 {
		return ""
	}
	return r.Revisions[0].SHA
}

// target is what it runs, as a deployment's payload records it.
func (r running) target() pipeline.ServiceTarget {
	return pipeline.ServiceTarget{TaskDefinition: r.TaskDefinition, Image: r.image().Digest, Desired: r.Desired}
}

// clusterOf is the cluster that a service runs in.
func clusterOf(env pipeline.Environment, service pipeline.Service) pipeline.Cluster {
	for _, c := range env.Clusters {
		if c.Name == service.Cluster {
			return c
		}
	}
	if len(env.Clusters) == 0 {
		return pipeline.Cluster{}
	}
	return env.Clusters[0]
}

// fleet reads the services of an environment in deployment order, around every
// cache. A service that ECS does not have is an error: nothing is half known
// before something is changed.
func (s *Suite) fleet(ctx context.Context, env pipeline.Environment) ([]running, error) {
	if len(env.Clusters) == 0 || len(env.Services) == 0 {
		return nil, &pipeline.Error{
			Kind: pipeline.KindUsage, Op: "read the services", On: env.Name, Message: "the configuration names no cluster or no services for it",
			Hint: "name them in .github/deployctl.yml",
		}
	}
	names := map[pipeline.Cluster][]string{}
	for _, service := range env.Services {
		c := clusterOf(env, service)
		names[c] = append(names[c], service.ECSServiceName())
	}
	states := map[string]pipeline.ServiceState{}
	for c, list := range names {
		found, err := s.Cloud.Services(pipeline.Uncached(ctx), c, list)
		if err != nil {
			return nil, err
		}
		for i, state := range found {
			state.Cluster, state.Key.Environment = c, env.Name
			states[c.Name+"/"+list[i]] = state
		}
	}
	out := make([]running, 0, len(env.Services))
	for _, service := range env.Services {
		r := running{states[clusterOf(env, service).Name+"/"+service.ECSServiceName()], service}
		if err := usable(r); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// usable refuses a service that these steps cannot deploy.
func usable(r running) error {
	refused := func(hint, format string, args ...any) error {
		return &pipeline.Error{Kind: pipeline.KindRefused, Op: "deploy " + r.service.Name, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	switch {
	case r.Status != "ACTIVE":
		return refused("create the service first", "ECS says %s", strings.ToLower(firstOf(r.Status, "MISSING")))
	case r.Controller != "ECS":
		return refused("use the deployment controller ECS, which also does blue/green", "its deployment controller is %s, which UpdateService cannot move", r.Controller)
	case r.image().Repository == "":
		return refused("check that ecs:DescribeServiceRevisions is allowed", "what it runs cannot be read")
	}
	return nil
}

// one reads a single service again.
func (s *Suite) one(ctx context.Context, r running) (running, error) {
	found, err := s.Cloud.Services(pipeline.Uncached(ctx), r.Cluster, []string{r.name()})
	if err != nil || len(found) == 0 {
		return r, err
	}
	found[0].Cluster, found[0].Key = r.Cluster, r.Key
	return running{found[0], r.service}, nil
}

// settledOn reports whether a service runs an image and nothing moves it.
func settledOn(r running, digest string) bool {
	return digest != "" && !r.Moving() && r.image().Digest == digest && len(r.Deployments) <= 1
}

// majority is the commit that most services run; empty: not known.
func majority(fleet []running) string {
	counts := map[string]int{}
	for _, r := range fleet {
		if sha := r.sha(); sha != "" {
			counts[sha]++
		}
	}
	best := ""
	for _, sha := range slices.Sorted(maps.Keys(counts)) {
		if best == "" || counts[sha] > counts[best] {
			best = sha
		}
	}
	return best
}

// Settings are what step deploy renders into the containers.
type Settings struct {
	// Variables is the JSON object of the GitHub environment's variables, as
	// toJSON(vars) gives it: the containers' plain environment.
	Variables string
	// Secrets are values by name. Each goes to Secrets Manager, and the
	// containers get its reference. An empty one is left as it is.
	Secrets map[string]string
}

// notRendered are variables that are about the delivery system, not about the
// services: GitHub merges those of the organisation and the repository in.
var notRendered = []string{"AWS_ROLE_ARN", "AWS_PROFILE", "BACKUP_S3_BUCKET", "SLACK_WEBHOOK_URL"}

// environmentOf reads the variables.
func (c Settings) environmentOf() (map[string]string, error) {
	out := map[string]string{}
	if strings.TrimSpace(c.Variables) == "" {
		return out, nil
	}
	if err := json.Unmarshal([]byte(c.Variables), &out); err != nil {
		return nil, &pipeline.Error{
			Kind: pipeline.KindUsage, Op: "read DEPLOYCTL_VARIABLES", Message: "it is no JSON object of texts", Err: err,
			Hint: "set it to ${{ toJSON(vars) }}",
		}
	}
	for name := range out {
		if strings.HasPrefix(name, "DEPLOYCTL_") || strings.HasPrefix(name, "GITHUB_") || slices.Contains(notRendered, name) {
			delete(out, name)
		}
	}
	return out, nil
}

// rendering is what a release sets in the containers of an environment.
type rendering struct {
	environment map[string]string
	secrets     map[string]string // name to value
	tags        map[string]string
}

// render makes the containers' environment of a release. The version and the
// commit are ours; everything else comes from the settings.
func (s *Suite) render(c Settings, sha, version string) (rendering, error) {
	environment, err := c.environmentOf()
	if err != nil {
		return rendering{}, err
	}
	environment["APP_VERSION"], environment["GIT_SHA"] = version, sha
	secrets := map[string]string{}
	for name, value := range c.Secrets {
		if value != "" {
			s.Report.Mask(value)
			secrets[name] = value
			delete(environment, name)
		}
	}
	return rendering{environment, secrets, map[string]string{"deployctl:sha": sha, "deployctl:version": version}}, nil
}

// secretName is the secret of Secrets Manager that holds a value.
func secretName(c pipeline.Cluster, name string) string {
	return c.Name[strings.LastIndexByte(c.Name, '/')+1:] + "/" + name
}

// managed reports whether a reference is to the secret that these steps keep.
// Secrets Manager adds six characters to a secret's name.
func managed(reference, name string) bool {
	i := strings.Index(reference, ":secret:")
	return i >= 0 && strings.HasPrefix(reference[i+len(":secret:"):], name+"-")
}

// keepSecrets gives the secrets that the containers shall have their values,
// and returns the references. A reference that somebody else made, such as
// Terraform, stays, and the value of what it names is not touched.
func (s *Suite) keepSecrets(ctx context.Context, r running, d pipeline.TaskDefinition, values map[string]string) (map[string]string, error) {
	present := containerOf(d, r.image().Container).Secrets
	references := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		full := secretName(r.Cluster, name)
		if reference := present[name]; reference != "" && !managed(reference, full) {
			continue
		}
		arn, err := s.Deployer.KeepSecret(ctx, r.Cluster, full, values[name])
		if err != nil {
			return nil, err
		}
		references[name] = arn
	}
	return references, nil
}

func containerOf(d pipeline.TaskDefinition, name string) pipeline.ContainerDefinition {
	for _, c := range d.Containers {
		if c.Name == name {
			return c
		}
	}
	return pipeline.ContainerDefinition{}
}

// differences says what a revision would change, without the values.
func (p rendering) differences(d pipeline.TaskDefinition, container, digest string) []string {
	present := containerOf(d, container)
	var out []string
	if !strings.HasSuffix(present.Image, "@"+digest) {
		out = append(out, "image "+shortDigest(digest))
	}
	for _, name := range slices.Sorted(maps.Keys(p.environment)) {
		if value, ok := present.Environment[name]; !ok || value != p.environment[name] {
			out = append(out, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.secrets)) {
		if present.Secrets[name] == "" {
			out = append(out, "secret "+name)
		}
	}
	return out
}

// shortDigest is enough of a digest to be told apart.
func shortDigest(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(12, len(hex))]
}
