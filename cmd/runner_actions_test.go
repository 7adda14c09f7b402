package cmd_test

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// action stands in for an action. What it does to the job or the world is done;
// what only looks, caches or uploads is named in the log and succeeds.
func (m *machine) action(step *sandbox.Step, run *actionlint.ExecAction, outputs map[string]string) error {
	name, _, pinned := strings.Cut(run.Uses.Value, "@")
	if !pinned {
		return fmt.Errorf("Can't find 'action.yml' for %s", run.Uses.Value)
	}
	with := map[string]string{}
	for key, input := range run.Inputs {
		with[key] = m.context.Expand(input.Value.Value)
	}
	perform, known := actions[name]
	if !known {
		return fmt.Errorf("the runner does not know the action %s", name)
	}
	if perform == nil {
		m.say(step, "not executed: "+name)
		return nil
	}
	return perform(m, step, with, outputs)
}

// actions are the actions that the templates use; those without a function have
// no effect that a test could look at.
var actions = map[string]func(m *machine, step *sandbox.Step, with, outputs map[string]string) error{
	"actions/cache":                         nil,
	"actions/checkout":                      (*machine).checkOut,
	"actions/setup-python":                  (*machine).python,
	"actions/upload-artifact":               (*machine).upload,
	"aquasecurity/tfsec-action":             (*machine).tfsec,
	"aquasecurity/trivy-action":             (*machine).scan,
	"aws-actions/amazon-ecr-login":          (*machine).logIn,
	"aws-actions/configure-aws-credentials": (*machine).credentials,
	"codecov/codecov-action":                (*machine).coverage,
	"docker/build-push-action":              (*machine).build,
	"docker/setup-buildx-action":            nil,
	"github/codeql-action/upload-sarif":     (*machine).findings,
	"hashicorp/setup-terraform":             nil,
}

// checkOut writes the files of the run's commit into the workspace.
func (m *machine) checkOut(_ *sandbox.Step, _, _ map[string]string) error {
	for path, content := range m.files {
		file := filepath.Join(m.workspace, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return err
		}
	}
	for _, arguments := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=r", "-c", "user.email=r@r", "commit", "-q", "-m", m.run.Title}} {
		git := exec.Command("git", arguments...) //nolint:gosec // the test's own words
		git.Dir, git.Env = m.workspace, append(os.Environ(), "HOME="+m.home, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := git.CombinedOutput(); err != nil {
			return fmt.Errorf("git: %w\n%s", err, out)
		}
	}
	return nil
}

// credentials hands the AWS credentials to the steps after it, as the action
// does: of a role where one is named, else of the keys it is given.
func (m *machine) credentials(_ *sandbox.Step, with, _ map[string]string) error {
	key, secret := with["aws-access-key-id"], with["aws-secret-access-key"]
	switch role := with["role-to-assume"]; {
	case role != "":
		id := m.job.Spec().Permissions
		if id == nil || id.Scopes["id-token"] == nil || id.Scopes["id-token"].Value.Value != "write" {
			return errors.New("It looks like you might be trying to authenticate with OIDC. Did you mean to set the `id-token` permission?")
		}
		session, err := m.assume(role, with["role-session-name"])
		if err != nil {
			return err
		}
		key, secret, m.env["AWS_SESSION_TOKEN"] = session.AccessKeyID, session.SecretAccessKey, session.SessionToken
	case key == "" || secret == "":
		return errors.New("Credentials could not be loaded, please check your action inputs: Could not load credentials from any providers")
	}
	if allowed := with["allowed-account-ids"]; allowed != "" && allowed != sandbox.Account {
		return fmt.Errorf("The account ID of the provided credentials (%s) does not match any of the expected account IDs", sandbox.Account)
	}
	m.env["AWS_ACCESS_KEY_ID"], m.env["AWS_SECRET_ACCESS_KEY"] = key, secret
	m.env["AWS_REGION"], m.env["AWS_DEFAULT_REGION"] = with["aws-region"], with["aws-region"]
	return nil
}

// awsSession are the credentials of a role.
type awsSession struct {
	AccessKeyID     string `xml:"AssumeRoleWithWebIdentityResult>Credentials>AccessKeyId"`
	SecretAccessKey string `xml:"AssumeRoleWithWebIdentityResult>Credentials>SecretAccessKey"`
	SessionToken    string `xml:"AssumeRoleWithWebIdentityResult>Credentials>SessionToken"`
}

// assume trades the job's identity token for the credentials of a role.
func (m *machine) assume(role, name string) (session awsSession, err error) {
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"},
		"RoleArn": {role}, "RoleSessionName": {name}, "WebIdentityToken": {"identity of job " + strconv.FormatInt(m.job.ID, 10)},
	}
	transport := m.world.Transport()
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	response, err := client.PostForm("http://aws.sandbox/", form)
	if err != nil {
		return session, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // it was read whole
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("Could not assume role with OIDC: %s", body)
	}
	if err == nil {
		err = xml.Unmarshal(body, &session)
	}
	_ = m.tools.heard("oidc " + role) // nobody makes it fail
	return session, err
}

// logIn lets docker push to the registry of the account.
func (m *machine) logIn(_ *sandbox.Step, _, outputs map[string]string) error {
	if m.env["AWS_ACCESS_KEY_ID"] == "" {
		return errors.New("Credentials could not be loaded")
	}
	m.registry = true
	outputs["registry"] = registryHost
	return nil
}

const registryHost = sandbox.Account + ".dkr.ecr." + sandbox.Region + ".amazonaws.com"

// build makes the images of a directory with a Dockerfile, in the local docker.
func (m *machine) build(step *sandbox.Step, with, _ map[string]string) error {
	if _, err := os.Stat(filepath.Join(m.workspace, with["context"], "Dockerfile")); err != nil {
		return fmt.Errorf("failed to read dockerfile: %w", err)
	}
	if with["load"] != "true" {
		return errors.New("the image was built and left nowhere")
	}
	if m.tools.heard("docker build " + with["context"]) {
		return errors.New("buildx failed with: ERROR: failed to solve")
	}
	for tag := range strings.Lines(with["tags"]) {
		m.built[strings.TrimSpace(tag)] = true
		m.say(step, "built "+strings.TrimSpace(tag))
	}
	return nil
}

// imageReference is an image by tag or digest.
var imageReference = regexp.MustCompile(`^` + regexp.QuoteMeta(registryHost) + `/(shop/[a-z-]+)[:@](.+)$`)

// scan leaves an empty report, and finds what the test planted ("trivy fs vuln")
// where it is told to look for it; an image has to be there to be looked at.
func (m *machine) scan(step *sandbox.Step, with, _ map[string]string) error {
	m.say(step, "not executed: aquasecurity/trivy-action, "+cmp.Or(with["image-ref"], with["scanners"]))
	if image := with["image-ref"]; image != "" && !m.built[image] && !m.stored(image) {
		return fmt.Errorf("unable to find the specified image %q", image)
	}
	if with["output"] != "" {
		if err := os.WriteFile(filepath.Join(m.workspace, with["output"]), []byte(`{"version":"2.1.0","runs":[]}`), 0o600); err != nil {
			return err
		}
	}
	if with["scan-type"] == "fs" && !exists(filepath.Join(m.workspace, ".github")) {
		return nil // there is nothing to look at
	}
	for scanner := range strings.SplitSeq(cmp.Or(with["scanners"], "vuln,secret"), ",") {
		found := m.tools.heard("trivy " + with["scan-type"] + " " + scanner)
		if found && with["exit-code"] == "1" && strings.Contains(with["severity"], "CRITICAL") {
			return errors.New("Process completed with exit code 1.")
		}
	}
	return nil
}

// python wants files to make the cache's key of, as the action does.
func (m *machine) python(_ *sandbox.Step, with, _ map[string]string) error {
	patterns := strings.Fields(with["cache-dependency-path"])
	if with["cache"] != "" && m.hashFiles(patterns) == "" {
		return fmt.Errorf("No file in %s matched to %v, make sure you have checked out the target repository", m.workspace, patterns)
	}
	return nil
}

// tfsec looks at a directory, and finds what the test planted.
func (m *machine) tfsec(_ *sandbox.Step, with, _ map[string]string) error {
	if !exists(filepath.Join(m.workspace, with["working_directory"])) {
		return fmt.Errorf("no such directory: %q", with["working_directory"])
	}
	if m.tools.heard("tfsec "+with["working_directory"]) && with["soft_fail"] == "" {
		return errors.New("Process completed with exit code 1.")
	}
	return nil
}

// findings takes a report that is there.
func (m *machine) findings(_ *sandbox.Step, with, _ map[string]string) error {
	if !exists(filepath.Join(m.workspace, with["sarif_file"])) {
		return fmt.Errorf("Path does not exist: %s", with["sarif_file"])
	}
	if m.tools.heard("upload-sarif " + with["category"]) {
		return errors.New("Code Security must be enabled for this repository to use code scanning.")
	}
	return nil
}

// stored says whether the registry has an image.
func (m *machine) stored(image string) bool {
	found := imageReference.FindStringSubmatch(image)
	if found == nil {
		return false
	}
	w := m.world.World()
	w.Lock()
	defer w.Unlock()
	return w.Cloud.Image(found[1], found[2]) != nil
}

// coverage wants a report that is there.
func (m *machine) coverage(_ *sandbox.Step, with, _ map[string]string) error {
	if !exists(filepath.Join(m.workspace, with["directory"], with["files"])) {
		return fmt.Errorf("No coverage reports found in %s", with["directory"])
	}
	_ = m.tools.heard("codecov " + with["flags"]) // it fails no job
	return nil
}

// upload keeps nothing, and says where there is nothing to keep.
func (m *machine) upload(step *sandbox.Step, with, _ map[string]string) error {
	_ = m.tools.heard("artifact " + with["name"]) // it fails no job
	m.say(step, "not executed: actions/upload-artifact, "+with["path"])
	if m.hashFiles([]string{with["path"]}) == "" {
		m.say(step, "##[warning]No files were found with the provided path: "+with["path"])
	}
	return nil
}
