package cmd_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/cmd"
	"github.com/deployctl/gh-deployctl/sandbox"
	"github.com/deployctl/gh-deployctl/sandbox/recording"
)

// scratch is where the binaries are built; TestMain removes it.
var scratch = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "gh-deployctl-test-") })

// binaries builds, once for all tests, the program as people build it and
// sandboxd, into a directory: without the race detector, which makes everything
// several times as slow.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	const module = "github.com/deployctl/gh-deployctl"
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", module, module+"/sandbox/sandboxd").CombinedOutput() //nolint:gosec // our own words
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

// asProgram makes the test binary the program itself.
const asProgram = "TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cmd.Main(os.Args[1:]))
	}
	flag.Parse()
	// These tests wait for other programs most of the time.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = parallel.Value.Set(strconv.Itoa(4 * runtime.GOMAXPROCS(0)))
	}
	code := m.Run()
	if dir, err := scratch(); err == nil {
		_ = os.RemoveAll(dir) // what is left in the temporary directory harms nobody
	}
	os.Exit(code)
}

// built is the path of the program under test.
func built(t testing.TB) string {
	t.Helper()
	dir, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "gh-deployctl")
}

// builtToRace is the program with the race detector in it when the tests have
// it, for a test that has engine, adapters and console in one process.
func builtToRace(t testing.TB) string {
	t.Helper()
	if !raceDetector {
		return built(t)
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "gh-deployctl")
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asProgram, own)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	return path
}

// world is a sandbox behind a proxy that records what clients ask of it.
type world struct {
	recorder
	*sandbox.Sandbox          // nil where it is a process of its own
	vars             []string // NAME=VALUE, of whoever lives in it
	close            func()
}

// recorder is the proxy of a world, wherever that is.
type recorder interface {
	Requests(after int) ([]recording.Request, error)
	Break(fault, pattern string) error
}

// newWorld serves a sandbox in a process of its own, which the race detector
// does not slow. The files of the directory lie over those of the simulated
// repository; none where it is empty.
func newWorld(o sandbox.Options, files string) (*world, error) {
	o.Seed = cmp.Or(o.Seed, 1)
	dir, err := binaries()
	if err != nil {
		return nil, err
	}
	options, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	args := []string{string(options)}
	if files != "" {
		args = append(args, files)
	}
	command := exec.Command(filepath.Join(dir, "sandboxd"), args...) //nolint:gosec // our own program
	command.Env, command.Stderr = home(os.DevNull), os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	w := &world{close: func() {
		_ = in.Close()     // which ends it
		_ = command.Wait() // it keeps nothing
	}}
	lines := bufio.NewScanner(out)
	var printed []string
	for lines.Scan() {
		printed = append(printed, lines.Text())
		if address, ready := strings.CutPrefix(lines.Text(), "# ready "); ready {
			w.vars, w.recorder = exported(printed), recording.Remote(address)
			return w, nil
		}
	}
	w.close()
	return nil, fmt.Errorf("the sandbox printed %q", printed)
}

// reachableWorld is a world in this process, for a test that reaches into it.
func reachableWorld(t testing.TB, o sandbox.Options) *world {
	t.Helper()
	o.Seed = cmp.Or(o.Seed, 1)
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	proxy := recording.New(s)
	server := httptest.NewServer(proxy)
	t.Cleanup(func() {
		server.CloseClientConnections() // followers would keep the server waiting
		server.Close()
		_ = s.Close() // closing only stops its clock
	})
	return &world{recorder: proxy, Sandbox: s, vars: exported(s.Environment(server.Listener.Addr().String()))}
}

// exported are the variables among the lines that a sandbox prints.
func exported(lines []string) []string {
	var vars []string
	for _, line := range lines {
		if assignment, ok := strings.CutPrefix(line, "export "); ok {
			vars = append(vars, assignment)
		}
	}
	return vars
}

// startWorld is newWorld for the time of a test.
func startWorld(t testing.TB, o sandbox.Options) *world {
	t.Helper()
	w, err := newWorld(o, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

// requests are all so far.
func (w *world) requests(t testing.TB) []recording.Request {
	t.Helper()
	list, err := w.Requests(0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// breaks makes the requests fail that a pattern matches; no fault heals.
func (w *world) breaks(t testing.TB, fault, pattern string) {
	t.Helper()
	if err := w.Break(fault, pattern); err != nil {
		t.Fatal(err)
	}
}

// home is the environment of a person on a clean machine whose home is dir:
// nothing of the machine that the tests run on shows through.
func home(dir string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "LANG=C.UTF-8", "TERM=tmux-256color", "TZ=UTC", "BROWSER=true",
		"XDG_STATE_HOME=" + filepath.Join(dir, "state"), "XDG_CACHE_HOME=" + filepath.Join(dir, "cache"),
		"XDG_DATA_HOME=" + filepath.Join(dir, "data"), "GH_CONFIG_DIR=" + filepath.Join(dir, "gh"),
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_PAGER=", "GH_NO_UPDATE_NOTIFIER=1",
		// By default a program with the race detector sleeps a second at its end.
		"GORACE=atexit_sleep_ms=0",
	}
}

// client is somebody at a shell: a home directory and the variables there.
type client struct {
	t   testing.TB
	dir string
	env []string
}

// newClient is a client of a world, on a clean machine.
func newClient(t testing.TB, w *world) *client {
	t.Helper()
	dir := t.TempDir()
	return &client{t: t, dir: dir, env: append(home(dir), w.vars...)}
}

// with is the same client with more variables; a later one wins.
func (c *client) with(vars ...string) *client {
	return &client{t: c.t, dir: c.dir, env: append(c.env[:len(c.env):len(c.env)], vars...)}
}

// ran is what came of a command.
type ran struct {
	code           int
	stdout, stderr string
}

// run runs a program to its end, in the client's home directory.
func (c *client) run(name string, args ...string) ran {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute) // a whole page of commands is one script
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env = c.dir, c.env
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatalf("%s: %v", name, err)
	}
	return ran{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// must is run for a command that has to succeed, and its standard output.
func (c *client) must(name string, args ...string) string {
	c.t.Helper()
	r := c.run(name, args...)
	if r.code != 0 {
		c.t.Fatalf("%s %s: exit %d\n%s%s", filepath.Base(name), strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// eventually polls until a condition holds; what it returns while it does not
// is shown when it never does.
func eventually(t testing.TB, limit time.Duration, what string, holds func() (bool, string)) {
	t.Helper()
	eventuallyEvery(t, 50*time.Millisecond, limit, what, holds)
}

// eventuallyEvery is eventually for what costs some of the hour's requests.
func eventuallyEvery(t testing.TB, pause, limit time.Duration, what string, holds func() (bool, string)) {
	t.Helper()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; <-tick.C {
		ok, seen := holds()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %s still not: %s\n%s", limit, what, seen)
		}
	}
}

// exists says whether a file is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// safeBuffer collects what a running program prints.
type safeBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write appends.
func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is everything so far.
func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
