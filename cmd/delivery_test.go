package cmd_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// delivery is a repository whose delivery system was set up by init, the runner
// that performs its workflows, and the operator's console beside it.
type delivery struct {
	*client
	t      *testing.T
	world  *world
	runner *runner
	files  map[string]string // of the checkout

	staging, production string       // the commits that should be live
	waiting             *sandbox.Run // of production, that was started last
	good                int64        // the deployment to go back to
}

// TestDelivery sets a repository up as its README says, and takes releases
// through the workflows that init wrote: their steps are run, one after the
// other, by a runner; the console is asked at every stage.
func TestDelivery(t *testing.T) {
	if raceDetector {
		t.Skip("steps run one after the other, in processes that the race detector does not see")
	}
	t.Parallel()
	_, workflows, _ := pagePolicies(t)
	w := reachableWorld(t, sandbox.Options{
		Scenario: "calm", Speed: 600, Runner: sandbox.External,
		Policies: map[string][]string{workflowKey: workflows}, // the jobs may do what the page says, and no more
	})
	d := &delivery{client: newClient(t, w), t: t, world: w, runner: newRunner(t, w)}
	d.stage("init", d.init)
	d.stage("secrets", d.secrets)
	d.stage("environments", d.environments)
	d.stage("push to staging", d.toStaging)
	d.stage("merge to the gate", d.toGate)
	d.stage("approval to production", d.toProduction)
	d.stage("tag to GitHub release", d.toRelease)
	d.stage("a release that fails its health check", d.unhealthy)
	d.stage("rollback", d.rollback)
	d.stage("the faulty release stays out", d.staysOut)
	d.stage("red checks", d.redChecks)
	d.stage("a migration that fails", d.failedMigration)
}

// stage is a part of the story; what comes after a part that failed would only
// tell the same again.
func (d *delivery) stage(name string, play func(t *testing.T)) {
	if d.t.Failed() {
		return
	}
	d.t.Run(name, func(t *testing.T) {
		d.client.t = t
		began := time.Now()
		play(t)
		t.Logf("%s took %.1f s", name, time.Since(began).Seconds())
	})
}

// init runs init in a checkout of the services alone.
func (d *delivery) init(t *testing.T) {
	d.dir = filepath.Join(d.dir, "shop")
	w := d.world.World()
	w.Lock()
	files := w.Files("main")
	w.Unlock()
	maps.DeleteFunc(files, func(path, _ string) bool { return strings.HasPrefix(path, ".github/") })
	write(t, d.dir, files)
	d.must("git", "init", "-q", "-b", "main", ".")
	d.must(built(t), "init", "--yes", "--extension", extensionRepository+"@"+extensionVersion, "--extension-sha256", sum(t, built(t)),
		"--staging-url", "http://{service}.staging.sandbox", "--production-url", "http://{service}.production.sandbox",
		"--staging-database", "shop-staging", "--production-database", "shop-production", "--migration-service", "orders")
	d.edit(t, ".github/deployctl.yml", "soak: 10m", "soak: 1s") // nobody waits here
	d.files = read(t, d.dir)
	for _, name := range []string{"ci.yml", "cd-staging.yml", "cd-production.yml", "rollback.yml"} {
		if d.files[".github/workflows/"+name] == "" {
			t.Errorf("init wrote no %s", name)
		}
	}
	if again := d.must(built(t), "init", "--yes"); !strings.Contains(again, "nothing to do") {
		t.Errorf("init, again: %s", again)
	}
}

// edit changes a file of the checkout.
func (d *delivery) edit(t *testing.T, path, from, to string) {
	t.Helper()
	content := read(t, d.dir)[path]
	if !strings.Contains(content, from) {
		t.Fatalf("%s does not contain %q:\n%s", path, from, content)
	}
	write(t, d.dir, map[string]string{path: strings.Replace(content, from, to, 1)})
}

// secrets sets every secret that the written workflows read.
func (d *delivery) secrets(t *testing.T) {
	common := "AWS_ACCOUNT_ID=" + sandbox.Account + "\nAWS_ACCESS_KEY_ID=" + workflowKey + "\nAWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"
	d.from(t, common, "--aws")
	for _, environment := range []string{"staging", "production"} {
		d.from(t, "DB_NAME=orders_db\nDB_USER=orders_app\nDB_PASSWORD=correct-horse-battery-"+environment+"\n", "--database", "--environment", environment)
		d.from(t, "BACKUP_S3_BUCKET=shop-backups\n", "--backup", "--environment", environment)
	}
	d.must(built(t), "secrets", "--app", "--generate")
	d.must("gh", "secret", "set", "SLACK_WEBHOOK_URL", "--body", "http://hooks.sandbox/services/T0/B0/x")
	d.must(built(t), "secrets", "--check")
}

// from sets secrets from a file.
func (d *delivery) from(t *testing.T, values string, args ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.env")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must(built(t), append([]string{"secrets", "--from", file}, args...)...)
}

// environments applies the protection that the workflows count on.
func (d *delivery) environments(t *testing.T) {
	d.must(built(t), "init", "--environments", "--yes")
	if again := d.must(built(t), "init", "--environments", "--yes"); strings.Contains(again, ": done") {
		t.Errorf("init --environments, again: %s", again)
	}
}

// push commits the checkout to a branch, as bob.
func (d *delivery) push(t *testing.T, branch, message string) []*sandbox.Run {
	t.Helper()
	w := d.world.World()
	w.Lock()
	defer w.Unlock()
	runs, err := w.Push(branch, "bob", message, d.files)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// write lays files below a directory.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		file := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// read is what a checkout holds, without git's own files.
func read(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == ".git" {
				return fs.SkipDir
			}
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path)) //nolint:gosec // a file of the test
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sum is a file's SHA-256.
func sum(t testing.TB, path string) string {
	t.Helper()
	file, err := os.Open(path) //nolint:gosec // the program under test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
