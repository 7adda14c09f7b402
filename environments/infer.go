package environments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Facts are what GitHub and AWS show about a repository that has no
// configuration file. Everything is optional: what could not be read is left
// out, and less is inferred.
type Facts struct {
	Repository    string              // OWNER/REPO
	DefaultBranch string              // main
	Branches      []string            // the names of the repository's branches
	Environments  []GitHubEnvironment // those of the repository
	Workflows     []Workflow          // the files below .github/workflows
	Clusters      []ECSCluster        // those that the operator's AWS identity can list
}

// GitHubEnvironment is an environment of the repository with its rules.
type GitHubEnvironment struct {
	Name      string
	Reviewers bool     // somebody must approve a deployment
	Branches  []string // patterns of its deployment branch policy; empty: any branch
	Tags      []string // patterns of its deployment tag policy
}

// Workflow is a workflow file with what matters of its content. ReadWorkflow
// makes one from the file.
type Workflow struct {
	File         string   // file name below .github/workflows: cd-production.yml
	Name         string   // its name key, or empty
	Environments []string // GitHub environments that its jobs name, expressions left out
	Branches     []string // branches whose pushes start it
	Tags         []string // tags whose pushes start it
}

// ECSCluster is a cluster with the names of its services.
type ECSCluster struct {
	Name, Region, Profile string
	Services              []string
}

// Infer guesses a configuration, for the console to show as inferred and for
// init to write down. Notes say how each guess was made. It needs nothing: with
// empty facts it knows one environment, production, and no cluster.
func Infer(facts Facts) pipeline.Configuration {
	facts.Clusters = slices.DeleteFunc(slices.Clone(facts.Clusters), func(c ECSCluster) bool {
		return new(clusterName).read(c.Name) != nil
	})
	i := inference{facts: facts}
	i.stages()
	configuration := pipeline.Configuration{
		Environments: make([]pipeline.Environment, 0, len(i.found)),
		Policy: pipeline.Policy{
			FourEyes:       defaultFourEyes,
			Metrics:        defaultMetrics,
			MaxApprovalAge: defaultMaxApprovalAge,
		},
		Origin:   "inferred",
		Inferred: true,
	}
	for _, stage := range i.found {
		configuration.Environments = append(configuration.Environments, i.environment(stage))
	}
	configuration.Workflows = i.workflows(configuration.Environments)
	configuration.Default = i.found[i.production()].name
	i.note("%s has the focus at the start, because it is production.", configuration.Default)
	configuration.Notes = i.notes
	return configuration
}

// inference collects stages, and notes about how they were found.
type inference struct {
	facts Facts
	found []candidate // in promotion order
	notes []string
}

// candidate is a stage before it is filled in.
type candidate struct {
	name         string
	rank         rank
	reviewers    bool   // of the GitHub environment of this name
	gate, deploy string // GitHub environments beside the one of this name, or empty
}

func (i *inference) note(format string, arguments ...any) {
	i.notes = append(i.notes, fmt.Sprintf(format, arguments...))
}

// stages finds the stages, from the best evidence that there is.
func (i *inference) stages() {
	switch names, source := i.evidence(); {
	case len(names) > 0:
		i.found = i.group(names)
		i.note("The environments are those that %s.", source)
	default:
		i.found = []candidate{{name: "production", rank: productionRank}}
		i.note("Nothing names an environment, so the repository is taken to have one, production.")
	}
	slices.SortStableFunc(i.found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.name, b.name))
	})
	last := i.production()
	if i.found[last].rank != productionRank {
		// Something else than its name made it production; it is last all the
		// same.
		chosen := i.found[last]
		i.found = append(slices.Delete(i.found, last, last+1), chosen)
	}
	if len(i.found) > 1 {
		var order []string
		for _, c := range i.found {
			order = append(order, c.name)
		}
		i.note("The order is guessed from the names: %s.", strings.Join(order, ", then "))
	}
}

// evidence returns the names of environments from the first source that knows
// any, and what that source does.
func (i *inference) evidence() (names []string, source string) {
	for _, e := range i.facts.Environments {
		names = append(names, e.Name)
	}
	for _, w := range i.facts.Workflows {
		names = append(names, w.Environments...)
	}
	if names = i.usable(names); len(names) > 0 {
		return names, "the repository has on GitHub or its workflows name"
	}
	for _, c := range i.facts.Clusters {
		names = append(names, rankWord(c.Name))
		for _, s := range c.Services {
			names = append(names, rankWord(s))
		}
	}
	if names = i.usable(names); len(names) > 0 {
		return names, "the names of ECS clusters and services tell"
	}
	for _, w := range i.facts.Workflows {
		names = append(names, rankWord(w.File))
	}
	if names = i.usable(names); len(names) > 0 {
		return names, "the names of the workflow files tell"
	}
	if branch := i.developmentBranch(); branch != "" && i.facts.DefaultBranch != "" {
		return []string{"staging", "production"}, fmt.Sprintf("the branches %s and %s tell", branch, i.facts.DefaultBranch)
	}
	return nil, ""
}

// usable drops empty names, doublets, and the environments that GitHub makes
// for its own features.
func (i *inference) usable(names []string) []string {
	var usable []string
	for _, n := range names {
		known := slices.ContainsFunc(usable, func(u string) bool { return strings.EqualFold(u, n) })
		if !known && n != "github-pages" && n != "copilot" && checkName(n) == nil {
			usable = append(usable, n)
		}
	}
	slices.Sort(usable)
	return usable
}

var (
	deploySuffixes = []string{"-deploy", "-deployment", "_deploy", "/deploy"}
	gateSuffixes   = []string{"-gate", "-approval", "-approve", "_gate", "_approval", "/gate", "/approval"}
)

// group makes stages from names: production-deploy and production-approval
// belong to production where there is one.
func (i *inference) group(names []string) []candidate {
	var stages []candidate
	for _, n := range names {
		if owner(n, deploySuffixes, names) == "" && owner(n, gateSuffixes, names) == "" {
			stages = append(stages, candidate{name: n, rank: rankOf(n), reviewers: i.reviewed(n)})
		}
	}
	for at := range stages {
		s := &stages[at]
		for _, n := range names {
			if owner(n, deploySuffixes, names) == s.name && s.deploy == "" {
				s.deploy = n
			}
			if owner(n, gateSuffixes, names) == s.name && s.gate == "" {
				s.gate = n
			}
		}
	}
	return stages
}

// owner returns the name that another one extends by a suffix, if it is there.
func owner(name string, suffixes, names []string) string {
	for _, suffix := range suffixes {
		if base, found := strings.CutSuffix(strings.ToLower(name), suffix); found && base != "" {
			at := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, base) })
			if at >= 0 {
				return names[at]
			}
		}
	}
	return ""
}

func (i *inference) reviewed(name string) bool {
	e, ok := i.github(name)
	return ok && e.Reviewers
}

func (i *inference) github(name string) (GitHubEnvironment, bool) {
	for _, e := range i.facts.Environments {
		if strings.EqualFold(e.Name, name) {
			return e, true
		}
	}
	return GitHubEnvironment{}, false
}

// production is the index of the stage that is production: by its name, else
// the only one that somebody must approve, else the last.
func (i *inference) production() int {
	if at := slices.IndexFunc(i.found, func(c candidate) bool { return c.rank == productionRank }); at >= 0 {
		return at
	}
	only := -1
	for at, c := range i.found {
		if c.reviewers && only >= 0 {
			return len(i.found) - 1
		}
		if c.reviewers {
			only = at
		}
	}
	if only >= 0 {
		return only
	}
	return len(i.found) - 1
}

// isProduction reports whether a stage is production. There are several where
// the names say so: production-eu and production-us.
func (i *inference) isProduction(c candidate) bool {
	return c.rank == productionRank || c.name == i.found[i.production()].name
}

// environment fills in one stage.
func (i *inference) environment(c candidate) pipeline.Environment {
	e := pipeline.Environment{
		Name:              c.name,
		GitHubEnvironment: c.name,
		After:             i.predecessor(c),
		Production:        i.isProduction(c),
	}
	if e.Production {
		i.note("%s is production, because %s.", c.name, i.whyProduction(c))
	}
	i.gate(c, &e)
	workflow := i.deploysTo(e)
	e.Workflow = workflow.File
	if e.Workflow != "" {
		i.note("%s deploys to %s, because its jobs or its name say so.", e.Workflow, e.Name)
	}
	i.refs(&e, workflow)
	i.runtime(&e, c.rank)
	return e
}

func (i *inference) whyProduction(c candidate) string {
	switch {
	case c.rank == productionRank:
		return "its name says so"
	case len(i.found) == 1:
		return "it is the only environment"
	case c.reviewers:
		return "it is the only environment with reviewers"
	default:
		return "it is the last environment"
	}
}

// predecessor is the last stage of a lower rank: all productions come after
// staging, none after another one.
func (i *inference) predecessor(c candidate) string {
	before := ""
	for _, other := range i.found {
		if other.name == c.name || i.isProduction(other) {
			break
		}
		before = other.name
	}
	return before
}

// gate finds which GitHub environment asks for approval, and which one the
// jobs with credentials name.
func (i *inference) gate(c candidate, e *pipeline.Environment) {
	switch {
	case c.gate != "" && i.reviewed(c.gate):
		e.GateEnvironment = c.gate
	case c.reviewers:
		e.GateEnvironment = c.name
	}
	e.DeployEnvironment = cmp.Or(c.deploy, c.name)
	switch {
	case e.GateEnvironment == "" && e.Production:
		i.note("Nobody has to approve a deployment to %s: none of its GitHub environments has reviewers.", e.Name)
	case e.GateEnvironment == "":
	case e.DeployEnvironment == e.GateEnvironment:
		i.note("%s is the gate of %s, because it has reviewers. Its jobs with credentials seem to name it too, so GitHub may ask for approval more than once.", e.GateEnvironment, e.Name)
	default:
		i.note("%s is the gate of %s, because it has reviewers; jobs with credentials name %s.", e.GateEnvironment, e.Name, e.DeployEnvironment)
	}
}

// refs finds the branches and tags that may be deployed.
func (i *inference) refs(e *pipeline.Environment, workflow Workflow) {
	for _, name := range []string{e.GitHubEnvironment, e.DeployEnvironment} {
		rules, _ := i.github(name)
		e.Branches, e.Tags = patterns(rules.Branches), patterns(rules.Tags)
		if len(e.Branches)+len(e.Tags) > 0 {
			i.note("The branches and tags of %s are those that the GitHub environment %s allows.", e.Name, name)
			return
		}
	}
	e.Branches, e.Tags = patterns(workflow.Branches), patterns(workflow.Tags)
	if len(e.Branches)+len(e.Tags) > 0 {
		i.note("The branches and tags of %s are those whose pushes start %s.", e.Name, workflow.File)
		return
	}
	branch, why := i.developmentBranch(), "is what teams push to before they merge"
	if e.Production || branch == "" {
		branch, why = i.facts.DefaultBranch, "is the default branch"
	}
	if e.Branches = patterns([]string{branch}); len(e.Branches) > 0 {
		i.note("%s takes the branch %s, which %s.", e.Name, branch, why)
	}
}

// patterns keeps what a configuration file can say.
func patterns(listed []string) []string {
	var usable []string
	for _, p := range listed {
		if new(refPattern).read(p) == nil && !slices.Contains(usable, p) {
			usable = append(usable, p)
		}
	}
	return usable
}

func (i *inference) developmentBranch() string {
	for _, usual := range []string{"develop", "staging", "development", "dev"} {
		if usual != i.facts.DefaultBranch && slices.Contains(i.facts.Branches, usual) {
			return usual
		}
	}
	return ""
}
