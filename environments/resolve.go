package environments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	defaultFourEyes       = "warn"
	defaultMetrics        = "rollout"
	defaultMaxApprovalAge = 24 * time.Hour
)

// resolve turns a file that was read into the configuration that it means:
// defaults filled in, and checked where one key speaks about another.
func (r *reader) resolve(file document) pipeline.Configuration {
	configuration := pipeline.Configuration{
		Workflows: pipeline.Workflows{
			CI:         string(file.Workflows.CI),
			Staging:    string(file.Workflows.Staging),
			Production: string(file.Workflows.Production),
			Rollback:   string(file.Workflows.Rollback),
		},
		Policy: r.policy(file.Policy),
	}
	if r.has("environments") && len(file.Environments) == 0 && !r.blamed("environments") {
		r.wrong("environments", "is empty; write one item for each stage, such as - name: production")
	}
	for i, stage := range file.Environments {
		if stage.Name != "" {
			configuration.Environments = append(configuration.Environments, r.environment(stage, fmt.Sprintf("environments[%d]", i)))
		}
	}
	r.workflows(file.Environments, &configuration)
	r.stageNames(file.Environments)
	r.githubEnvironments(file.Environments)
	r.predecessors(file.Environments)
	configuration.Environments = inPromotionOrder(configuration.Environments)
	configuration.Default = r.focus(file.Defaults, configuration.Environments)
	configuration.Repositories = r.repositories(file.Repositories, configuration.Environments)
	return configuration
}

// environment resolves one stage; key is where it stands in the file.
func (r *reader) environment(s stage, key string) pipeline.Environment {
	github := cmp.Or(string(s.GitHubEnvironment), string(s.Name))
	e := pipeline.Environment{
		Name:              string(s.Name),
		GitHubEnvironment: github,
		GateEnvironment:   string(s.GateEnvironment),
		DeployEnvironment: cmp.Or(string(s.DeployEnvironment), github),
		After:             string(s.After),
		Branches:          words(s.Branches),
		Tags:              words(s.Tags),
		Clusters:          r.clusters(s, key),
		Terraform:         string(s.Terraform),
		EnvFile:           string(s.EnvFile),
		Soak:              time.Duration(s.Soak),
		Workflow:          string(s.Workflow),
		Production:        s.Production,
	}
	e.Services = r.services(s, e.Clusters, key)
	e.Database = r.database(s.Database, e.Services, key+".database")
	switch {
	case e.GateEnvironment == "":
	case s.DeployEnvironment == "":
		r.doubtful(key+".gate_environment", "has no deploy_environment beside it, so GitHub asks for approval again for every wave of jobs; add one without reviewers, such as deploy_environment: %s-deploy", e.GateEnvironment)
	case s.DeployEnvironment == s.GateEnvironment:
		r.doubtful(key+".deploy_environment", "is the gate itself, so GitHub asks for approval again for every wave of jobs; name one without reviewers, such as %s-deploy", e.GateEnvironment)
	}
	return e
}

func (r *reader) clusters(s stage, key string) []pipeline.Cluster {
	r.checkRegion(s.AWS.Region, key+".aws.region")
	switch {
	case s.Cluster != "" && r.has(key+".clusters"):
		r.wrong(key+".cluster", "stands beside clusters; move it into clusters or remove one of the two")
	case s.Cluster != "":
		c := cluster{Name: s.Cluster, Region: s.AWS.Region, Profile: s.AWS.Profile, Role: s.AWS.Role}
		return []pipeline.Cluster{r.cluster(c, key+".cluster")}
	case len(s.Clusters) == 0:
		r.doubtful(key, "names no cluster, so nothing is read from ECS for %q; add cluster: NAME", string(s.Name))
	}
	var clusters []pipeline.Cluster
	for i, c := range s.Clusters {
		child := fmt.Sprintf("%s.clusters[%d]", key, i)
		r.checkRegion(c.Region, child+".region")
		if !strings.HasPrefix(string(c.Name), "arn:") { // an ARN names its own region
			c.Region = cmp.Or(c.Region, s.AWS.Region)
		}
		c.Profile = cmp.Or(c.Profile, s.AWS.Profile)
		c.Role = cmp.Or(c.Role, s.AWS.Role)
		if slices.ContainsFunc(clusters, func(other pipeline.Cluster) bool { return other.Name == string(c.Name) }) {
			r.wrong(child+".name", "%q is there twice; where two regions have a cluster of this name, write their ARNs", string(c.Name))
		}
		clusters = append(clusters, r.cluster(c, child))
	}
	return clusters
}

// cluster takes the region from the ARN where there is one.
func (r *reader) cluster(c cluster, key string) pipeline.Cluster {
	if parts := clusterARN.FindStringSubmatch(string(c.Name)); parts != nil {
		if c.Region != "" && string(c.Region) != parts[1] {
			r.wrong(key, "is in the region %s by its ARN, but its region is set to %s; make them agree", parts[1], string(c.Region))
		}
		c.Region = region(parts[1])
	}
	return pipeline.Cluster{Name: string(c.Name), Region: string(c.Region), Profile: string(c.Profile), Role: string(c.Role)}
}

func (r *reader) checkRegion(value region, key string) {
	if likely := value.likelyRegion(); likely != "" && regionForm.MatchString(string(value)) {
		r.doubtful(key, "the region %q is not known to this program; did you mean %s?", string(value), likely)
	}
}

func (r *reader) services(s stage, clusters []pipeline.Cluster, key string) []pipeline.Service {
	var services []pipeline.Service
	for i, item := range s.Services {
		child := fmt.Sprintf("%s.services[%d]", key, i)
		if item.Name == "" {
			continue
		}
		if slices.ContainsFunc(services, func(other pipeline.Service) bool { return other.Name == string(item.Name) }) {
			r.wrong(child, "the service %q is there twice; remove one, or make a second region an environment of its own", string(item.Name))
			continue
		}
		known := clusterNames(clusters)
		if name := string(item.Cluster); name != "" && !slices.Contains(known, name) {
			r.wrong(child+".cluster", "%s", notAmong(name, "cluster of this environment", known))
		}
		services = append(services, resolveService(item, s.Health))
	}
	return services
}

// resolveService fills the service's name into the stage's addresses, where it
// has none of its own.
func resolveService(s service, h health) pipeline.Service {
	resolved := pipeline.Service{
		Name:       string(s.Name),
		ECSName:    string(s.ECSName),
		Cluster:    string(s.Cluster),
		LogGroups:  words(s.LogGroups),
		HealthURL:  withService(string(h.URL), string(s.Name)),
		VersionURL: withService(string(h.Version), string(s.Name)),
		SmokePaths: words(h.Smoke),
		Alarms:     words(s.Alarms),
	}
	if s.HealthURL != nil {
		resolved.HealthURL = withService(string(*s.HealthURL), string(s.Name))
	}
	if s.VersionURL != nil {
		resolved.VersionURL = withService(string(*s.VersionURL), string(s.Name))
	}
	if s.SmokePaths != nil {
		resolved.SmokePaths = words(*s.SmokePaths)
	}
	return resolved
}

func (r *reader) database(d database, services []pipeline.Service, key string) pipeline.Database {
	if name := string(d.MigrationService); name != "" {
		if known := serviceNames(services); !slices.Contains(known, name) {
			r.wrong(key+".migration_service", "%s", notAmong(name, "service of this environment", known))
		}
	} else if len(d.MigrationCommand) > 0 {
		r.wrong(key+".migration_command", "needs the service whose image runs it; add migration_service")
	}
	return pipeline.Database{
		Instance:         string(d.Instance),
		MigrationService: string(d.MigrationService),
		MigrationCommand: words(d.MigrationCommand),
	}
}

// workflows fills the two places that name a stage's workflow from each other.
func (r *reader) workflows(stages []stage, c *pipeline.Configuration) {
	shared := map[string]*string{"staging": &c.Workflows.Staging, "production": &c.Workflows.Production}
	for i := range c.Environments {
		e := &c.Environments[i]
		file, ok := shared[e.Name]
		if !ok {
			continue
		}
		e.Workflow = cmp.Or(e.Workflow, *file)
		*file = cmp.Or(*file, e.Workflow)
		if *file != e.Workflow {
			place := slices.IndexFunc(stages, func(s stage) bool { return string(s.Name) == e.Name })
			r.doubtful(fmt.Sprintf("environments[%d].workflow", place), "is %s, but workflows.%s is %s; the environment's own is used here", e.Workflow, e.Name, *file)
		}
	}
}

// stageNames refuses two environments of one name.
func (r *reader) stageNames(stages []stage) {
	seen := map[name]int{}
	for i, s := range stages {
		if first, twice := seen[s.Name]; twice && s.Name != "" {
			r.wrong(fmt.Sprintf("environments[%d].name", i), "%q is the name of environments[%d] already; give each environment its own", string(s.Name), first)
			continue
		}
		seen[s.Name] = i
	}
}

// githubEnvironments refuses a GitHub environment that two stages use: its
// deployments and approvals could not be told apart. GitHub ignores the case of
// these names.
func (r *reader) githubEnvironments(stages []stage) {
	owner := map[string]int{}
	for i, s := range stages {
		uses := []struct{ key, name string }{
			{"github_environment", cmp.Or(string(s.GitHubEnvironment), string(s.Name))},
			{"gate_environment", string(s.GateEnvironment)},
			{"deploy_environment", string(s.DeployEnvironment)},
		}
		for _, use := range uses {
			name := strings.ToLower(use.name)
			if first, taken := owner[name]; taken && first != i && name != "" && s.Name != stages[first].Name {
				r.wrong(fmt.Sprintf("environments[%d].%s", i, use.key), "the GitHub environment %q belongs to %q already; each needs its own", use.name, string(stages[first].Name))
				continue
			}
			owner[name] = i
		}
	}
}

// predecessors checks that each after names an environment, and that following
// it comes to an end.
func (r *reader) predecessors(stages []stage) {
	after, known := map[name]name{}, []string{}
	for _, s := range stages {
		after[s.Name] = s.After
		if s.Name != "" {
			known = append(known, string(s.Name))
		}
	}
	inReportedCycle := map[name]bool{}
	for i, s := range stages {
		key := fmt.Sprintf("environments[%d].after", i)
		switch {
		case s.After == "" || s.Name == "":
			continue
		case s.After == s.Name:
			r.wrong(key, "%q comes after itself; name the environment before it, or remove the key for the first", string(s.Name))
			inReportedCycle[s.Name] = true
			continue
		case !slices.Contains(known, string(s.After)):
			r.wrong(key, "%s", notAmong(string(s.After), "environment", slices.DeleteFunc(slices.Clone(known), func(k string) bool { return k == string(s.Name) })))
			continue
		}
		if path := cycle(s.Name, after); path != nil && !inReportedCycle[s.Name] {
			for _, member := range path {
				inReportedCycle[member] = true
			}
			r.wrong(key, "goes round in a circle: %s; remove after from the first stage", strings.Join(words(path), " after "))
		}
	}
}

// cycle follows after from a stage and returns the way back to it, if any.
func cycle(from name, after map[name]name) []name {
	path := []name{from}
	for next := after[from]; next != "" && len(path) <= len(after); next = after[next] {
		path = append(path, next)
		if next == from {
			return path
		}
	}
	return nil
}

// inPromotionOrder puts each environment behind the one it comes after, and
// else keeps the order of the file.
func inPromotionOrder(environments []pipeline.Environment) []pipeline.Environment {
	var ordered []pipeline.Environment
	waiting := slices.Clone(environments)
	for len(waiting) > 0 {
		next := slices.IndexFunc(waiting, func(e pipeline.Environment) bool {
			return !slices.ContainsFunc(waiting, func(other pipeline.Environment) bool { return other.Name == e.After })
		})
		next = max(next, 0) // a circle has been reported; it is cut anywhere
		ordered = append(ordered, waiting[next])
		waiting = slices.Delete(waiting, next, next+1)
	}
	return ordered
}

// focus is the environment that the console starts with.
func (r *reader) focus(d defaults, environments []pipeline.Environment) string {
	var known []string
	focus := ""
	for _, e := range environments {
		known = append(known, e.Name)
		if e.Production && focus == "" {
			focus = e.Name
		}
	}
	if len(known) > 0 && focus == "" {
		focus = known[len(known)-1]
		r.doubtful("environments", "no environment has production: true, so no change gets the full check list; mark the one that your customers use")
	}
	wanted := string(d.Environment)
	if wanted == "" {
		return focus
	}
	if !slices.Contains(known, wanted) {
		r.wrong("defaults.environment", "%s", notAmong(wanted, "environment", known))
		return focus
	}
	return wanted
}

func (r *reader) policy(p policy) pipeline.Policy {
	resolved := pipeline.Policy{
		FourEyes:        cmp.Or(string(p.FourEyes), defaultFourEyes),
		DirectAWSWrites: p.DirectAWSWrites,
		Metrics:         cmp.Or(string(p.Metrics), defaultMetrics),
		MaxApprovalAge:  cmp.Or(time.Duration(p.MaxApprovalAge), defaultMaxApprovalAge),
		MaxHold:         time.Duration(p.Holds.Max),
		RecordCopy:      string(p.RecordCopy),
	}
	for _, login := range p.Hotfix {
		resolved.Hotfix = append(resolved.Hotfix, string(login))
	}
	for i, f := range p.Freezes {
		key := fmt.Sprintf("policy.freezes[%d]", i)
		from, until := time.Time(f.From), time.Time(f.Until)
		if from.IsZero() {
			continue
		}
		if !until.IsZero() && !until.After(from) {
			r.wrong(key+".until", "%s is not after from, %s; swap them or correct the year", until.Format(time.RFC3339), from.Format(time.RFC3339))
			continue
		}
		resolved.Freezes = append(resolved.Freezes, pipeline.FreezeWindow{From: from, Until: until, Reason: string(f.Reason)})
	}
	return resolved
}

func (r *reader) repositories(listed map[name]repository, environments []pipeline.Environment) map[string]string {
	var known []string
	for _, e := range environments {
		known = append(known, serviceNames(e.Services)...)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	var repositories map[string]string
	for service, where := range listed {
		if !slices.Contains(known, string(service)) {
			r.wrong(join("repositories", printable(shorten(string(service)))), "%s", notAmong(string(service), "service of any environment", known))
			continue
		}
		if repositories == nil {
			repositories = map[string]string{}
		}
		repositories[string(service)] = string(where)
	}
	return repositories
}

// notAmong says that a name is no one of those known, and which one was
// probably meant.
func notAmong(name, what string, known []string) string {
	name = shorten(name)
	if len(known) == 0 {
		return fmt.Sprintf("%q is no %s, because there is none; remove it", name, what)
	}
	if near := pipeline.Nearest(name, known); near != "" {
		return fmt.Sprintf("%q is no %s; did you mean %s?", name, what, near)
	}
	return fmt.Sprintf("%q is no %s; known are %s", name, what, strings.Join(known, ", "))
}

func clusterNames(clusters []pipeline.Cluster) []string {
	var names []string
	for _, c := range clusters {
		names = append(names, c.Name)
	}
	return names
}

func serviceNames(services []pipeline.Service) []string {
	var names []string
	for _, s := range services {
		names = append(names, s.Name)
	}
	return names
}

// words returns the plain strings of a list; nil for an empty one.
func words[T ~string](list []T) []string {
	var plain []string
	for _, item := range list {
		plain = append(plain, string(item))
	}
	return plain
}
