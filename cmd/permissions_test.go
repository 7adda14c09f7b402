package cmd_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// Access keys of people who may do no more than docs/permissions.md gives them.
const (
	watcherKey  = "AKIAWATCHER000000000"
	operatorKey = "AKIAOPERATOR00000000"
	workflowKey = "AKIAIOSFODNN7EXAMPLE" // the secret of the delivery test
)

// pagePolicies are the policies of docs/permissions.md for the sandbox's two
// clusters: what everybody reads with, the role of the workflows, its registry,
// and the operator where direct writes are allowed.
func pagePolicies(t testing.TB) (reads, workflows, operator []string) {
	t.Helper()
	page, err := os.ReadFile("../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 4 {
		t.Fatalf("docs/permissions.md has %d policies", len(blocks))
	}
	fill := func(i int) (out []string) {
		for _, cluster := range []string{"shop-staging", "shop-production"} {
			out = append(out, strings.NewReplacer(
				"REGION", sandbox.Region, "ACCOUNT", sandbox.Account, "CLUSTER", cluster, "REPOSITORY", "shop/*",
				"TASK_ROLE", cluster+"-*-task", "EXECUTION_ROLE", "ecs-execution", "BACKUP_BUCKET", "shop-backups",
			).Replace(blocks[i][1]))
		}
		return out
	}
	reads = fill(0)
	return reads, append(append(fill(1), fill(2)...), reads...), append(fill(3), reads...)
}

// pageToken are the permissions that the page gives a fine-grained token in the
// rows that begin so.
func pageToken(t testing.TB, rows ...string) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]string{}
	for _, row := range rows {
		m := regexp.MustCompile(`(?m)^\| ` + row + ` \| ([^|]+) \| (read|write)`).FindStringSubmatch(string(page))
		if m == nil {
			t.Fatalf("docs/permissions.md has no row %q", row)
		}
		for name := range strings.SplitSeq(m[1], ", ") {
			given[strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "commit ")] = m[2]
		}
	}
	return given
}

// TestPermissionsSuffice: with exactly what docs/permissions.md gives them, who
// watches sees everything and changes nothing, and an operator can also act.
// The sandbox refuses what is not given.
func TestPermissionsSuffice(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("commands run one after the other, in processes that the race detector does not see")
	}
	reads, works, operates := pagePolicies(t)
	watches := pageToken(t, "watching")
	acts := pageToken(t, "watching", "starting, .*", "approving .*", "holds, .*")
	w := startWorld(t, sandbox.Options{
		Scenario: "release", Speed: 600,
		Policies: map[string][]string{watcherKey: reads, operatorKey: operates, role + "production": works, role + "staging": reads},
		Tokens:   map[string]map[string]string{"watcher": watches, "operator": acts, "blind": {"metadata": "read"}},
	})
	anybody := newClient(t, w)
	watcher := anybody.with("GH_TOKEN=watcher", "AWS_ACCESS_KEY_ID="+watcherKey)
	operator := anybody.with("GH_TOKEN=operator", "AWS_ACCESS_KEY_ID="+operatorKey, "DEPLOYCTL_SPEED=60")

	everythingIsRead(t, watcher)
	for _, args := range [][]string{
		{"logs", "--since", "10m"},
		{"verify", "--environment", "production"},
		{"changes", "staging", "production"},
		{"metrics"},
		{"audit"},
		{"rollback", "--dry-run"},
	} {
		watcher.must(built(t), args...)
	}
	if r := watcher.run(built(t), "lock", "--reason", "looking at the data"); r.code != 4 || !strings.Contains(r.stderr, "contents=write") {
		t.Errorf("a lock without the right: exit %d, %s", r.code, r.stderr)
	}
	if r := anybody.with("GH_TOKEN=blind").run(built(t), "status"); r.code != 4 {
		t.Errorf("a token that may read nothing: exit %d, %s", r.code, r.stderr)
	}
	for _, f := range doctorLines(t, watcher) {
		if f.Check == "right" && f.State != "ok" && f.State != "untried" {
			t.Errorf("doctor: %s %s: %s", f.Check, f.Subject, f.Sentence)
		}
		if f.Subject == "workflows" && !strings.Contains(f.Sentence, "ecs:UpdateService") {
			t.Errorf("a watcher, who may not ask IAM, is told: %s", f.Sentence)
		}
	}
	simulated(t, anybody)

	direct := filepath.Join(t.TempDir(), "direct.yml")
	configuration := strings.TrimSpace(anybody.must("gh", "api", "repos/acme/shop/contents/.github/deployctl.yml", "-H", "Accept: application/vnd.github.raw"))
	if err := os.WriteFile(direct, []byte(strings.Replace(configuration, "direct_aws_writes: false", "direct_aws_writes: true", 1)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	operator.must(built(t), "lock", "--reason", "looking at the data")
	operator.must(built(t), "unlock", "--reason", "all is well again")
	if r := watcher.run(built(t), "rollback", "--direct", "--config", direct, "--reason", "orders answers 500", "--confirm", "ROLLBACK"); r.code == 0 {
		t.Error("who may only watch rolled back")
	}
	operator.must(built(t), "rollback", "--direct", "--config", direct, "--reason", "orders answers 500", "--confirm", "ROLLBACK")
}

// role begins the roles of the sandbox's workflows.
const role = "arn:aws:iam::" + sandbox.Account + ":role/deployctl-"

// simulated: where IAM may be asked, doctor says what the roles of the workflows
// may do, and names only what is left.
func simulated(t *testing.T, anybody *client) {
	t.Helper()
	for place, name := range map[string]string{"staging": "staging", "production-deploy": "production"} {
		anybody.must("gh", "api", "repos/acme/shop/environments/"+place+"/variables", "-f", "name=AWS_ROLE_ARN", "-f", "value="+role+name)
	}
	said := map[string]string{}
	for _, f := range doctorLines(t, anybody) {
		said[f.Subject+" "+f.State] += f.Sentence
	}
	for subject, want := range map[string]string{
		"workflows production ok":  "IAM allows deployctl-production .*ecs:RunTask, .*iam:PassRole, rds:CreateDBSnapshot",
		"workflows staging failed": "IAM does not allow deployctl-staging ecs:UpdateService on arn:aws:ecs:.*:service/shop-staging/.*iam:PassRole on ",
		"workflows untried":        "not tried, .*: rds:CreateDBClusterSnapshot, rds:AddTagsToResource, s3:PutObject, ecr:PutImage, ecr:UploadLayerPart$",
	} {
		if !regexp.MustCompile(want).MatchString(said[subject]) {
			t.Errorf("doctor, %s: %q, want %s", subject, said[subject], want)
		}
	}
	if bad := said["workflows production failed"]; bad != "" {
		t.Errorf("doctor: %s", bad)
	}
}

// everythingIsRead asks for a status of which no source lacks a right.
func everythingIsRead(t *testing.T, c *client) {
	t.Helper()
	var status struct {
		Sources []struct {
			Name, State string
			Error       *string
		}
	}
	if err := json.Unmarshal([]byte(c.must(built(t), "status", "--json")), &status); err != nil {
		t.Fatal(err)
	}
	for _, s := range status.Sources {
		if s.Error != nil {
			t.Errorf("%s: %s", s.Name, *s.Error)
		}
	}
	if len(status.Sources) < 10 {
		t.Errorf("only %d sources", len(status.Sources))
	}
}

type doctorLine struct{ Check, Subject, State, Sentence, Fix string }

// doctorLines are what doctor finds, whatever it ends with.
func doctorLines(t *testing.T, c *client) []doctorLine {
	t.Helper()
	var found []doctorLine
	r := c.run(built(t), "doctor", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &found); err != nil {
		t.Fatalf("%v: %s%s", err, r.stdout, r.stderr)
	}
	return found
}
