package cmd_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// tools are programs on the PATH of a runner's machines that ask the test what
// they do, so that a job needs nothing but a shell, jq and gh.
type tools struct {
	bin      string
	listener net.Listener
	program  string // ours, that gh is asked to download
	gh       string

	mu       sync.Mutex
	machines map[string]*machine
	calls    []string
	failing  map[string]bool // program and first argument: it exits 1
}

// The variables by which a tool finds the test and says on which machine it is.
const (
	toolsAddress = "TEST_TOOLS_PORT"
	toolsMachine = "TEST_TOOLS_MACHINE"
)

// client is the program behind every tool: it sends where and how it was
// called, and prints what comes back.
const toolScript = `#!/usr/bin/env bash
exec 3<>"/dev/tcp/127.0.0.1/$TEST_TOOLS_PORT" || exit 70
printf '%s\0' "$TEST_TOOLS_MACHINE" "$PWD" "${0##*/}" "${AWS_ACCESS_KEY_ID-}" "$@" $'\x04' >&3
IFS= read -r code <&3
if [[ $code == 0 ]]; then cat <&3; else cat <&3 >&2; fi
exit "$code"
`

// ghScript is gh itself but for the download of our release, which no simulated
// repository holds.
const ghScript = `#!/usr/bin/env bash
if [[ "$1 $2" == "release download" ]]; then exec "${0%/*}/gh-release" "$@"; fi
if [[ "$1 $2 $TEST_STEPS" == "deployctl step only" ]]; then exec "${0%/*}/gh-step" "${@:3}"; fi
exec "$TEST_TOOLS_GH" "$@"
`

// stepScript stands in for our own steps in tests that are about how they are
// called: it names the variables that have a value behind the arguments.
const stepScript = `#!/usr/bin/env bash
given=()
for name in ` + stepVariables + `; do if [[ -n "${!name}" ]]; then given+=("+$name"); fi; done
exec "${0%/*}/step" "$@" "${given[@]}"
`

const stepVariables = "GH_TOKEN GH_REPO AWS_ACCESS_KEY_ID BACKUP_S3_BUCKET DEPLOYCTL_VARIABLES DB_PASSWORD NEEDS SLACK_WEBHOOK_URL DEPLOYCTL_REQUEST_ID"

func newTools(r *runner) *tools {
	r.t.Helper()
	tools := &tools{
		bin: filepath.Join(r.dir, "bin"), program: built(r.t), gh: program(r.t, "gh", true), machines: map[string]*machine{}, failing: map[string]bool{},
	}
	if err := os.MkdirAll(tools.bin, 0o750); err != nil {
		r.t.Fatal(err)
	}
	scripts := map[string]string{"gh": strings.ReplaceAll(ghScript, "$TEST_TOOLS_GH", tools.gh), "gh-step": stepScript}
	for _, name := range []string{"aws", "docker", "terraform", "pip", "pytest", "gh-release", "step"} {
		scripts[name] = toolScript
	}
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(tools.bin, name), []byte(script), 0o700); err != nil { //nolint:gosec // a program
			r.t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	tools.listener = listener
	r.t.Cleanup(func() { _ = listener.Close() }) // nobody listens after the test
	go tools.serve()
	return tools
}

func (s *tools) address() string {
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	return port
}

func (s *tools) register(m *machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machines[fmt.Sprint(m.job.ID)] = m
}

// fails makes a program exit with an error from now on, given as in
// "terraform apply" or "pytest".
func (s *tools) fails(call string, does bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing[call] = does
}

// called counts the calls that begin so.
func (s *tools) called(prefix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, call := range s.calls {
		if strings.HasPrefix(call, prefix) {
			n++
		}
	}
	return n
}

// heard records a call, and says whether the test makes it fail.
func (s *tools) heard(call string) (fails bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	for prefix, does := range s.failing {
		fails = fails || does && strings.HasPrefix(call, prefix)
	}
	return fails
}

func (s *tools) serve() {
	for {
		connection, err := s.listener.Accept()
		if err != nil {
			return // the test has ended
		}
		go s.answer(connection)
	}
}

// toolCall is how a tool was called.
type toolCall struct {
	machine   *machine
	directory string
	name      string
	key       string // the AWS access key that it has
	args      []string
}

func (s *tools) answer(connection net.Conn) {
	defer func() { _ = connection.Close() }() // the tool reads to its end
	var fields []string
	for in := bufio.NewReader(connection); ; {
		field, err := in.ReadString(0)
		if err != nil {
			return // the tool was killed
		}
		if field = strings.TrimSuffix(field, "\x00"); field == "\x04" {
			break
		}
		fields = append(fields, field)
	}
	s.mu.Lock()
	call := toolCall{machine: s.machines[fields[0]], directory: fields[1], name: fields[2], key: fields[3], args: fields[4:]}
	s.mu.Unlock()
	text := strings.TrimSpace(call.name + " " + strings.Join(call.args, " "))
	if s.heard(text) {
		_, _ = io.WriteString(connection, "1\n"+text+" failed\n")
		return
	}
	out, err := s.perform(call)
	if err != nil {
		_, _ = io.WriteString(connection, "1\n"+err.Error()+"\n")
		return
	}
	_, _ = io.WriteString(connection, "0\n"+out)
}

// perform does what a tool does to its machine and the world.
func (s *tools) perform(c toolCall) (string, error) {
	switch c.name {
	case "gh-release":
		return "", s.download(c)
	case "aws":
		return c.aws()
	case "docker":
		return c.docker()
	case "pytest":
		if last := c.args[len(c.args)-1]; !strings.HasPrefix(last, "-") && !exists(filepath.Join(c.directory, last)) {
			return "", fmt.Errorf("ERROR: file or directory not found: %s", last)
		}
		for _, file := range []string{"coverage.xml", "junit.xml"} {
			if err := os.WriteFile(filepath.Join(c.directory, file), []byte("<xml/>\n"), 0o600); err != nil {
				return "", err
			}
		}
		return "214 passed\n", nil
	case "terraform":
		return c.terraform()
	case "step":
		return c.step()
	}
	return "", nil // pip installs nothing
}

// stepNeeds is what a step cannot do without, beside the extension itself.
var stepNeeds = map[string]string{
	"version": "GH_TOKEN GH_REPO checkout", "preflight": "GH_TOKEN GH_REPO", "prepare": "GH_TOKEN GH_REPO AWS_ACCESS_KEY_ID BACKUP_S3_BUCKET checkout",
	"migrate": "GH_TOKEN GH_REPO AWS_ACCESS_KEY_ID DEPLOYCTL_VARIABLES DB_PASSWORD checkout", "deploy": "GH_TOKEN GH_REPO AWS_ACCESS_KEY_ID DEPLOYCTL_VARIABLES DB_PASSWORD checkout",
	"verify": "GH_TOKEN GH_REPO AWS_ACCESS_KEY_ID checkout", "smoke": "GH_TOKEN GH_REPO AWS_ACCESS_KEY_ID checkout", "rollback": "GH_TOKEN GH_REPO AWS_ACCESS_KEY_ID checkout",
	"release": "GH_TOKEN GH_REPO", "notify": "GH_TOKEN GH_REPO NEEDS SLACK_WEBHOOK_URL",
}

// step stands in for a step of ours: it refuses without what the step needs.
func (c toolCall) step() (string, error) {
	needs, known := stepNeeds[c.args[0]]
	if !known {
		return "", fmt.Errorf("there is no step %s", c.args[0])
	}
	if !exists(filepath.Join(c.machine.home, ".local/share/gh/extensions/gh-deployctl/gh-deployctl")) {
		return "", fmt.Errorf("unknown command %q for %q", "deployctl", "gh")
	}
	for need := range strings.FieldsSeq(needs) {
		given := slices.Contains(c.args, "+"+need)
		if need == "checkout" {
			given = exists(filepath.Join(c.directory, ".github/deployctl.yml"))
		}
		if !given {
			return "", fmt.Errorf("step %s is called without %s", c.args[0], need)
		}
	}
	return "", nil
}

func (c toolCall) terraform() (string, error) {
	if directory := strings.TrimPrefix(c.args[0], "-chdir="); directory == c.args[0] && !exists(filepath.Join(c.directory, c.args[len(c.args)-1])) || directory != c.args[0] && !exists(filepath.Join(c.directory, directory)) {
		return "", fmt.Errorf("Error: No such directory: terraform %s", strings.Join(c.args, " "))
	}
	if !slices.Contains(c.args, "plan") && !slices.Contains(c.args, "apply") {
		return "Success!\n", nil
	}
	if c.key == "" {
		return "", fmt.Errorf("Error: No valid credential sources found")
	}
	plan := filepath.Join(c.directory, strings.TrimPrefix(c.args[0], "-chdir="), "tfplan")
	if slices.Contains(c.args, "plan") {
		return "No changes.\n", os.WriteFile(plan, nil, 0o600)
	}
	if !exists(plan) {
		return "", fmt.Errorf("Error: Failed to load %q as a plan file", plan)
	}
	return "Apply complete! Resources: 0 added, 0 changed, 0 destroyed.\n", nil
}

// download leaves our program where the release would be downloaded to.
func (s *tools) download(c toolCall) error {
	i := slices.Index(c.args, "--output")
	if i < 0 || i+1 >= len(c.args) {
		return fmt.Errorf("release download: no --output")
	}
	if got := strings.Join(c.args[:i], " "); got != "release download "+extensionVersion+" --repo "+extensionRepository+" --pattern *linux-amd64 --clobber" {
		return fmt.Errorf("release not found: gh %s", got)
	}
	return os.Link(s.program, c.args[i+1])
}

// The release that the workflows are told to install.
const (
	extensionRepository = "acme/gh-deployctl"
	extensionVersion    = "v1.2.3"
)

// aws is Amazon's client as far as the workflows use it: they look for images
// and tag them.
func (c toolCall) aws() (string, error) {
	if c.key == "" {
		return "", fmt.Errorf("Unable to locate credentials. You can configure credentials by running \"aws configure\".")
	}
	option := map[string]string{}
	for i := 2; i+1 < len(c.args); i += 2 {
		option[c.args[i]] = c.args[i+1]
	}
	repository, tag := option["--repository-name"], strings.TrimPrefix(option["--image-ids"], "imageTag=")
	w := c.machine.world.World()
	w.Lock()
	defer w.Unlock()
	image := w.Cloud.Image(repository, tag)
	switch call := strings.Join(c.args[:2], " "); {
	case call == "ecr batch-get-image" && image == nil:
		return `{"images": [], "failures": [{"failureCode": "ImageNotFound"}]}` + "\n", nil
	case call == "ecr batch-get-image":
		return fmt.Sprintf(`{"images": [{"imageId": {"imageDigest": %q}, "imageManifest": "{}"}], "failures": []}`+"\n", image.Digest), nil
	case call == "ecr describe-images" && image == nil:
		return "", fmt.Errorf("An error occurred (ImageNotFoundException) when calling the DescribeImages operation: The image with imageId {imageTag:'%s'} does not exist", tag)
	case call == "ecr describe-images":
		return image.Digest + "\n", nil
	case call == "ecr put-image":
		return "{}\n", c.tagImage(w, repository, option)
	}
	return "", fmt.Errorf("the test's aws does not know: %s", strings.Join(c.args, " "))
}

// tagImage gives an image of the registry one more tag; the world is locked.
func (c toolCall) tagImage(w *sandbox.World, repository string, option map[string]string) error {
	image, tag := w.Cloud.Image(repository, option["--image-digest"]), option["--image-tag"]
	manifest, err := os.ReadFile(filepath.Join(c.directory, strings.TrimPrefix(option["--image-manifest"], "file://")))
	switch {
	case err != nil || image == nil || string(manifest) != "{}":
		return fmt.Errorf("An error occurred (ImageDigestDoesNotMatchException) when calling the PutImage operation: %q", manifest)
	case slices.Contains(image.Tags, tag):
		return fmt.Errorf("An error occurred (ImageAlreadyExistsException) when calling the PutImage operation: Image with tag '%s' already exists", tag)
	}
	_, err = w.PushImage(strings.TrimPrefix(repository, "shop/"), c.machine.run.SHA, tag)
	return err
}

// docker pushes an image that was built on this machine.
func (c toolCall) docker() (string, error) {
	if len(c.args) != 2 || c.args[0] != "push" {
		return "", fmt.Errorf("the test's docker does not know: %s", strings.Join(c.args, " "))
	}
	image := imageReference.FindStringSubmatch(c.args[1])
	switch {
	case image == nil || !c.machine.built[c.args[1]]:
		return "", fmt.Errorf("An image does not exist locally with the tag: %s", c.args[1])
	case !c.machine.registry:
		return "", fmt.Errorf("no basic auth credentials")
	}
	w := c.machine.world.World()
	w.Lock()
	defer w.Unlock()
	digest, err := w.PushImage(strings.TrimPrefix(image[1], "shop/"), c.machine.run.SHA, image[2])
	return "digest: " + digest + "\n", err
}
