package cmd_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// scratch is where the binary is built; TestMain removes it.
var scratch = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "gh-deployctl-test-") })

// Each binary is built once for all tests. The one that they run is what people
// build; the one with the race detector, which makes everything several times
// as slow, is for the test that has engine, adapters and console in one process.
var (
	binary     = sync.OnceValues(func() (string, error) { return build("bin") })
	raceBinary = sync.OnceValues(func() (string, error) { return build("race", "-race") })
)

// build builds the program into a directory of its own.
func build(name string, flags ...string) (string, error) {
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name, "gh-deployctl")
	args := append([]string{"build", "-buildvcs=false", "-o", path}, flags...)
	out, err := exec.Command("go", append(args, "github.com/deployctl/gh-deployctl")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

func TestMain(m *testing.M) {
	flag.Parse()
	// These tests wait for other programs most of the time.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = parallel.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0)))
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
	return must(t, binary)
}

// builtToRace is the program with the race detector in it when the tests have it.
func builtToRace(t testing.TB) string {
	t.Helper()
	if raceDetector {
		return must(t, raceBinary)
	}
	return must(t, binary)
}

// must is a path that could be had.
func must(t testing.TB, path func() (string, error)) string {
	t.Helper()
	found, err := path()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// world is a sandbox behind a proxy that records what clients ask of it.
type world struct {
	*proxy
	*sandbox.Sandbox // nil where it is a process of its own
	server           *httptest.Server
	vars             []string // NAME=VALUE, of whoever lives in it
	end              func()
}

// newWorld serves a sandbox on a port of its own. It is the program's own
// command in a process of its own, which the race detector does not slow, where
// nothing is asked of the world that only Go can reach: no files that lie over
// those of the simulated repository, no runner outside, no policies or tokens.
func newWorld(o sandbox.Options) (*world, error) {
	if o.Seed == 0 {
		o.Seed = 1
	}
	start := process
	if o.Files != nil || o.Runner == sandbox.External || o.Policies != nil || o.Tokens != nil {
		start = inProcess
	}
	return serveBehindProxy(start, o)
}

// reachableWorld is a world in this process, for a test that reaches into it.
func reachableWorld(t testing.TB, o sandbox.Options) *world {
	t.Helper()
	o.Seed = cmp.Or(o.Seed, 1)
	w, err := serveBehindProxy(inProcess, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func serveBehindProxy(start func(sandbox.Options) (*world, http.Handler, error), o sandbox.Options) (*world, error) {
	w, next, err := start(o)
	if err != nil {
		return nil, err
	}
	w.proxy = &proxy{next: next}
	w.server = httptest.NewServer(w.proxy)
	return w, nil
}

// inProcess is a world that a test can reach into.
func inProcess(o sandbox.Options) (*world, http.Handler, error) {
	s, err := sandbox.New(o)
	if err != nil {
		return nil, nil, err
	}
	return &world{Sandbox: s, vars: exported(s.Environment("127.0.0.1")), end: func() { _ = s.Close() }}, s, nil // closing only stops its clock
}

// process is a world that the built program serves.
func process(o sandbox.Options) (*world, http.Handler, error) {
	path, err := binary()
	if err != nil {
		return nil, nil, err
	}
	command := exec.Command(path, "sandbox", "--scenario", cmp.Or(o.Scenario, "calm"), "--speed", fmt.Sprint(cmp.Or(o.Speed, 1)),
		"--seed", fmt.Sprint(o.Seed), "--log-rate", fmt.Sprint(o.LogRate), "--faults", fmt.Sprint(o.Faults))
	command.Env = home(os.DevNull)
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := command.Start(); err != nil {
		return nil, nil, err
	}
	w := &world{end: func() {
		_ = command.Process.Kill() // it keeps nothing
		_ = command.Wait()
	}}
	lines := bufio.NewScanner(out)
	var printed []string
	for lines.Scan() && lines.Text() != "# ready" {
		printed = append(printed, lines.Text())
	}
	w.vars = exported(printed)
	address, err := url.Parse(valueOf(w.vars, "HTTP_PROXY"))
	if err != nil || address.Host == "" {
		w.end()
		return nil, nil, fmt.Errorf("the sandbox printed %q", printed)
	}
	return w, forward(address.Host), nil
}

// forward hands every request on to an address as it came, host name and all.
func forward(address string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", address
		},
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16},
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // who asks sees a 502
	}
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

// valueOf is what a variable is set to.
func valueOf(vars []string, name string) string {
	for _, v := range vars {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// startWorld is newWorld for the time of a test.
func startWorld(t testing.TB, o sandbox.Options) *world {
	t.Helper()
	w, err := newWorld(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func (w *world) close() {
	w.server.CloseClientConnections() // followers would keep the server waiting
	w.server.Close()
	w.end()
}

// exports are the variables that the sandbox prints for a shell, with the
// recording proxy before it.
func (w *world) exports() []string {
	proxy := "http://" + w.server.Listener.Addr().String()
	return append(slices.Clone(w.vars), "HTTP_PROXY="+proxy, "http_proxy="+proxy)
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
	return &client{t: t, dir: dir, env: append(home(dir), w.exports()...)}
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
