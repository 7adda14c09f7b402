package environments

// The types in this file are the file's schema: parse reads them, Marshal
// writes them and Reference documents them, all from the same struct tags.
//
//	yaml      the key
//	required  the key must be there
//	short     the section may be written as this one value
//	default   what holds when the key is left out, in words
//	inline    written on one line
//	shown     written even where it is the default
//	doc       what the key means, for the reference and for a written file

// document is the whole of .github/deployctl.yml.
type document struct {
	Version      schemaVersion       `yaml:"version" required:"true" doc:"The version of this format: 1."`
	Defaults     defaults            `yaml:"defaults" doc:"What the console starts with."`
	Workflows    workflows           `yaml:"workflows" doc:"The workflow files of the delivery system, below .github/workflows."`
	Environments []stage             `yaml:"environments" required:"true" doc:"The stages that a release passes through."`
	Policy       policy              `yaml:"policy" doc:"What the team asks of every change."`
	Repositories map[name]repository `yaml:"repositories" default:"every service lives in the console's own repository" doc:"The repository of each service that lives in another one: SERVICE: OWNER/REPO."`
}

type defaults struct {
	Environment name `yaml:"environment" default:"the first with production: true, else the last" doc:"The environment that has the focus when the console starts."`
}

type workflows struct {
	CI         workflowFile `yaml:"ci" default:"none" doc:"Tests and builds every commit."`
	Staging    workflowFile `yaml:"staging" default:"the workflow of the environment named staging" doc:"Deploys to staging."`
	Production workflowFile `yaml:"production" default:"the workflow of the environment named production" doc:"Deploys to production."`
	Rollback   workflowFile `yaml:"rollback" default:"none" doc:"Takes an environment back to an earlier deployment."`
}

type stage struct {
	Name              name              `yaml:"name" required:"true" doc:"The stage as the team says it."`
	GitHubEnvironment environmentName   `yaml:"github_environment" default:"the name" doc:"The GitHub environment on whose deployments the stage's releases are recorded."`
	GateEnvironment   environmentName   `yaml:"gate_environment" default:"none: nobody has to approve" doc:"The GitHub environment whose reviewers approve. One job alone names it."`
	DeployEnvironment environmentName   `yaml:"deploy_environment" default:"github_environment" doc:"The GitHub environment that the jobs with credentials name. It has no reviewers, so that GitHub asks for approval once."`
	After             name              `yaml:"after" default:"none: the first stage" doc:"The environment that must have verified a release before it comes here."`
	Production        bool              `yaml:"production" default:"false" doc:"Marks the stage whose changes need the full check list."`
	Branches          []refPattern      `yaml:"branches" default:"any" doc:"The branches that may be deployed here. Names or patterns, as in GitHub's deployment branch policies: * matches no slash."`
	Tags              []refPattern      `yaml:"tags" default:"none" doc:"The tags that may be deployed here: names or patterns."`
	Workflow          workflowFile      `yaml:"workflow" default:"workflows.staging or workflows.production, by the name" doc:"The workflow file that deploys here."`
	AWS               identity          `yaml:"aws" inline:"true" doc:"The AWS region, and the identity that reads it."`
	Cluster           clusterName       `yaml:"cluster" default:"none: nothing is read from ECS" doc:"The ECS cluster. Write clusters instead where there are several."`
	Clusters          []cluster         `yaml:"clusters" default:"the one that cluster names" doc:"The ECS clusters, where there are several."`
	Services          []service         `yaml:"services" default:"none" doc:"The services, in deployment order."`
	Health            health            `yaml:"health" inline:"true" doc:"Where every service of the stage answers. {service} stands for the service's name."`
	Database          database          `yaml:"database" inline:"true" doc:"What backup and migration act on."`
	Terraform         filePath          `yaml:"terraform" default:"what init finds; none: no Terraform" doc:"The directory of the Terraform root module, which cd-staging applies and ci checks."`
	EnvFile           filePath          `yaml:"env_file" default:"ci-cd/environments/NAME.env" doc:"The file of the services' settings, which gh deployctl env reads. It holds secrets and is not committed."`
	Soak              nonNegativePeriod `yaml:"soak" default:"0s" doc:"How long a release must have stood here before the next stage takes it."`
}

type identity struct {
	Region  region   `yaml:"region" default:"the session's own" doc:"The AWS region."`
	Profile text     `yaml:"profile" default:"the session's own" doc:"A profile of the operator's AWS configuration."`
	Role    roleName `yaml:"role" default:"none" doc:"The ARN of an IAM role to assume."`
}

type cluster struct {
	Name    clusterName `yaml:"name" required:"true" short:"true" doc:"The cluster's name or ARN."`
	Region  region      `yaml:"region" default:"aws.region" doc:"The AWS region of this cluster."`
	Profile text        `yaml:"profile" default:"aws.profile" doc:"The AWS profile that reads this cluster."`
	Role    roleName    `yaml:"role" default:"aws.role" doc:"The ARN of the IAM role that reads this cluster."`
}

type service struct {
	Name       serviceName     `yaml:"name" required:"true" short:"true" doc:"The service as the team says it."`
	ECSName    serviceName     `yaml:"ecs_name" default:"the name" doc:"The name of the service in ECS, where it differs."`
	Cluster    clusterName     `yaml:"cluster" default:"the stage's first" doc:"The cluster that it runs in."`
	LogGroups  []logGroup      `yaml:"log_groups" default:"read from the task definition" doc:"The CloudWatch log groups."`
	HealthURL  *optionalURL    `yaml:"health_url" default:"health.url" doc:"The address that answers 2xx when the service is well. Empty quotes: none."`
	VersionURL *optionalURL    `yaml:"version_url" default:"health.version" doc:"The address that answers the running version. Empty quotes: none."`
	SmokePaths *[]urlPath      `yaml:"smoke_paths" default:"health.smoke" doc:"Paths on the health address's host that must answer 2xx. []: none."`
	Alarms     []alarmSelector `yaml:"alarms" default:"those of the ECS deployment configuration" doc:"CloudWatch alarms, by name or by prefix*."`
}

type health struct {
	URL     urlTemplate `yaml:"url" default:"none" doc:"The address that answers 2xx when the service is well."`
	Version urlTemplate `yaml:"version" default:"none" doc:"The address that answers the running version."`
	Smoke   []urlPath   `yaml:"smoke" default:"none" doc:"Paths on the health address's host that must answer 2xx."`
}

type database struct {
	Instance         databaseName `yaml:"instance" default:"none: no backup before a migration" doc:"The RDS instance or cluster identifier."`
	MigrationService serviceName  `yaml:"migration_service" default:"none" doc:"The service whose image runs the migrations."`
	MigrationCommand []text       `yaml:"migration_command" default:"[python, manage.py, migrate, --noinput]" doc:"The command that migrates, one word an item."`
}

type policy struct {
	FourEyes        fourEyes       `yaml:"four_eyes" default:"warn" doc:"Whether the author of a change may approve it: require forbids it, warn shows it, off allows it."`
	DirectAWSWrites bool           `yaml:"direct_aws_writes" shown:"true" default:"false" doc:"Whether this program may change ECS itself, for a rollback while GitHub Actions is down."`
	Metrics         metricsMode    `yaml:"metrics" default:"rollout" doc:"When CloudWatch metrics are read, which AWS charges for: while a rollout moves or on demand, always, or never."`
	MaxApprovalAge  positivePeriod `yaml:"max_approval_age" default:"24h" doc:"A run that has waited longer for approval is raised."`
	RecordCopy      recordCopy     `yaml:"record_copy" default:"require for production, warn elsewhere" doc:"What step prepare does where BACKUP_S3_BUCKET is empty, so that only GitHub keeps the record of a deployment: require refuses, warn goes on."`
	Holds           holds          `yaml:"holds" inline:"true" doc:"What is asked of holds that are taken by hand."`
	Hotfix          []text         `yaml:"hotfix" default:"nobody" doc:"GitHub logins of those who may approve a release that the stage before never ran, under the name of an incident or ticket."`
	Freezes         []freeze       `yaml:"freezes" default:"none" doc:"Times in which production is not changed."`
}

type holds struct {
	Max positivePeriod `yaml:"max" default:"none: a hold lasts until it is lifted" doc:"The longest that gh deployctl lock holds an environment. A hold without an end ends then; the one that follows a rollback stays until it is lifted."`
}

type freeze struct {
	From   moment `yaml:"from" required:"true" doc:"The first moment of the freeze."`
	Until  moment `yaml:"until" default:"no known end" doc:"The moment at which it ends."`
	Reason text   `yaml:"reason" required:"true" doc:"Why, for whoever is refused."`
}
