package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// System is what the workflows are rendered from: plain data about one
// repository.
type System struct {
	DefaultBranch    string    // what production is deployed from: main
	StagingBranch    string    // what staging is deployed from: develop
	Tags             []string  // patterns of the tags that production is deployed from: v*
	Services         []Service // what is built, in deployment order; at least one
	ImagePrefix      string    // of the ECR repositories: shop/ for shop/orders; empty: none
	PythonVersion    string    // that tests run on; empty: 3.13
	Terraform        string    // directory of the root module; empty: no Terraform
	IntegrationTests string    // directory of tests between services; empty: none
	Staging          Stage
	Production       Stage
	Extension        Extension // the release of gh deployctl that runs the steps
}

// Service is one image of the repository.
type Service struct {
	Name      string // as in the configuration; also the last part of its ECR repository
	Directory string // what holds its Dockerfile, below the repository's root
	Python    bool   // it is tested with pytest
}

// Stage is one environment.
type Stage struct {
	Name      string            // in the configuration
	Gate      string            // the GitHub environment with reviewers; empty for staging
	Deploy    string            // the GitHub environment that jobs with credentials name
	Region    string            // of AWS
	URL       string            // that GitHub shows beside the deployment; empty: none
	Base      string            // where integration tests begin, such as the gateway; empty: not known
	Addresses map[string]string // what the paths of each service are appended to
	Migration bool              // there is a database to migrate
}

// Extension is a pinned release of this program. Without one, the install step
// of each job fails and says how to fill it in.
type Extension struct {
	Repository string // OWNER/REPO
	Version    string // the release's tag
	SHA256     string // of its linux-amd64 binary, in hexadecimal digits
}

// ParseExtension reads OWNER/REPO@VERSION.
func ParseExtension(text string) (Extension, error) {
	repository, version, ok := strings.Cut(text, "@")
	e := Extension{Repository: repository, Version: version}
	if !ok || !repositoryForm.MatchString(repository) || !tagForm.MatchString(version) {
		return Extension{}, fmt.Errorf("%q does not name a release of this extension; write it as OWNER/REPO@VERSION", text)
	}
	return e, nil
}

// String is OWNER/REPO@VERSION, or nothing.
func (e Extension) String() string {
	if e.Repository == "" {
		return ""
	}
	return e.Repository + "@" + e.Version
}

// PythonServices are those with tests.
func (s System) PythonServices() []Service {
	var out []Service
	for _, service := range s.Services {
		if service.Python {
			out = append(out, service)
		}
	}
	return out
}

// ServiceNames are the names of all services.
func (s System) ServiceNames() []string {
	var out []string
	for _, service := range s.Services {
		out = append(out, service.Name)
	}
	return out
}

// jobs names those jobs of a graph that this system has.
func (s System) jobs(names ...string) string {
	has := map[string]bool{
		"test": len(s.PythonServices()) > 0, "terraform": s.Terraform != "", "integration": s.IntegrationTests != "",
		"staging migrate": s.Staging.Migration, "production migrate": s.Production.Migration,
	}
	var out []string
	for _, n := range names {
		if present, optional := has[n]; present || !optional {
			out = append(out, n[strings.LastIndex(n, " ")+1:])
		}
	}
	return strings.Join(out, ", ")
}

// BuildNeeds are the jobs of ci.yml before the images are built.
func (s System) BuildNeeds() string { return s.jobs("scan", "test", "terraform") }

// CINeeds are the jobs that the summary of ci.yml waits for.
func (s System) CINeeds() string { return s.jobs("scan", "test", "terraform", "build", "integration") }

// StagingBeforeDeploy is the job after which the services are deployed.
func (s System) StagingBeforeDeploy() string {
	all := strings.Split(s.jobs("prepare", "staging migrate", "terraform"), ", ")
	return all[len(all)-1]
}

// StagingNeeds are the jobs that the notification of cd-staging.yml waits for.
func (s System) StagingNeeds() string {
	return s.jobs("version", "prepare", "staging migrate", "terraform", "deploy", "verify")
}

// ProductionNeeds are the jobs that the notification of cd-production.yml waits for.
func (s System) ProductionNeeds() string {
	return s.jobs("preflight", "security", "announce", "approval", "scan", "prepare", "production migrate", "deploy", "verify", "release")
}

// values are the system as the templates name its parts.
func (s System) values() values {
	return values{
		"DefaultBranch": s.DefaultBranch, "StagingBranch": s.StagingBranch, "Tags": s.Tags,
		"ImagePrefix": s.ImagePrefix, "PythonVersion": s.PythonVersion,
		"Terraform": s.Terraform, "IntegrationTests": s.IntegrationTests,
		"Services": valuesOf(s.Services), "PythonServices": valuesOf(s.PythonServices()), "ServiceNames": s.ServiceNames(),
		"Staging": s.Staging.values(), "Production": s.Production.values(),
		"Extension":  values{"String": s.Extension.String(), "SHA256": s.Extension.SHA256},
		"BuildNeeds": s.BuildNeeds(), "CINeeds": s.CINeeds(),
		"StagingBeforeDeploy": s.StagingBeforeDeploy(), "StagingNeeds": s.StagingNeeds(), "ProductionNeeds": s.ProductionNeeds(),
	}
}

// AddressesJSON are the addresses as a JSON object of texts.
func (s Stage) AddressesJSON() string {
	text, _ := json.Marshal(s.Addresses) // texts alone never fail
	return string(text)
}

func (s Stage) values() values {
	return values{
		"Name": s.Name, "Gate": s.Gate, "Deploy": s.Deploy, "Region": s.Region, "URL": s.URL, "Migration": s.Migration,
		"Base": s.Base, "AddressesJSON": s.AddressesJSON(),
	}
}

func valuesOf(services []Service) []values {
	var out []values
	for _, s := range services {
		out = append(out, values{"Name": s.Name, "Directory": s.Directory})
	}
	return out
}

var (
	nameForm       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	pathForm       = regexp.MustCompile(`^[A-Za-z0-9._][A-Za-z0-9._/-]*$`)
	branchForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
	patternForm    = regexp.MustCompile(`^[A-Za-z0-9*?+\[\]._/!-]+$`)
	prefixForm     = regexp.MustCompile(`^([a-z0-9][a-z0-9._-]*/)*$`)
	regionForm     = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d+$`)
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$`)
	tagForm        = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)
	digestForm     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	pythonForm     = regexp.MustCompile(`^3\.\d+$`)
	urlForm        = regexp.MustCompile(`^https?://[^\s"'<>$` + "`" + `\\]+$`)
)

// CheckBranch says why a workflow cannot hold a branch of this name.
func CheckBranch(text string) error { return checkForm(text, branchForm, "a branch, such as main") }

// CheckPrefix says why ECR repositories cannot begin so; they may begin with nothing.
func CheckPrefix(text string) error {
	return checkForm(text, prefixForm, "nothing, or lower-case parts that end in a slash, such as shop/")
}

// CheckRegion says why a text is no region of AWS.
func CheckRegion(text string) error {
	return checkForm(text, regionForm, "a region, such as eu-central-1")
}

// CheckAddress says why a text is no address of a service.
func CheckAddress(text string) error {
	return checkForm(text, urlForm, "an address, such as https://shop.example.com")
}

func checkForm(text string, form *regexp.Regexp, want string) error {
	if form.MatchString(text) {
		return nil
	}
	return errors.New("write " + want)
}

// field is a value with the form that keeps it from being read as anything
// else in YAML, in an expression or in a shell.
type field struct {
	name, value string
	form        *regexp.Regexp
	optional    bool
}

// check refuses what a workflow cannot hold.
func (s *System) check() error {
	if s.PythonVersion == "" {
		s.PythonVersion = "3.13"
	}
	fields := []field{
		{"the default branch", s.DefaultBranch, branchForm, false},
		{"the staging branch", s.StagingBranch, branchForm, false},
		{"the ECR prefix", s.ImagePrefix, prefixForm, true},
		{"the Python version", s.PythonVersion, pythonForm, false},
		{"the Terraform directory", s.Terraform, pathForm, true},
		{"the directory of integration tests", s.IntegrationTests, pathForm, true},
		{"the production gate", s.Production.Gate, nameForm, false},
		{"the extension's repository", s.Extension.Repository, repositoryForm, true},
		{"the extension's version", s.Extension.Version, tagForm, s.Extension.Repository == ""},
		{"the extension's SHA-256", s.Extension.SHA256, digestForm, true},
	}
	for _, tag := range s.Tags {
		fields = append(fields, field{"a tag pattern", tag, patternForm, false})
	}
	for _, service := range s.Services {
		fields = append(fields, field{"a service", service.Name, nameForm, false}, field{"the directory of " + service.Name, service.Directory, pathForm, false})
	}
	for _, stage := range []Stage{s.Staging, s.Production} {
		fields = append(
			fields,
			field{"an environment", stage.Name, nameForm, false},
			field{"the deploy environment of " + stage.Name, stage.Deploy, nameForm, false},
			field{"the AWS region of " + stage.Name, stage.Region, regionForm, false},
			field{"the address of " + stage.Name, stage.URL, urlForm, true},
			field{"the address that integration tests of " + stage.Name + " begin at", stage.Base, urlForm, stage.Name != s.Staging.Name || s.IntegrationTests == ""},
		)
		for service, address := range stage.Addresses {
			fields = append(fields, field{"a service", service, nameForm, false}, field{"the address of " + service, address, urlForm, false})
		}
	}
	for _, f := range fields {
		switch {
		case f.value == "" && f.optional:
		case f.value == "":
			return fmt.Errorf("%s is not known", f.name)
		case !f.form.MatchString(f.value):
			return fmt.Errorf("%s cannot be %q in a workflow", f.name, f.value)
		}
	}
	if len(s.Services) == 0 {
		return fmt.Errorf("no service is known; a service is a directory with a Dockerfile")
	}
	if s.Production.Gate == s.Production.Deploy {
		return fmt.Errorf("the gate and the deploy environment of %s are both %s; GitHub would ask for approval for every wave of jobs", s.Production.Name, s.Production.Gate)
	}
	return nil
}
