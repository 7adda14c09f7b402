package cmd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// program finds another client; where it is missing, the test is skipped with
// the reason, or fails where the tests' machine has to have it.
func program(t testing.TB, name string, required bool) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case required:
		t.Fatalf("%s is not installed; .ci/run installs it", name)
	default:
		t.Skipf("%s is not installed", name)
	}
	return ""
}

// status is what our own status says, for comparison.
type status struct {
	Environments []struct {
		Name     string
		Services []struct {
			Name             string
			Desired, Running int
			TaskDefinition   string `json:"task_definition"`
		}
	}
	Runs []struct {
		ID                 int64
		Status, Conclusion string
		SHA                string
	}
	Approvals []struct {
		RunID      int64 `json:"run_id"`
		CanApprove bool  `json:"can_approve"`
	}
}

func (c *client) status() status {
	c.t.Helper()
	var s status
	decode(c.t, c.must(built(c.t), "status", "--json"), &s)
	return s
}

func decode(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}

// TestGh runs GitHub's own client, unmodified, in the sandbox.
func TestGh(t *testing.T) {
	t.Parallel()
	gh := program(t, "gh", true)
	w := startWorld(t, sandbox.Options{Scenario: "release", Speed: 200})
	c := newClient(t, w)
	ours := c.status()

	var list []struct {
		DatabaseID         int64  `json:"databaseId"`
		HeadSHA            string `json:"headSha"`
		Status, Conclusion string
	}
	decode(t, c.must(gh, "run", "list", "--limit", "20", "--json", "databaseId,headSha,status,conclusion"), &list)
	if len(list) != len(ours.Runs) {
		t.Fatalf("gh lists %d runs, we %d", len(list), len(ours.Runs))
	}
	for i, theirs := range list {
		if r := ours.Runs[i]; r.ID != theirs.DatabaseID || r.Status != theirs.Status || r.Conclusion != theirs.Conclusion || r.SHA != theirs.HeadSHA {
			t.Errorf("run %d: gh says %+v, we %+v", i, theirs, r)
		}
	}

	waiting := strconv.FormatInt(ours.Approvals[0].RunID, 10)
	if out := c.must(gh, "run", "view", waiting); !strings.Contains(out, "Approval") || !strings.Contains(out, "#") && !strings.Contains(out, waiting) {
		t.Errorf("gh run view %s: %s", waiting, out)
	}
	var pending []struct {
		Environment struct{ ID int64 }
		May         bool `json:"current_user_can_approve"`
	}
	path := "repos/acme/shop/actions/runs/" + waiting + "/pending_deployments"
	decode(t, c.must(gh, "api", path), &pending)
	if len(pending) != 1 || pending[0].May != ours.Approvals[0].CanApprove {
		t.Fatalf("pending deployments: %+v, and we say %+v", pending, ours.Approvals)
	}

	// gh starts a run and watches it move; what it saw end, we see ended.
	c.must(gh, "workflow", "run", "cd-staging.yml", "--ref", "develop")
	var started string
	eventually(t, 10*time.Second, "the run that was started is listed", func() (bool, string) {
		out := c.must(gh, "run", "list", "--workflow", "cd-staging.yml", "--limit", "1", "--json", "databaseId,status")
		found := regexp.MustCompile(`"databaseId":(\d+),"status":"(queued|in_progress|pending)"`).FindStringSubmatch(out)
		if found != nil {
			started = found[1]
		}
		return found != nil, out
	})
	if out := c.must(gh, "run", "watch", started, "--interval", "1", "--exit-status"); !strings.Contains(out, "* develop cd-staging") || !strings.Contains(out, "✓ develop cd-staging") {
		t.Errorf("gh run watch: %s", out)
	}
	if r := c.status().Runs[0]; strconv.FormatInt(r.ID, 10) != started || r.Conclusion != "success" {
		t.Errorf("gh saw %s succeed, we say %+v", started, r)
	}

	// gh approves; we see it gone.
	c.must(gh, "api", "-X", "POST", path, "-F", fmt.Sprintf("environment_ids[]=%d", pending[0].Environment.ID), "-f", "state=approved", "-f", "comment=go")
	if left := c.status().Approvals; len(left) != 0 {
		t.Errorf("after gh approved, we say that %+v waits", left)
	}
}

// TestAWS runs Amazon's own client, unmodified, in the sandbox.
func TestAWS(t *testing.T) {
	t.Parallel()
	aws := program(t, "aws", false)
	w := startWorld(t, sandbox.Options{Scenario: "calm", Speed: 60})
	c := newClient(t, w).with("HOME=" + os.Getenv("HOME")) // its own installation may live there
	ours := c.status().Environments[1].Services

	names := []string{}
	for _, s := range ours {
		names = append(names, s.Name)
	}
	var theirs struct {
		Services []struct {
			ServiceName                string
			DesiredCount, RunningCount int
			TaskDefinition             string
		}
	}
	describe := append([]string{"ecs", "describe-services", "--output", "json", "--cluster", "shop-production", "--services"}, names...)
	decode(t, c.must(aws, describe...), &theirs)
	if len(theirs.Services) != 6 {
		t.Fatalf("aws describes %d services", len(theirs.Services))
	}
	for i, s := range theirs.Services {
		if o := ours[i]; o.Name != s.ServiceName || o.Desired != s.DesiredCount || o.Running != s.RunningCount || o.TaskDefinition != s.TaskDefinition {
			t.Errorf("aws says %+v, we %+v", s, o)
		}
	}
	c.must(aws, "ecs", "wait", "services-stable", "--cluster", "shop-production", "--services", "orders")

	out := c.must(aws, "logs", "filter-log-events", "--output", "json", "--log-group-name", "/ecs/shop-production/orders", "--max-items", "5",
		"--start-time", strconv.FormatInt(time.Now().Add(-time.Minute).UnixMilli(), 10))
	var events struct{ Events []struct{ Message string } }
	decode(t, out, &events)
	if len(events.Events) == 0 {
		t.Fatal("aws finds no log events")
	}
	first := strings.TrimSpace(events.Events[0].Message)
	if lines := c.must(built(t), "logs", "--since", "2m", "--group", "/ecs/shop-production/orders"); !strings.Contains(lines, first) {
		t.Errorf("aws reads %q, we do not", first)
	}
}

// TestMoto runs the commands that need AWS alone against somebody else's AWS.
func TestMoto(t *testing.T) {
	t.Parallel()
	moto := program(t, "moto_server", false)
	address := startMoto(t, moto)
	dir := t.TempDir()
	c := &client{t: t, dir: dir, env: append(home(dir), "AWS_ENDPOINT_URL=http://"+address, "AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=test",
		"AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true")}
	ecs := func(operation, body string) {
		call(t, address, "ecs", "AmazonEC2ContainerServiceV20141113."+operation, body)
	}
	logs := func(operation, body string) { call(t, address, "logs", "Logs_20140328."+operation, body) }
	ecs("CreateCluster", `{"clusterName":"shop"}`)
	ecs("RegisterTaskDefinition", `{"family":"web","containerDefinitions":[{"name":"web","image":"nginx:1","memory":64,`+
		`"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"/ecs/shop/web","awslogs-region":"eu-central-1","awslogs-stream-prefix":"app"}}}]}`)
	ecs("CreateService", `{"cluster":"shop","serviceName":"web","taskDefinition":"web","desiredCount":2}`)
	logs("CreateLogGroup", `{"logGroupName":"/ecs/shop/web"}`)
	logs("CreateLogStream", `{"logGroupName":"/ecs/shop/web","logStreamName":"app/web/1"}`)
	put := func(message string) {
		logs("PutLogEvents", fmt.Sprintf(`{"logGroupName":"/ecs/shop/web","logStreamName":"app/web/1","logEvents":[{"timestamp":%d,"message":%q}]}`, time.Now().UnixMilli(), message))
	}
	put("the first line")

	var clusters []struct {
		Name     string
		Services []struct {
			Name    string
			Desired int
		}
	}
	decode(t, c.must(built(t), "services", "--cluster", "shop", "--json"), &clusters)
	if len(clusters) != 1 || clusters[0].Name != "shop" || len(clusters[0].Services) != 1 || clusters[0].Services[0].Name != "web" || clusters[0].Services[0].Desired != 2 {
		t.Fatalf("services of the cluster: %+v", clusters)
	}

	following := exec.Command(built(t), "logs", "--group", "/ecs/shop/web", "--follow")
	following.Env, following.Dir = c.env, c.dir
	lines := &safeBuffer{}
	following.Stdout, following.Stderr = lines, lines
	if err := following.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = following.Process.Kill() }) // it has ended, unless the test failed
	eventually(t, 15*time.Second, "the first line", func() (bool, string) {
		return strings.Contains(lines.String(), "the first line"), lines.String()
	})
	put("the second line")
	eventually(t, 15*time.Second, "the line that came later, and none twice", func() (bool, string) {
		return strings.Count(lines.String(), "the second line") == 1 && strings.Count(lines.String(), "\n") == 2, lines.String()
	})
	if err := following.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := following.Wait(); err != nil {
		t.Errorf("logs --follow, interrupted: %v\n%s", err, lines.String())
	}
}

// startMoto starts moto's server on a free port and waits until it answers.
func startMoto(t *testing.T, moto string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close() // so that moto can have the port
	_, port, _ := strings.Cut(address, ":")
	ctx, cancel := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, moto, "-H", "127.0.0.1", "-p", port)
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	server.WaitDelay = 5 * time.Second
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = server.Wait() // it was interrupted
	})
	eventually(t, 30*time.Second, "moto answers", func() (bool, string) {
		r, err := http.Get("http://" + address + "/moto-api/")
		if err != nil {
			return false, err.Error()
		}
		_ = r.Body.Close() // only that it answers matters
		return true, ""
	})
	return address
}

// call sends one awsJson request. Moto takes the service and the region from
// the signature's scope and does not check the rest.
func call(t *testing.T, address, service, target, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, (&url.URL{Scheme: "http", Host: address, Path: "/"}).String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	answered, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answered.Body.Close() }() // it was read
	if text, _ := io.ReadAll(answered.Body); answered.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", target, answered.Status, text)
	}
}

// TestExtension installs the program as an extension of gh, from a directory,
// and runs it as one.
func TestExtension(t *testing.T) {
	t.Parallel()
	gh := program(t, "gh", true)
	git := program(t, "git", true)
	w := startWorld(t, sandbox.Options{Scenario: "calm"})
	c := newClient(t, w)
	dir := filepath.Join(c.dir, "gh-deployctl")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(built(t), filepath.Join(dir, "gh-deployctl")); err != nil {
		if err := os.Symlink(built(t), filepath.Join(dir, "gh-deployctl")); err != nil {
			t.Fatal(err)
		}
	}
	c.must(git, "init", "-q", dir)
	in := &client{t: t, dir: dir, env: c.env}
	in.must(gh, "extension", "install", ".")
	if out := c.must(gh, "extension", "list"); !strings.Contains(out, "deployctl") {
		t.Errorf("gh extension list: %s", out)
	}
	if out := c.must(gh, "deployctl", "status"); !strings.Contains(out, "production  v1.42.0") {
		t.Errorf("gh deployctl status: %s", out)
	}
	if r := c.run(gh, "deployctl", "frobnicate"); r.code != 2 || !strings.Contains(r.stderr, "there is no command") {
		t.Errorf("gh deployctl frobnicate: exit %d, %s", r.code, r.stderr)
	}
}
