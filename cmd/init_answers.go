package cmd

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/workflows"
)

// answers are what init has to know beyond the checkout: from flags, from what
// could be inferred, or from the operator.
type answers struct {
	defaultBranch, stagingBranch        string
	region                              string
	stagingCluster, productionCluster   string
	stagingURL, productionURL           string // of a service; may hold {service}
	stagingDatabase, productionDatabase string
	migrationService                    string
	imagePrefix                         string
	extension, sha256                   string
	services                            []string // NAME=DIRECTORY
	chosen                              []string // of the services that were found; nil: all
	guessed                             []string // sentences about what nobody said
}

// fill completes answers from what was inferred and found, and notes what is
// a guess.
func (a *answers) fill(inferred pipeline.Configuration, found checkout, repository, defaultBranch string) {
	staging, production := stages(inferred)
	name := strings.ToLower(path.Base(repository))
	a.defaultBranch = cmp.Or(a.defaultBranch, defaultBranch, found.defaultBranch)
	if a.defaultBranch == "" {
		a.defaultBranch = likelyDefault(found.branches)
		a.guess("the default branch is %s (--default-branch)", a.defaultBranch)
	}
	if a.stagingBranch == "" && len(staging.Branches) > 0 {
		a.stagingBranch = staging.Branches[0]
	}
	a.stagingBranch = cmp.Or(a.stagingBranch, "develop")
	a.stagingCluster = a.cluster(a.stagingCluster, staging, name+"-staging", "--staging-cluster")
	a.productionCluster = a.cluster(a.productionCluster, production, name+"-production", "--production-cluster")
	if a.region == "" {
		a.region = "us-east-1"
		a.guess("the AWS region is us-east-1 (--region)")
	}
	if a.migrationService = cmp.Or(a.migrationService, production.Database.MigrationService); a.migrationService == "" && len(found.migrating) > 0 {
		if a.migrationService = found.migrating[0]; len(found.migrating) > 1 {
			a.guess("the database is migrated by %s, one of %s (--migration-service)", a.migrationService, strings.Join(found.migrating, ", "))
		}
	}
	a.stagingDatabase = cmp.Or(a.stagingDatabase, staging.Database.Instance)
	a.productionDatabase = cmp.Or(a.productionDatabase, production.Database.Instance)
	if a.imagePrefix == "" {
		a.imagePrefix = name + "/"
	}
}

// likelyDefault is the branch that most likely is the default one, of a checkout
// that does not know.
func likelyDefault(branches []string) string {
	for _, usual := range []string{"main", "master"} {
		if slices.Contains(branches, usual) {
			return usual
		}
	}
	return first(branches, "main")
}

func (a *answers) guess(format string, arguments ...any) {
	a.guessed = append(a.guessed, fmt.Sprintf(format, arguments...))
}

func (a *answers) cluster(said string, e pipeline.Environment, usual, flag string) string {
	if said != "" {
		return said
	}
	if len(e.Clusters) > 0 {
		return e.Clusters[0].Name
	}
	a.guess("the cluster of this stage is %s (%s)", usual, flag)
	return usual
}

// stages are the stage before production and production itself; either may be
// empty.
func stages(c pipeline.Configuration) (staging, production pipeline.Environment) {
	for _, e := range c.Environments {
		if e.Production {
			production = e
			break
		}
	}
	for _, e := range c.Environments {
		if !e.Production && (staging.Name == "" || e.Name == production.After) {
			staging = e
		}
	}
	return staging, production
}

// configuration is the file that these answers make.
func (a *answers) configuration(inferred pipeline.Configuration, found checkout) pipeline.Configuration {
	was, live := stages(inferred)
	staging := pipeline.Environment{
		Name: cmp.Or(was.Name, "staging"), Branches: []string{a.stagingBranch},
		Workflow: workflows.Staging, Soak: 10 * time.Minute,
		Clusters: []pipeline.Cluster{{Name: a.stagingCluster, Region: a.region}},
		Services: a.stageServices(was, found, a.stagingURL),
	}
	staging.Database = a.database(staging, a.stagingDatabase)
	staging.Terraform = found.terraform
	staging.GitHubEnvironment, staging.DeployEnvironment = staging.Name, staging.Name
	production := pipeline.Environment{
		Name: cmp.Or(live.Name, "production"), After: staging.Name, Production: true,
		Branches: []string{a.defaultBranch}, Tags: []string{"v*"}, Workflow: workflows.Production,
		Clusters: []pipeline.Cluster{{Name: a.productionCluster, Region: a.region}},
		Services: a.stageServices(live, found, a.productionURL),
	}
	production.Database = a.database(production, a.productionDatabase)
	production.GitHubEnvironment = production.Name
	production.GateEnvironment = cmp.Or(live.GateEnvironment, production.Name)
	production.DeployEnvironment = live.DeployEnvironment
	if production.DeployEnvironment == "" || production.DeployEnvironment == production.GateEnvironment {
		production.DeployEnvironment = production.GateEnvironment + "-deploy"
	}
	return pipeline.Configuration{
		Environments: []pipeline.Environment{staging, production},
		Workflows: pipeline.Workflows{
			CI: workflows.CI, Staging: workflows.Staging, Production: workflows.Production, Rollback: workflows.Rollback,
		},
		Policy: pipeline.Policy{
			FourEyes: cmp.Or(inferred.Policy.FourEyes, "warn"), Metrics: cmp.Or(inferred.Policy.Metrics, "rollout"),
			MaxApprovalAge: cmp.Or(inferred.Policy.MaxApprovalAge, 24*time.Hour),
		},
		Default: production.Name,
	}
}

// stageServices are the services of a stage: those of its cluster, else those
// of the checkout.
func (a *answers) stageServices(e pipeline.Environment, found checkout, address string) []pipeline.Service {
	list := slices.Clone(e.Services)
	if len(list) == 0 {
		for _, s := range found.services {
			list = append(list, pipeline.Service{Name: s.Name})
		}
	}
	if a.chosen != nil {
		list = slices.DeleteFunc(list, func(s pipeline.Service) bool { return !slices.Contains(a.chosen, s.Name) })
	}
	if address == "" {
		return list
	}
	for i := range list {
		base := strings.TrimRight(strings.ReplaceAll(address, "{service}", list[i].Name), "/")
		list[i].HealthURL, list[i].VersionURL, list[i].SmokePaths = base+"/health", base+"/version", []string{"/health", "/ready"}
	}
	return list
}

// database is what is backed up and migrated; nothing is migrated by a service
// that the stage does not have.
func (a *answers) database(e pipeline.Environment, instance string) pipeline.Database {
	d := pipeline.Database{Instance: instance}
	if slices.ContainsFunc(e.Services, func(s pipeline.Service) bool { return s.Name == a.migrationService }) {
		d.MigrationService = a.migrationService
		d.MigrationCommand = []string{"python", "manage.py", "migrate", "--noinput"}
	}
	return d
}

// parseServices reads the flags --service NAME=DIRECTORY.
func (a *answers) parseServices(found *checkout) error {
	if len(a.services) == 0 {
		return nil
	}
	files := os.DirFS(found.root)
	var list []workflows.Service
	for _, text := range a.services {
		name, dir, ok := strings.Cut(text, "=")
		if !ok || name == "" || dir == "" {
			return &pipeline.Error{Kind: pipeline.KindUsage, Message: fmt.Sprintf("%q does not name a service", text), Hint: "write it as --service NAME=DIRECTORY"}
		}
		dir = path.Clean(dir)
		if !fs.ValidPath(dir) || !exists(files, dir) {
			return &pipeline.Error{Kind: pipeline.KindUsage, Message: fmt.Sprintf("there is no directory %s in the repository", dir), Hint: "name it from the repository's root"}
		}
		if !exists(files, path.Join(dir, "Dockerfile")) {
			found.unbuilt = append(found.unbuilt, name)
		}
		list = append(list, workflows.Service{Name: name, Directory: dir, Python: isPython(files, dir)})
	}
	found.services = list
	return nil
}

// system is what the workflows are rendered from.
func system(c pipeline.Configuration, found *checkout, prefix string, ext workflows.Extension) (s workflows.System, notes []string) {
	staging, production := stages(c)
	s = workflows.System{
		DefaultBranch: first(production.Branches, "main"), StagingBranch: first(staging.Branches, "develop"), Tags: production.Tags,
		ImagePrefix: prefix, PythonVersion: found.settings.PythonVersion,
		Terraform: cmp.Or(staging.Terraform, found.terraform), IntegrationTests: found.integration,
		Staging: stage(staging), Production: stage(production), Extension: ext,
	}
	for _, service := range production.Services {
		i := slices.IndexFunc(found.services, func(f workflows.Service) bool { return dashed(f.Name) == dashed(service.Name) })
		if i < 0 && found.adopt(service.Name) {
			i = len(found.services) - 1
		}
		_, elsewhere := c.Repositories[service.Name]
		switch {
		case i < 0 && elsewhere:
			continue
		case i < 0:
			notes = append(notes, service.Name+" has no directory with a Dockerfile here, so the workflows do not build it (--service "+service.Name+"=DIRECTORY)")
			continue
		case slices.Contains(found.unbuilt, found.services[i].Name):
			notes = append(notes, found.services[i].Directory+" has no Dockerfile: ci.yml cannot build "+service.Name+" until it has one")
		}
		built := found.services[i]
		built.Name = service.Name
		s.Services = append(s.Services, built)
	}
	if s.IntegrationTests != "" && s.Staging.Base == "" {
		notes = append(notes, s.IntegrationTests+" is not run by ci.yml, because no service of "+staging.Name+" has an address (--staging-url)")
		s.IntegrationTests = ""
	}
	return s, notes
}

// dashed makes one of the two spellings of a name: a Python package has
// underscores where its ECS service has hyphens.
func dashed(name string) string { return strings.ReplaceAll(name, "_", "-") }

func first(list []string, otherwise string) string {
	if len(list) == 0 {
		return otherwise
	}
	return list[0]
}

func stage(e pipeline.Environment) workflows.Stage {
	s := workflows.Stage{
		Name: e.Name, Gate: e.GateEnvironment, Deploy: e.DeployEnvironment, Migration: e.Database.MigrationService != "",
		Addresses: map[string]string{},
	}
	if len(e.Clusters) > 0 {
		s.Region = e.Clusters[0].Region
	}
	for _, service := range e.Services {
		if base := baseOf(service.HealthURL); base != "" {
			s.URL, s.Base = cmp.Or(s.URL, service.HealthURL), cmp.Or(s.Base, base)
			s.Addresses[service.Name] = base
		}
	}
	return s
}

// baseOf is the address that a service's paths begin at: its health URL without
// the last part of the path.
func baseOf(health string) string {
	u, err := url.Parse(health)
	if health == "" || err != nil {
		return ""
	}
	u.Path, u.RawQuery, u.Fragment = strings.TrimRight(path.Dir(strings.TrimRight(u.Path, "/")), "/."), "", ""
	return u.String()
}
