package cmd_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/deployctl/gh-deployctl/sandbox"
)

// TestScripts runs testdata/script: the program as a shell sees it, each
// script against a world of its own. The commands that testscript does not have
// itself stand in scriptCommands.
func TestScripts(t *testing.T) {
	t.Parallel()
	bin := filepath.Dir(built(t))
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for _, v := range home(e.WorkDir) {
				name, value, _ := strings.Cut(v, "=")
				e.Setenv(name, value)
			}
			e.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Values[stateKey{}] = &scriptState{}
			return nil
		},
		Cmds: scriptCommands,
	})
}

// scriptState is what the commands of one script share.
type scriptState struct{ world *world }

type stateKey struct{}

func stateOf(ts *testscript.TestScript) *scriptState {
	state, ok := ts.Value(stateKey{}).(*scriptState)
	if !ok {
		ts.Fatalf("the script was not set up")
	}
	return state
}

// scriptCommands are what our scripts can say beyond testscript's own words.
var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	// sandbox SCENARIO [SPEED [DIR]] serves a world and sets the environment;
	// the files of DIR lie over the repository's.
	"sandbox": scriptSandbox,
	// exits N COMMAND... runs a command that has to end with that exit code.
	"exits": scriptExits,
	// sentence PATTERN: stderr is one clear line that matches.
	"sentence": scriptSentence,
	// json PATH PATTERN: the value at a.0.b in stdout's JSON matches.
	"json": scriptJSON,
	// keys PATH NAME...: the object at the path has these names and no others.
	"keys": scriptKeys,
	// remember NAME PATH sets a variable from stdout's JSON.
	"remember": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Setenv(args[0], textAt(ts, args[1]))
	},
	// until PATTERN COMMAND... runs a command until its stdout matches.
	"until": scriptUntil,
	// fault NAME [PATTERN]: requests that match fail from now on; "none" heals.
	"fault": scriptFault,
	// sent PATTERN [N]: a request that matches was sent, exactly N times where
	// that is said; with ! none was.
	"sent": func(ts *testscript.TestScript, neg bool, args []string) {
		re, n := regexp.MustCompile(args[0]), 0
		all, err := stateOf(ts).world.Requests(0)
		ts.Check(err)
		for _, r := range all {
			if re.MatchString(r.String()) {
				n++
			}
		}
		if (n > 0) == neg || len(args) > 1 && strconv.Itoa(n) != args[1] {
			ts.Fatalf("%s was sent %d times", args[0], n)
		}
	},
	// tamper FILE FROM TO changes a file as somebody who hides something would.
	"tamper": func(ts *testscript.TestScript, _ bool, args []string) {
		name := ts.MkAbs(args[0])
		content := ts.ReadFile(args[0])
		if !strings.Contains(content, args[1]) {
			ts.Fatalf("%s does not contain %q", name, args[1])
		}
		ts.Check(os.WriteFile(name, []byte(strings.Replace(content, args[1], args[2], 1)), 0o600))
	},
}

func scriptSandbox(ts *testscript.TestScript, _ bool, args []string) {
	o := sandbox.Options{Scenario: args[0], Speed: 1}
	if len(args) > 1 {
		speed, err := strconv.ParseFloat(args[1], 64)
		ts.Check(err)
		o.Speed = speed
	}
	files := ""
	if len(args) > 2 {
		files = ts.MkAbs(args[2])
	}
	w, err := newWorld(o, files)
	ts.Check(err)
	ts.Defer(w.close)
	stateOf(ts).world = w
	for _, v := range w.vars {
		name, value, _ := strings.Cut(v, "=")
		ts.Setenv(name, value)
	}
}

func scriptExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit %d, not %d", got, want)
	}
}

// noise is what no operator should ever read: stack traces and the chatter of
// libraries.
var noise = regexp.MustCompile(`goroutine |panic|\.go:\d|SDK|EC2 IMDS|operation error|RequestID|https response error|<html>|map\[|0x[0-9a-f]{6}|%!`)

func scriptSentence(ts *testscript.TestScript, _ bool, args []string) {
	stderr := ts.ReadFile("stderr")
	switch {
	case strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "gh deployctl: "):
		ts.Fatalf("stderr is not one sentence")
	case noise.MatchString(stderr):
		ts.Fatalf("stderr is no sentence for an operator")
	case !regexp.MustCompile(args[0]).MatchString(stderr):
		ts.Fatalf("the sentence does not match %s", args[0])
	}
}

func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	text := textAt(ts, args[0])
	if regexp.MustCompile(args[1]).MatchString(text) == neg {
		ts.Fatalf("%s is %s", args[0], text)
	}
}

func scriptKeys(ts *testscript.TestScript, _ bool, args []string) {
	object, ok := valueAt(ts, args[0]).(map[string]any)
	if !ok {
		ts.Fatalf("%s is no object", args[0])
	}
	if got, want := slices.Sorted(maps.Keys(object)), slices.Sorted(slices.Values(args[1:])); !slices.Equal(got, want) {
		ts.Fatalf("keys are %v\nnot %v", got, want)
	}
}

// textAt is a value as JSON, a string without its quotes.
func textAt(ts *testscript.TestScript, path string) string {
	v := valueAt(ts, path)
	if text, ok := v.(string); ok {
		return text
	}
	text, err := json.Marshal(v)
	ts.Check(err)
	return string(text)
}

// valueAt walks stdout's JSON; "." is all of it.
func valueAt(ts *testscript.TestScript, path string) any {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.UseNumber() // ids are longer than a float is exact
	var v any
	ts.Check(d.Decode(&v))
	v, err := walk(v, path)
	ts.Check(err)
	return v
}

// walk follows a path of names and positions.
func walk(v any, path string) (any, error) {
	if path == "." {
		return v, nil
	}
	for step := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[step]
			if !ok {
				return nil, fmt.Errorf("%s: there is no %q", path, step)
			}
			v = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(at) {
				return nil, fmt.Errorf("%s: there is no element %s of %d", path, step, len(at))
			}
			v = at[i]
		default:
			return nil, fmt.Errorf("%s: %q leads into %v", path, step, v)
		}
	}
	return v, nil
}

func scriptUntil(ts *testscript.TestScript, _ bool, args []string) {
	re := regexp.MustCompile(args[0])
	tick := time.NewTicker(250 * time.Millisecond) // each look is a program that starts
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-tick.C {
		ts.Check(ts.Exec(args[1], args[2:]...))
		if re.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s never came", args[0])
		}
	}
}

func scriptFault(ts *testscript.TestScript, _ bool, args []string) {
	fault, pattern := strings.TrimPrefix(args[0], "none"), ""
	if len(args) > 1 {
		pattern = args[1]
	}
	ts.Check(stateOf(ts).world.Break(fault, pattern))
}
