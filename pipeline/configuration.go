package pipeline

import (
	"slices"
	"time"
)

// Configuration is what a team says about its delivery system: the content of
// .github/deployctl.yml, or what could be inferred when there is none.
// It is plain data; package environments reads and validates the file.
type Configuration struct {
	Environments []Environment     // in promotion order, the first stage first
	Workflows    Workflows         // file names below .github/workflows
	Policy       Policy            // what the team asks of a change
	Default      string            // name of the environment that has the focus at start
	Origin       string            // where it was read: "acme/shop@main:.github/deployctl.yml", a path, or "inferred"
	Inferred     bool              // no file: everything was guessed from GitHub and AWS
	Notes        []string          // how each guess was made, in sentences, for the operator
	Problems     []ConfigProblem   // what is wrong with the file; Environments then hold what could be used
	Repositories map[string]string // service name to OWNER/REPO where it differs from the console's own
}

// ConfigProblem is one mistake in a configuration file.
type ConfigProblem struct {
	Line, Column int    // 1-based; 0 where the mistake has no place (a missing key of the whole file)
	Key          string // dotted path of the key, such as environments[1].cluster
	Sentence     string // what is wrong and what would be right
	Warning      bool   // worth saying, but the file can be used as it stands
}

// Environment is one stage that a release passes through, and where it runs.
type Environment struct {
	Name              string        // as the team says it: staging, production
	GitHubEnvironment string        // the environment on whose deployments the releases of this stage are recorded
	GateEnvironment   string        // the GitHub environment whose reviewers approve; empty: no gate
	DeployEnvironment string        // the GitHub environment that the jobs with credentials name
	After             string        // the environment that must have verified a release before; empty for the first
	Branches          []string      // branches that may be deployed here; patterns as GitHub's fnmatch
	Tags              []string      // tag patterns that may be deployed here
	Clusters          []Cluster     // nearly always one
	Services          []Service     // in deployment order
	Database          Database      // what backup and migration act on; zero where there is none
	Terraform         string        // directory of the Terraform root module, below the repository's root; empty: none
	EnvFile           string        // file of the services' settings, below the repository's root; empty: ci-cd/environments/NAME.env
	Soak              time.Duration // how long a release must have stood in this stage before the next takes it
	Workflow          string        // the file that deploys here: cd-production.yml
	Production        bool          // the stage whose changes need the full check list
}

// Cluster is one ECS cluster with the identity that reads it.
type Cluster struct {
	Name    string // name or ARN
	Region  string // AWS region; empty: the session's own
	Profile string // shared-config profile; empty: the session's own
	Role    string // ARN to assume; empty: none
}

// Service is one ECS service of an environment.
type Service struct {
	Name       string   // as the team says it: orders
	ECSName    string   // the ECS service's name where it differs; empty: Name
	Cluster    string   // Cluster.Name; empty: the environment's first
	LogGroups  []string // empty: read from the task definition's awslogs options
	HealthURL  string   // probed by verify; empty: none
	VersionURL string   // answers the running version; empty: none
	SmokePaths []string // paths below HealthURL's origin that must answer 2xx
	Alarms     []string // CloudWatch alarm names or prefixes ending in *; empty: those of the deployment configuration
}

// Database is what an environment's backup and migration act on.
type Database struct {
	Instance         string   // RDS instance or cluster identifier
	MigrationService string   // the service whose image runs migrations
	MigrationCommand []string // empty: python manage.py migrate --noinput
}

// Workflows names the files of the delivery system below .github/workflows.
type Workflows struct {
	CI, Staging, Production, Rollback string
}

// Policy is what a team asks of every change.
type Policy struct {
	FourEyes        string         // "require", "warn" or "off": may the author of a change approve it?
	Freezes         []FreezeWindow // times when production is not changed
	DirectAWSWrites bool           // may this program change ECS itself? Off by default
	Metrics         string         // "rollout" (default: while a rollout moves or on demand), "always", "never"
	Hotfix          []string       // logins that may approve a release which the stage before never ran, by name
	MaxApprovalAge  time.Duration  // a run that waited longer than this is raised; default 24 h
	MaxHold         time.Duration  // the longest that a hold taken by hand lasts; 0: until it is lifted
	RecordCopy      string         // the copy of a deployment's record in the backup bucket: "require" or "warn"; empty: require in production
}

// FreezeWindow is a span of time in which production is not changed.
type FreezeWindow struct {
	From, Until time.Time // Until zero: no known end
	Reason      string
}

// Environment returns the environment of that name, and whether there is one.
func (c Configuration) Environment(name string) (Environment, bool) {
	for _, e := range c.Environments {
		if e.Name == name {
			return e, true
		}
	}
	return Environment{}, false
}

// Named returns the environment of that name, or an error that says which there
// are.
func (c Configuration) Named(name string) (Environment, error) {
	e, ok := c.Environment(name)
	if !ok {
		return e, NoSuch("environment", name, c.EnvironmentNames())
	}
	return e, nil
}

// EnvironmentNames are the names of the environments, in their order.
func (c Configuration) EnvironmentNames() []string {
	var names []string
	for _, e := range c.Environments {
		names = append(names, e.Name)
	}
	return names
}

// ServiceNames are the names of all services, each once.
func (c Configuration) ServiceNames() []string {
	var names []string
	for _, e := range c.Environments {
		for _, name := range e.ServiceNames() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// ServiceNames are the names of the environment's services, in their order.
func (e Environment) ServiceNames() []string {
	var names []string
	for _, s := range e.Services {
		names = append(names, s.Name)
	}
	return names
}

// RecordCopyRequired reports whether a deployment of an environment is refused
// where no backup bucket would keep a copy of its record.
func (p Policy) RecordCopyRequired(e Environment) bool {
	return p.RecordCopy == "require" || p.RecordCopy == "" && e.Production
}

// ECSServiceName is the name of the service in ECS.
func (s Service) ECSServiceName() string {
	if s.ECSName != "" {
		return s.ECSName
	}
	return s.Name
}
