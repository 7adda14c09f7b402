package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/nacl/box"
)

// What somebody reading only the API finds in the repository's history.
func TestHistory(t *testing.T) {
	c := reader(t)
	if n := int(numberOf(c.get("actions/runs").at("total_count"))); n < 180 || n > 220 {
		t.Errorf("%d runs, want about 200", n)
	}
	rollouts := slices.Concat(c.get("deployments?task=deployctl&environment=production&per_page=100").list(""),
		c.get("deployments?task=deployctl&environment=staging&per_page=100").list(""))
	if len(rollouts) < 35 || len(rollouts) > 65 {
		t.Errorf("%d rollouts, want about 40 to 60", len(rollouts))
	}
	rollbacks := 0
	for _, d := range rollouts {
		if property(property(d, "payload"), "kind") == "rollback" {
			rollbacks++
		}
	}
	if rollbacks != 1 {
		t.Errorf("%d rollbacks, want the one of v1.41.2", rollbacks)
	}
	merges := 0
	for _, commit := range c.get("commits?sha=main&per_page=100").list("") {
		if len(elements(property(commit, "parents"))) == 2 {
			merges++
		}
	}
	if merges < 15 {
		t.Errorf("%d merge commits on main", merges)
	}
	if n := int(numberOf(c.get("actions/workflows/cd-production.yml/runs?status=cancelled").at("total_count"))); n != 2 {
		t.Errorf("%d cancelled production runs, want the abandoned and the superseded one", n)
	}
	compare := c.get("compare/v1.41.3...v1.42.0")
	if compare.string("status") != "ahead" || !strings.Contains(compare.text, "migrations/0057_order_coupon.py") {
		t.Errorf("compare: %s, want ahead with a migration", compare.string("status"))
	}
	raw := c.send(http.MethodGet, "contents/services/orders/orders/migrations/0057_order_coupon.py?ref=v1.42.0", nil, "Accept", "application/vnd.github.raw+json")
	if !strings.Contains(raw.text, "migrations.AddField(model_name=\"order\", name=\"coupon\"") {
		t.Errorf("migration: %s", raw.text)
	}
}

// develop and main have other commits with the same tree, and the images of
// one digest carry both SHAs.
func TestSameTreeSameImages(t *testing.T) {
	c := reader(t)
	develop, main := c.get("branches/develop"), c.get("branches/main")
	a, b := develop.string("commit.sha"), main.string("commit.sha")
	if a == b || develop.string("commit.commit.tree.sha") != main.string("commit.commit.tree.sha") {
		t.Errorf("develop %s and main %s should be two commits of one tree", a, b)
	}
	c.s.world.Lock()
	defer c.s.world.Unlock()
	for _, s := range services {
		if one, two := c.s.world.Cloud.Image("shop/"+s.name, a), c.s.world.Cloud.Image("shop/"+s.name, b); one == nil || one != two {
			t.Errorf("%s: the two commits have other images", s.name)
		}
	}
}

// readable are paths of GETs, one of each kind.
func readable(c *client) []string {
	run := c.get("actions/runs?event=push&status=success&per_page=1").string("workflow_runs.0.id")
	job := c.get("actions/runs/" + run + "/jobs").string("jobs.0.id")
	sha := c.get("branches/main").string("commit.sha")
	deployment := c.get("deployments?task=deployctl").string("0.id")
	return []string{
		"/user", "/users/bob", "", "collaborators/alice/permission", "actions/workflows", "actions/workflows/ci.yml",
		"contents/README.md", "contents/.github/workflows", "contents/.github/deployctl.yml?ref=develop", "readme", "branches", "branches/main", "tags",
		"git/ref/heads/main", "git/matching-refs/tags/v1", "git/commits/" + sha, "git/trees/" + sha + "?recursive=1",
		"commits?sha=develop&path=services/orders", "commits/" + sha, "commits/" + sha + "/pulls", "compare/develop...main",
		"commits/" + sha + "/status", "commits/" + sha + "/check-runs", "commits/" + sha + "/check-suites", "check-runs/" + job, "check-runs/" + job + "/annotations",
		"actions/runs", "actions/runs/" + run, "actions/runs/" + run + "/attempts/1", "actions/runs/" + run + "/jobs?filter=all",
		"actions/runs/" + run + "/attempts/1/jobs", "actions/jobs/" + job, "actions/runs/" + run + "/artifacts", "actions/runs/" + run + "/timing",
		"actions/runs/" + run + "/approvals", "actions/runs/" + run + "/pending_deployments", "actions/runs/" + run + "/concurrency_groups",
		"environments", "environments/production", "environments/production/deployment-branch-policies", "environments/production/deployment_protection_rules",
		"deployments", "deployments/" + deployment, "deployments/" + deployment + "/statuses", "releases", "releases/latest", "releases/tags/v1.41.3",
		"actions/secrets", "actions/secrets/public-key", "actions/variables", "environments/production-deploy/secrets", "environments/production-deploy/variables",
	}
}

// Every GET has an ETag; asking again with it gives a 304 that costs nothing.
func TestConditionalRequests(t *testing.T) {
	inBubble(t, Options{Scenario: "calm", Young: true}, func(c *client) {
		for _, path := range readable(c) {
			if path == "" {
				path = "/repos/acme/shop"
			}
			first := c.get(path)
			tag := first.header.Get("ETag")
			if tag == "" {
				t.Errorf("%s has no ETag", path)
				continue
			}
			time.Sleep(30 * time.Second)
			again := c.send(http.MethodGet, path, nil, "If-None-Match", tag)
			if again.status != http.StatusNotModified || again.text != "" {
				t.Errorf("%s: %d although nothing moves", path, again.status)
			}
			if used := again.header.Get("X-RateLimit-Used"); used != first.header.Get("X-RateLimit-Used") {
				t.Errorf("%s: a 304 was counted (%s, then %s)", path, first.header.Get("X-RateLimit-Used"), used)
			}
		}
		counts := c.s.Counts()
		if counts.GitHubSent-counts.GitHubCounted != counts.GitHubByStatus[http.StatusNotModified] {
			t.Errorf("counts: %+v", counts)
		}
	})
}

// An ETag changes when the body does.
func TestETagFollowsTheBody(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "release", Speed: 10}, func(c *client) {
		run := c.waitingRun()
		path := "actions/runs/" + run + "/pending_deployments"
		before := c.get(path)
		c.approve(run)
		after := c.send(http.MethodGet, path, nil, "If-None-Match", before.header.Get("ETag"))
		if after.status != http.StatusOK || after.text == before.text {
			t.Errorf("after the approval: %d %s", after.status, after.text)
		}
	})
}

// nextLink finds the next page's address.
var nextLink = regexp.MustCompile(`<([^>]+)>; rel="next"`)

// Following Link headers visits every run once.
func TestPaging(t *testing.T) {
	c := reader(t)
	seen := map[string]bool{}
	path := "actions/runs?per_page=40&created=>2000-01-01"
	total := 0
	for path != "" {
		out := c.get(path)
		total = int(numberOf(out.at("total_count")))
		for i := range out.list("workflow_runs") {
			id := out.string(fmt.Sprintf("workflow_runs.%d.id", i))
			if seen[id] {
				t.Fatalf("run %s is on two pages", id)
			}
			seen[id] = true
		}
		path = ""
		if found := nextLink.FindStringSubmatch(out.header.Get("Link")); found != nil {
			path = found[1]
		}
	}
	if len(seen) != total || total < 100 {
		t.Errorf("%d of %d runs seen", len(seen), total)
	}
	if n := len(c.get("actions/runs?per_page=500").list("workflow_runs")); n != 100 {
		t.Errorf("per_page=500 gave %d runs, want 100", n)
	}
}

func TestRunFilters(t *testing.T) {
	c := reader(t)
	all := int(numberOf(c.get("actions/runs").at("total_count")))
	newest := c.get("actions/runs?per_page=1").string("workflow_runs.0.created_at")
	for _, filter := range []string{
		"branch=develop", "event=workflow_dispatch", "status=failure", "actor=bob", "event=pull_request",
		"created=" + newest[:10] + ".." + newest[:10], "created=>=" + newest, "head_sha=" + c.get("branches/main").string("commit.sha"),
	} {
		n := int(numberOf(c.get("actions/runs?" + filter).at("total_count")))
		if n == 0 || n == all {
			t.Errorf("%s: %d of %d runs", filter, n, all)
		}
	}
	before := int(numberOf(c.get("actions/runs?created=<" + newest).at("total_count")))
	since := int(numberOf(c.get("actions/runs?created=>=" + newest).at("total_count")))
	if before+since != all {
		t.Errorf("%d before and %d since %s make not %d", before, since, newest, all)
	}
}

func TestRefusals(t *testing.T) {
	c := reader(t)
	finished := c.get("actions/runs?status=success&per_page=1").string("workflow_runs.0.id")
	old := c.get("actions/runs?status=success&per_page=100&page=2").string("workflow_runs.50.id")
	dispatch := func(file string, body object) answered {
		return c.send(http.MethodPost, "actions/workflows/"+file+"/dispatches", body)
	}
	inputs := object{"deployment_id": "1", "reason": "ten letters", "confirm": "ROLLBACK"}
	for name, test := range map[string]struct {
		out     answered
		status  int
		message string
	}{
		"unknown path":       {c.send("GET", "nowhere", nil), 404, "Not Found"},
		"unknown repository": {c.send("GET", "/repos/acme/other", nil), 404, "Not Found"},
		"unknown run":        {c.send("GET", "actions/runs/1", nil), 404, "Not Found"},
		"unknown workflow":   {dispatch("nope.yml", object{"ref": "main"}), 404, "Not Found"},
		"no ref":             {dispatch("rollback.yml", object{}), 422, "ref"},
		"unknown ref":        {dispatch("rollback.yml", object{"ref": "nope"}), 422, "No ref found for: nope"},
		"no trigger":         {dispatch("ci.yml", object{"ref": "main"}), 422, "Workflow does not have 'workflow_dispatch' trigger"},
		"unexpected input":   {dispatch("cd-staging.yml", object{"ref": "main", "inputs": object{"foo": "1"}}), 422, `Unexpected inputs provided: ["foo"]`},
		"missing input":      {dispatch("rollback.yml", object{"ref": "main", "inputs": object{"reason": "x"}}), 422, "Required input 'confirm' not provided"},
		"wrong choice":       {dispatch("cd-staging.yml", object{"ref": "main", "inputs": object{"strategy": "yolo"}}), 422, "not in the list of allowed values"},
		"not a string":       {dispatch("cd-staging.yml", object{"ref": "main", "inputs": object{"run_smoke": true}}), 422, "is not a string"},
		"cancel a finished":  {c.send("POST", "actions/runs/"+finished+"/cancel", nil), 409, "completed"},
		"rerun an old one":   {c.send("POST", "actions/runs/"+old+"/rerun", nil), 403, "over a month ago"},
		"nothing pending":    {c.send("POST", "actions/runs/"+finished+"/pending_deployments", object{"environment_ids": []int{4002}, "state": "approved", "comment": "x"}), 422, "no pending deployment"},
		"no comment":         {c.send("POST", "actions/runs/"+finished+"/pending_deployments", object{"environment_ids": []int{4002}, "state": "approved"}), 422, "comment"},
		"bad state":          {c.send("POST", "deployments/9001/statuses", object{"state": "great"}), 422, "not a possible value"},
		"unknown commit":     {c.send("GET", "commits/0000000", nil), 422, "No commit found"},
		"unknown file":       {c.send("GET", "contents/nope.txt", nil), 404, "Not Found"},
		"taken release":      {c.send("POST", "releases", object{"tag_name": "v1.41.3"}), 422, "Validation Failed"},
		"read-only":          {c.as("read-only").send("POST", "actions/workflows/rollback.yml/dispatches", object{"ref": "main", "inputs": inputs}), 403, "not accessible"},
		"bad token":          {c.as("bad-token").send("GET", "", nil), 401, "Bad credentials"},
		"no token":           {c.as("").send("GET", "", nil), 401, "Requires authentication"},
	} {
		if test.out.status != test.status || !strings.Contains(test.out.string("message"), test.message) {
			t.Errorf("%s: %d %s", name, test.out.status, test.out.text)
		}
	}
	if c.as("read-only").get("/repos/acme/shop").at("permissions.push") != false {
		t.Error("a read-only token may push")
	}
}

// as is the same client with another token.
func (c *client) as(token string) *client {
	other := *c
	other.token = token
	return &other
}

// Who started a run may not let it pass; others who review may.
func TestReviewers(t *testing.T) {
	inBubble(t, Options{Scenario: "release", Young: true}, func(c *client) {
		run := c.waitingRun()
		answer := object{"environment_ids": []int{4002}, "state": "approved", "comment": "mine"}
		for login, status := range map[string]int{"bob": 422, "dave": 422, "erin": 403} {
			if out := c.as(login).send(http.MethodPost, "actions/runs/"+run+"/pending_deployments", answer); out.status != status {
				t.Errorf("%s approves: %d %s", login, out.status, out.text)
			}
			if c.as(login).get("actions/runs/"+run+"/pending_deployments").at("0.current_user_can_approve") != false {
				t.Errorf("%s is told that he can approve", login)
			}
		}
		answer["state"] = "rejected"
		if out := c.as("carol").send(http.MethodPost, "actions/runs/"+run+"/pending_deployments", answer); out.status != http.StatusOK {
			t.Fatalf("carol rejects: %d %s", out.status, out.text)
		}
		if out := c.get("actions/runs/" + run); out.string("conclusion") == "success" {
			t.Errorf("rejected, and yet %s", out.string("conclusion"))
		}
		time.Sleep(time.Minute)
		if out := c.get("actions/runs/" + run); out.string("conclusion") != "failure" {
			t.Errorf("a rejected run ended %s %s", out.string("status"), out.string("conclusion"))
		}
		reviews := c.get("actions/runs/" + run + "/approvals")
		if reviews.string("0.state") != "rejected" || reviews.string("0.user.login") != "carol" || reviews.string("0.comment") != "mine" {
			t.Errorf("approvals: %s", reviews.text)
		}
		for service, version := range c.versions("production") {
			if version != "v1.41.3" {
				t.Errorf("%s runs %s", service, version)
			}
		}
	})
}

// One run of a group runs, one waits, and a newer one evicts the one that
// waits.
func TestConcurrencyGroups(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm"}, func(c *client) {
		var ids []string
		for range 3 {
			out := c.send(http.MethodPost, "actions/workflows/cd-staging.yml/dispatches", object{"ref": "develop", "return_run_details": true})
			ids = append(ids, out.string("workflow_run_id"))
			time.Sleep(10 * time.Second)
		}
		if got := c.get("actions/runs/" + ids[1]); got.string("conclusion") != "cancelled" {
			t.Errorf("the second is %s %s, want evicted", got.string("status"), got.string("conclusion"))
		}
		groups := c.get("actions/runs/" + ids[2] + "/concurrency_groups")
		if groups.string("concurrency_groups.0.group_name") != "cd-staging" ||
			groups.string("concurrency_groups.0.group_members.0.run_id") != ids[0] ||
			groups.string("concurrency_groups.0.group_members.1.run_id") != ids[2] ||
			groups.string("concurrency_groups.0.group_members.1.status") != "pending" {
			t.Errorf("groups: %s", groups.text)
		}
		if out := c.send(http.MethodPost, "actions/runs/"+ids[0]+"/cancel", nil); out.status != http.StatusAccepted {
			t.Errorf("cancel: %d", out.status)
		}
		time.Sleep(10 * time.Second)
		if got := c.get("actions/runs/" + ids[0]).string("conclusion"); got != "cancelled" {
			t.Errorf("the first ended %q", got)
		}
		time.Sleep(time.Minute)
		if got := c.get("actions/runs/" + ids[2]).string("status"); got != "in_progress" {
			t.Errorf("the third is %s after the first has left", got)
		}
	})
}

// A job's log is not there until the job has ended, and its link needs no
// token.
func TestJobLogs(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm"}, func(c *client) {
		run := c.send(http.MethodPost, "actions/workflows/cd-staging.yml/dispatches", object{"ref": "develop", "return_run_details": true}).string("workflow_run_id")
		time.Sleep(15 * time.Second)
		job := c.get("actions/runs/" + run + "/jobs").string("jobs.0.id")
		log := func() answered {
			out := c.send(http.MethodGet, "actions/jobs/"+job+"/logs", nil)
			if out.status != http.StatusFound {
				t.Fatalf("logs: %d", out.status)
			}
			return c.as("").send(http.MethodGet, out.header.Get("Location"), nil)
		}
		if out := log(); out.status != http.StatusNotFound || !strings.Contains(out.text, "BlobNotFound") {
			t.Errorf("a running job's log: %d %s", out.status, out.text)
		}
		time.Sleep(2 * time.Minute)
		if out := log(); out.status != http.StatusOK || !strings.Contains(out.text, "ci.yml run") {
			t.Errorf("an ended job's log: %d %s", out.status, out.text)
		}
	})
}

// Running the failed jobs again makes a second attempt that keeps the others.
func TestRerunFailedJobs(t *testing.T) {
	inBubble(t, Options{Scenario: "calm", Young: true}, func(c *client) {
		failed := c.get("actions/runs?status=failure&per_page=1&event=pull_request")
		run := failed.string("workflow_runs.0.id")
		if out := c.send(http.MethodPost, "actions/runs/"+run+"/rerun-failed-jobs", object{}); out.status != http.StatusCreated {
			t.Fatalf("rerun: %d %s", out.status, out.text)
		}
		time.Sleep(10 * time.Minute)
		out := c.get("actions/runs/" + run)
		if out.string("run_attempt") != "2" || out.string("status") != "completed" {
			t.Errorf("attempt %s is %s", out.string("run_attempt"), out.string("status"))
		}
		one, two := c.get("actions/runs/"+run+"/attempts/1/jobs"), c.get("actions/runs/"+run+"/attempts/2/jobs")
		if len(one.list("jobs")) != len(two.list("jobs")) {
			t.Errorf("%d jobs, then %d", len(one.list("jobs")), len(two.list("jobs")))
		}
	})
}

// A sealed secret can be opened by the sandbox and is never shown; a value
// that was not sealed with its key is refused.
func TestSecrets(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm"}, func(c *client) {
		for _, path := range []string{"actions/secrets", "environments/production-deploy/secrets"} {
			key := c.get(path + "/public-key")
			public, err := base64.StdEncoding.DecodeString(key.string("key"))
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := box.SealAnonymous(nil, []byte("s3cret"), (*[32]byte)(public), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			body := object{"encrypted_value": base64.StdEncoding.EncodeToString(sealed), "key_id": key.string("key_id")}
			if out := c.send(http.MethodPut, path+"/TOKEN", body); out.status != http.StatusCreated {
				t.Errorf("first PUT: %d %s", out.status, out.text)
			}
			if out := c.send(http.MethodPut, path+"/TOKEN", body); out.status != http.StatusNoContent {
				t.Errorf("second PUT: %d", out.status)
			}
			if out := c.get(path + "/TOKEN"); strings.Contains(out.text, "s3cret") || out.string("name") != "TOKEN" {
				t.Errorf("GET: %s", out.text)
			}
			body["encrypted_value"] = base64.StdEncoding.EncodeToString([]byte("in the clear"))
			if out := c.send(http.MethodPut, path+"/OTHER", body); out.status != http.StatusUnprocessableEntity {
				t.Errorf("an unsealed value: %d", out.status)
			}
		}
		c.s.world.Lock()
		defer c.s.world.Unlock()
		if secrets := c.s.world.Hub.Secrets; secrets[len(secrets)-1].Value != "s3cret" {
			t.Errorf("opened as %q", secrets[len(secrets)-1].Value)
		}
	})
}

// Creating a ref is an atomic claim; a foreign lock stops a rollout and one's
// own does not.
func TestLocks(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "release", Speed: 10}, func(c *client) {
		lock := func(request string) answered {
			tree := c.send(http.MethodPost, "git/trees", object{"tree": []object{{
				"path": "lock.json", "mode": "100644", "type": "blob",
				"content": `{"owner":"carol","reason":"looking at orders","request_id":"` + request + `"}`,
			}}})
			commit := c.send(http.MethodPost, "git/commits", object{"message": "lock", "tree": tree.string("sha"), "parents": []string{}})
			return c.send(http.MethodPost, "git/refs", object{"ref": "refs/heads/production-deployctl-lock", "sha": commit.string("sha")})
		}
		if out := lock("a"); out.status != http.StatusCreated {
			t.Fatalf("lock: %d %s", out.status, out.text)
		}
		if out := lock("b"); out.status != http.StatusUnprocessableEntity || out.string("message") != "Reference already exists" {
			t.Errorf("second lock: %d %s", out.status, out.text)
		}
		run := c.waitingRun()
		c.approve(run)
		time.Sleep(3 * time.Minute)
		if out := c.get("actions/runs/" + run); out.string("conclusion") != "failure" {
			t.Errorf("the run under a foreign lock ended %s %s", out.string("status"), out.string("conclusion"))
		}
		if out := c.send(http.MethodDelete, "git/refs/heads/production-deployctl-lock", nil); out.status != http.StatusNoContent {
			t.Errorf("unlock: %d", out.status)
		}
	})
}

// Environments as their rules are served, and a put that replaces them.
func TestEnvironments(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm"}, func(c *client) {
		out := c.get("environments/production")
		for _, kind := range []string{"wait_timer", "required_reviewers", "branch_policy"} {
			if !strings.Contains(out.text, `"type":"`+kind+`"`) {
				t.Errorf("no rule %s: %s", kind, out.text)
			}
		}
		policies := c.get("environments/production/deployment-branch-policies")
		if policies.string("branch_policies.0.name") != "main" || policies.string("branch_policies.1.type") != "tag" {
			t.Errorf("policies: %s", policies.text)
		}
		put := c.send(http.MethodPut, "environments/qa%2Feu", object{"wait_timer": 3, "reviewers": []object{{"type": "User", "id": 1002}}})
		if put.status != http.StatusOK || c.get("environments/qa%2Feu").string("name") != "qa/eu" {
			t.Errorf("put: %d %s", put.status, put.text)
		}
	})
}

// A branch that an environment does not admit fails the job at once.
func TestBranchPolicy(t *testing.T) {
	inBubble(t, Options{Young: true, Scenario: "calm"}, func(c *client) {
		run := c.send(http.MethodPost, "actions/workflows/cd-production.yml/dispatches", object{"ref": "develop", "return_run_details": true}).string("workflow_run_id")
		time.Sleep(10 * time.Minute)
		out := c.get("actions/runs/" + run)
		if out.string("conclusion") != "failure" {
			t.Fatalf("ended %s %s", out.string("status"), out.string("conclusion"))
		}
		jobs := c.get("actions/runs/" + run + "/jobs?per_page=100")
		for i := range jobs.list("jobs") {
			if jobs.string(fmt.Sprintf("jobs.%d.name", i)) != "Approval" {
				continue
			}
			notes := c.get("check-runs/" + jobs.string(fmt.Sprintf("jobs.%d.id", i)) + "/annotations")
			if !strings.Contains(notes.text, "is not allowed to deploy to production") {
				t.Errorf("annotations: %s", notes.text)
			}
		}
	})
}
