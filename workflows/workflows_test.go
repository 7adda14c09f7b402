package workflows

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v4"
)

// shop is a system with everything.
func shop() System {
	return System{
		DefaultBranch: "main", StagingBranch: "develop", Tags: []string{"v*"},
		Services: []Service{
			{Name: "api-gateway", Directory: "services/api-gateway", Python: true},
			{Name: "orders", Directory: "services/orders", Python: true},
			{Name: "frontend", Directory: "frontend"},
		},
		ImagePrefix: "shop/", Terraform: "infrastructure", IntegrationTests: "tests/integration",
		Staging:    Stage{Name: "staging", Deploy: "staging", Region: "eu-central-1", URL: "https://staging.example.com", Base: "https://staging.example.com", Addresses: map[string]string{"orders": "https://staging.example.com/orders"}, Migration: true},
		Production: Stage{Name: "production", Gate: "production", Deploy: "production-deploy", Region: "eu-central-1", URL: "https://example.com", Migration: true},
		Extension:  Extension{Repository: "acme/gh-deployctl", Version: "v1.2.3", SHA256: strings.Repeat("ab", 32)},
	}
}

// systems are renderings with and without each optional part.
func systems() map[string]System {
	bare := shop()
	bare.Terraform, bare.IntegrationTests, bare.ImagePrefix = "", "", ""
	bare.Staging.Migration, bare.Production.Migration = false, false
	bare.Staging.URL, bare.Production.URL = "", ""
	bare.Services = bare.Services[2:]
	bare.Extension = Extension{}
	flat := shop()
	flat.Terraform = ""
	odd := shop()
	odd.DefaultBranch, odd.StagingBranch = "trunk", "trunk"
	odd.Production.Name, odd.Production.Gate, odd.Production.Deploy = "live", "live-gate", "live"
	odd.Tags = []string{"v[0-9]*", "release-*"}
	odd.Staging.Migration = false
	return map[string]System{"whole": shop(), "bare": bare, "flat": flat, "odd": odd}
}

func render(t *testing.T, s System) map[string][]byte {
	t.Helper()
	files, err := Render(s)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		out[f.Name] = f.Content
	}
	return out
}

// forAll runs a test on every workflow of every system.
func forAll(t *testing.T, test func(t *testing.T, s System, name string, content []byte)) {
	t.Helper()
	for title, s := range systems() {
		for name, content := range render(t, s) {
			t.Run(title+"/"+name, func(t *testing.T) { test(t, s, name, content) })
		}
	}
}

func TestActionlint(t *testing.T) {
	forAll(t, func(t *testing.T, _ System, name string, content []byte) {
		linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		problems, err := linter.Lint(name, content, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("%s:%d:%d: %s", name, p.Line, p.Column, p.Message)
		}
	})
}

// workflow is what the structural tests read of a file.
type workflow struct {
	On          map[string]any
	Permissions permissions
	Concurrency struct {
		Group  string
		Cancel string `yaml:"cancel-in-progress"`
	}
	RunName string `yaml:"run-name"`
	Env     map[string]string
	Jobs    map[string]job
}

type job struct {
	Name        string
	Needs       any
	If          string
	Environment any
	Permissions *permissions
	Timeout     int `yaml:"timeout-minutes"`
	Env         map[string]string
	Steps       []step
}

type step struct {
	Name, If, Uses, Run string
	With, Env           map[string]string
	Tolerated           bool `yaml:"continue-on-error"`
}

type permissions map[string]string

func (j job) needs() []string {
	switch v := j.Needs.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, n := range v {
			out = append(out, n.(string))
		}
		return out
	}
	return nil
}

func (j job) environment() string {
	switch v := j.Environment.(type) {
	case string:
		return v
	case map[string]any:
		return v["name"].(string)
	}
	return ""
}

func parse(t *testing.T, content []byte) workflow {
	t.Helper()
	var w workflow
	if err := yaml.Unmarshal(content, &w); err != nil {
		t.Fatal(err)
	}
	if len(w.Jobs) == 0 {
		t.Fatal("no jobs")
	}
	return w
}

// The reviewers are told that an approval is wanted before the gate asks, and a
// message that is lost does not keep the gate shut.
func TestTheApprovalIsAnnounced(t *testing.T) {
	forAll(t, func(t *testing.T, s System, name string, content []byte) {
		w := parse(t, content)
		for id, j := range w.Jobs {
			if name != Production || j.environment() != s.Production.Gate {
				continue
			}
			told := slices.ContainsFunc(j.needs(), func(need string) bool {
				return slices.ContainsFunc(w.Jobs[need].Steps, func(step step) bool {
					return strings.HasPrefix(step.Run, "gh deployctl step notify --environment "+s.Production.Name+" --occasion approval") &&
						step.Tolerated && step.Env["NEEDS"] == "${{ toJSON(needs) }}" && step.Env["SLACK_WEBHOOK_URL"] == "${{ secrets.SLACK_WEBHOOK_URL }}"
				})
			})
			if !told {
				t.Errorf("nobody hears that %s waits", id)
			}
		}
	})
}

// credentials are the names by which a job holds something worth stealing.
var credentials = regexp.MustCompile(`secrets\.|vars\.AWS_ROLE_ARN|id-token: write`)

func TestOneJobNamesTheGate(t *testing.T) {
	for title, s := range systems() {
		gated := []string{}
		for name, content := range render(t, s) {
			for id, j := range parse(t, content).Jobs {
				if j.environment() == s.Production.Gate {
					gated = append(gated, name+" "+id)
				}
			}
		}
		if !slices.Equal(gated, []string{"cd-production.yml approval"}) {
			t.Errorf("%s: %v name the gate environment", title, gated)
		}
	}
}

func TestJobsWithCredentialsNameTheDeployEnvironment(t *testing.T) {
	forAll(t, func(t *testing.T, s System, name string, content []byte) {
		want := map[string]string{Staging: s.Staging.Deploy, Production: s.Production.Deploy, Rollback: s.Production.Deploy}[name]
		for id, j := range parse(t, content).Jobs {
			text, err := yaml.Marshal(j)
			if err != nil {
				t.Fatal(err)
			}
			if credentials.Match(text) && j.environment() != want {
				t.Errorf("%s holds credentials and names the environment %q, not %q", id, j.environment(), want)
			}
		}
	})
}

// Every job with AWS credentials can get them from OIDC, and falls back to the
// access keys only where no role is set; a job may ask for an identity token only
// for that.
func TestCredentialsPreferOIDC(t *testing.T) {
	want := map[string]string{
		"role-to-assume":        "${{ vars.AWS_ROLE_ARN }}",
		"role-session-name":     "deployctl-${{ github.run_id }}-${{ github.run_attempt }}",
		"aws-access-key-id":     "${{ !vars.AWS_ROLE_ARN && secrets.AWS_ACCESS_KEY_ID || '' }}",
		"aws-secret-access-key": "${{ !vars.AWS_ROLE_ARN && secrets.AWS_SECRET_ACCESS_KEY || '' }}",
		"allowed-account-ids":   "${{ secrets.AWS_ACCOUNT_ID }}",
		"aws-region":            "eu-central-1",
	}
	forAll(t, func(t *testing.T, _ System, _ string, content []byte) {
		for id, j := range parse(t, content).Jobs {
			asks := 0
			for _, s := range j.Steps {
				if !strings.HasPrefix(s.Uses, "aws-actions/configure-aws-credentials@") {
					continue
				}
				if asks++; !maps.Equal(s.With, want) {
					t.Errorf("%s asks for credentials with %v", id, s.With)
				}
			}
			token := j.Permissions != nil && (*j.Permissions)["id-token"] == "write"
			if asks > 1 || token != (asks == 1) {
				t.Errorf("%s asks %d times for credentials, and may ask for an identity token: %v", id, asks, token)
			}
		}
	})
}

func TestNothingChangesBeforeTheApproval(t *testing.T) {
	w := parse(t, render(t, shop())[Production])
	before := ancestors(w, "approval")
	for id, j := range w.Jobs {
		if j.environment() == "production-deploy" && id != "notify" && id != "announce" && !slices.Contains(ancestors(w, id), "approval") {
			t.Errorf("%s does not wait for the approval", id)
		}
		if !slices.Contains(before, id) || j.Permissions == nil {
			continue
		}
		for scope, level := range *j.Permissions {
			if level != "read" {
				t.Errorf("%s may %s %s before the approval", id, level, scope)
			}
		}
	}
	if p := w.Jobs["approval"].Permissions; p == nil || len(*p) != 0 {
		t.Errorf("the gate holds permissions %v", p)
	}
}

func ancestors(w workflow, id string) []string {
	var out []string
	for _, n := range w.Jobs[id].needs() {
		out = append(append(out, n), ancestors(w, n)...)
	}
	return out
}

func TestLeastPermissions(t *testing.T) {
	allowed := map[string][]string{
		CI:         {"scan security-events", "build id-token", "build security-events"},
		Staging:    {"prepare contents", "prepare deployments", "prepare id-token", "migrate deployments", "migrate id-token", "terraform id-token", "deploy contents", "deploy deployments", "deploy id-token", "verify contents", "verify deployments", "verify id-token", "notify contents", "notify deployments"},
		Production: {"scan id-token", "prepare contents", "prepare deployments", "prepare id-token", "migrate deployments", "migrate id-token", "deploy contents", "deploy deployments", "deploy id-token", "verify contents", "verify deployments", "verify id-token", "release contents", "notify contents", "notify deployments"},
		Rollback:   {"feasibility id-token", "rollback contents", "rollback deployments", "rollback id-token", "verify contents", "verify deployments", "verify id-token", "notify contents", "notify deployments"},
	}
	for name, content := range render(t, shop()) {
		w := parse(t, content)
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
			t.Errorf("%s: the workflow's own permissions are %v", name, w.Permissions)
		}
		got := []string{}
		for id, j := range w.Jobs {
			if j.Permissions == nil {
				continue
			}
			for scope, level := range *j.Permissions {
				if level == "write" {
					got = append(got, id+" "+scope)
				}
			}
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(allowed[name]))
		if !slices.Equal(got, want) {
			t.Errorf("%s: jobs may write\n%v, want\n%v", name, got, want)
		}
	}
}

func TestConcurrency(t *testing.T) {
	files := render(t, shop())
	seen := map[string]string{}
	for _, name := range Names() {
		w := parse(t, files[name])
		if w.Concurrency.Group == "" {
			t.Errorf("%s has no concurrency group", name)
		}
		if other, taken := seen[w.Concurrency.Group]; taken {
			t.Errorf("%s and %s share a group", name, other)
		}
		seen[w.Concurrency.Group] = name
		if name != CI && w.Concurrency.Cancel != "false" {
			t.Errorf("%s cancels what is in progress: %s", name, w.Concurrency.Cancel)
		}
	}
}

func TestEveryJobEnds(t *testing.T) {
	forAll(t, func(t *testing.T, _ System, _ string, content []byte) {
		for id, j := range parse(t, content).Jobs {
			if j.Timeout < 1 || j.Timeout > 60 {
				t.Errorf("%s ends after %d minutes", id, j.Timeout)
			}
		}
	})
}

func TestActionsArePinned(t *testing.T) {
	used := map[string]bool{}
	form := regexp.MustCompile(`uses: ([a-z/-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$`)
	forAll(t, func(t *testing.T, _ System, _ string, content []byte) {
		for line := range bytes.Lines(content) {
			if !bytes.Contains(line, []byte("uses:")) {
				continue
			}
			m := form.FindStringSubmatch(strings.TrimSpace(string(line)))
			if m == nil {
				t.Errorf("not pinned by commit with its release: %s", line)
				continue
			}
			if p := actions[m[1]]; p.commit != m[2] || p.version != m[3] {
				t.Errorf("%s is %s %s here and %+v in the list", m[1], m[3], m[2], p)
			}
			used[m[1]] = true
		}
	})
	for name := range actions {
		if !used[name] {
			t.Errorf("no workflow uses %s", name)
		}
	}
}

// TestNoSecretInAShell: secrets and texts that others write reach a shell as
// variables, never as part of the script, and no script prints a secret.
func TestNoSecretInAShell(t *testing.T) {
	prints := regexp.MustCompile(`(?m)(echo|printf|cat)[^\n]*\$\{?([A-Z_]+)`)
	forAll(t, func(t *testing.T, _ System, _ string, content []byte) {
		for id, j := range parse(t, content).Jobs {
			for _, s := range j.Steps {
				if strings.Contains(s.Run, "${{") {
					t.Errorf("%s, %q: an expression in a script: %s", id, s.Name, s.Run)
				}
				for _, m := range prints.FindAllStringSubmatch(s.Run, -1) {
					if strings.Contains(s.Env[m[2]]+j.Env[m[2]], "secrets.") || strings.Contains(s.Env[m[2]]+j.Env[m[2]], "github.token") {
						t.Errorf("%s, %q prints %s", id, s.Name, m[2])
					}
				}
			}
		}
	})
}

// The migration runs with the settings that the services are deployed with.
func TestMigrationAndDeploymentRenderTheSame(t *testing.T) {
	forAll(t, func(t *testing.T, _ System, name string, content []byte) {
		w := parse(t, content)
		deployment := w.Jobs["deploy"]
		if len(deployment.Steps) == 0 {
			return
		}
		want := deployment.Steps[len(deployment.Steps)-1].Env
		for _, key := range append(ApplicationSecrets(), "DEPLOYCTL_VARIABLES") {
			if want[key] == "" {
				t.Errorf("%s: step deploy has no %s", name, key)
			}
		}
		if migration := w.Jobs["migrate"]; len(migration.Steps) > 0 && !maps.Equal(migration.Steps[len(migration.Steps)-1].Env, want) {
			t.Errorf("%s: step migrate has other settings than step deploy", name)
		}
	})
}

func TestRunNameEndsInTheRequest(t *testing.T) {
	for name, content := range render(t, shop()) {
		w := parse(t, content)
		dispatch, _ := w.On["workflow_dispatch"].(map[string]any)
		if name == CI {
			continue
		}
		inputs, _ := dispatch["inputs"].(map[string]any)
		if _, ok := inputs["request_id"]; !ok {
			t.Errorf("%s takes no request_id", name)
		}
		if !strings.Contains(w.RunName, "format(' [req {0}]', inputs.request_id)") {
			t.Errorf("%s: run-name %s", name, w.RunName)
		}
	}
}

// The jobs that install a release may read it where it lies in the repository
// itself, which may be private: with the job's own token, and contents: read.
func TestInstallReadsItsOwnRepository(t *testing.T) {
	installs := 0
	forAll(t, func(t *testing.T, _ System, _ string, content []byte) {
		w := parse(t, content)
		for id, j := range w.Jobs {
			if !slices.ContainsFunc(j.Steps, func(s step) bool { return strings.Contains(s.Run, "gh release download") }) {
				continue
			}
			installs++
			granted := w.Permissions
			if j.Permissions != nil {
				granted = *j.Permissions
			}
			if granted["contents"] != "read" && granted["contents"] != "write" || j.Env["GH_TOKEN"] != "${{ github.token }}" {
				t.Errorf("%s cannot read a release of its own repository: contents %q, token %q", id, granted["contents"], j.Env["GH_TOKEN"])
			}
		}
	})
	if installs == 0 {
		t.Error("no job installs anything")
	}
}

func TestInstallWithoutAPinFailsLoudly(t *testing.T) {
	s := shop()
	s.Extension = Extension{}
	for name, content := range render(t, s) {
		w := parse(t, content)
		if w.Env["DEPLOYCTL_EXTENSION"] != "" || w.Env["DEPLOYCTL_SHA256"] != "" {
			t.Errorf("%s: %v", name, w.Env)
		}
	}
	forAll(t, func(t *testing.T, _ System, _ string, content []byte) {
		for id, j := range parse(t, content).Jobs {
			installed := false
			for _, s := range j.Steps {
				if strings.Contains(s.Run, "gh release download") {
					installed = true
					for _, part := range []string{`[ -z "$DEPLOYCTL_EXTENSION" ]`, `[ -z "$DEPLOYCTL_SHA256" ]`, "exit 1", "sha256sum --check --strict", "gh deployctl init --extension"} {
						if !strings.Contains(s.Run, part) {
							t.Errorf("%s installs without %s", id, part)
						}
					}
				}
				if strings.HasPrefix(s.Run, "gh deployctl ") && !installed {
					t.Errorf("%s calls gh deployctl before it is installed", id)
				}
			}
		}
	})
}

func TestRenderRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*System){
		"the default branch is not known":         func(s *System) { s.DefaultBranch = "" },
		"the staging branch cannot be":            func(s *System) { s.StagingBranch = "x]\n" },
		"a service cannot be":                     func(s *System) { s.Services[0].Name = "${{ secrets.X }}" },
		"the directory of orders cannot be":       func(s *System) { s.Services[1].Directory = "$(id)" },
		"no service is known":                     func(s *System) { s.Services = nil },
		"the AWS region of staging cannot be":     func(s *System) { s.Staging.Region = "moon" },
		"the extension's version is not known":    func(s *System) { s.Extension.Version = "" },
		"the extension's SHA-256 cannot be":       func(s *System) { s.Extension.SHA256 = "abc" },
		"GitHub would ask for approval for every": func(s *System) { s.Production.Deploy = s.Production.Gate },
		"a tag pattern cannot be":                 func(s *System) { s.Tags = []string{"v* ]"} },
		"integration tests of staging begin at":   func(s *System) { s.Staging.Base = "" },
		"the address of orders cannot be":         func(s *System) { s.Staging.Addresses["orders"] = `"` },
		"the address of production cannot be":     func(s *System) { s.Production.URL = "https://x/${{ secrets.A }}" },
	} {
		s := shop()
		spoil(&s)
		if _, err := Render(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func Example() {
	files, err := Render(shop())
	if err != nil {
		fmt.Println(err)
	}
	for _, f := range files {
		fmt.Println(f.Name, VersionOf(f.Content))
	}
	// Output:
	// ci.yml 3
	// cd-staging.yml 3
	// cd-production.yml 3
	// rollback.yml 3
}
