package steps

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// inActions is the environment of a job.
func inActions(t *testing.T) (getenv func(string) string, outputs, summary string) {
	t.Helper()
	outputs, summary = filepath.Join(t.TempDir(), "outputs"), filepath.Join(t.TempDir(), "summary")
	variables := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": outputs, "GITHUB_STEP_SUMMARY": summary}
	return func(key string) string { return variables[key] }, outputs, summary
}

func content(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReportInActions(t *testing.T) {
	getenv, outputs, summary := inActions(t)
	var log bytes.Buffer
	r := NewReport(&log, getenv)
	r.Printf("a line\n::set-output name=x::forged\n  ##[error]forged\x1b[31m")
	r.Errorf("a, title: b", "100%% wrong\nand more")
	r.Warningf("", "careful")
	end := r.Group("looks")
	r.Noticef("n", "inside")
	end()
	r.Mask("s3cret-value\n\nabc\nsecond-line")
	r.Mask("s3cret-value")
	r.Printf("it is s3cret-value, abc, second-line")
	r.Errorf("t s3cret-value", "s3cret-value")
	want := "a line\n| ::set-output name=x::forged\n|   ## [error]forged\n" +
		"::error title=a%2C title%3A b::100%25 wrong%0Aand more\n::warning::careful\n" +
		"::group::looks\n::notice title=n::inside\n::endgroup::\n" +
		"::add-mask::s3cret-value\n::add-mask::second-line\nit is ***, abc, ***\n::error title=t ***::***\n"
	if log.String() != want {
		t.Errorf("got\n%s\nwant\n%s", log.String(), want)
	}
	value := "one\nEOF\nend-\nthree"
	r.Output("notes", value)
	r.Output("version", "v1")
	found := regexp.MustCompile(`(?s)^notes<<(end-\w{20,})\n(.*)\n(end-\w+)\nversion<<end-(\w+)\nv1\nend-(\w+)\n$`).FindStringSubmatch(content(t, outputs))
	if found == nil || found[1] != found[3] || found[2] != value || found[4] != found[5] || strings.Contains(found[1], found[4]) {
		t.Errorf("outputs are %q", content(t, outputs))
	}
	r.Table("T", []string{"a", "b"}, [][]string{{"x|y `z`", "[l](u) @alice\ns3cret-value"}})
	if want := "### T\n\n| a | b |\n| --- | --- |\n| x\\|y \\`z\\` | \\[l\\](u) &#64;alice *** |\n\n"; content(t, summary) != want {
		t.Errorf("the summary is %q", content(t, summary))
	}
	if r.Err() != nil {
		t.Error(r.Err())
	}
}

// What the step asks is told where the run has debug logging, without secrets.
func TestReportDebugs(t *testing.T) {
	for debug, want := range map[string]string{"": "", "0": "", "1": "::debug::level=DEBUG msg=asked path=\"/a b\" key=***\n"} {
		var log bytes.Buffer
		r := NewReport(&log, func(key string) string {
			return map[string]string{"GITHUB_ACTIONS": "true", "RUNNER_DEBUG": debug}[key]
		})
		r.Mask("s3cret-value")
		log.Reset()
		r.Logger().Debug("asked", "path", "/a b", "key", "s3cret-value")
		if log.String() != want {
			t.Errorf("RUNNER_DEBUG=%s: %q", debug, log.String())
		}
	}
	var nobody *Report
	nobody.Logger().Info("x")
}

func TestReportElsewhere(t *testing.T) {
	var log bytes.Buffer
	r := NewReport(&log, func(string) string { return "" })
	r.Group("looks")()
	r.Errorf("title", "wrong")
	r.Warningf("", "careful")
	r.Output("version", "v1")
	r.Summary("**bold**\n")
	r.Printf("::not a command here")
	if want := "looks\nerror: title: wrong\nwarning: careful\nversion=v1\n**bold**\n::not a command here\n"; log.String() != want {
		t.Errorf("got %q", log.String())
	}
	var nobody *Report
	nobody.Printf("x")
	nobody.Errorf("x", "x")
	nobody.Group("x")()
	nobody.Mask("xxxxxx")
	nobody.Output("x", "x")
	nobody.Summary("x")
}

// What cannot be written is told at the end.
func TestReportThatCannotBeWritten(t *testing.T) {
	directory := t.TempDir()
	r := NewReport(&bytes.Buffer{}, func(key string) string { return map[string]string{"GITHUB_OUTPUT": directory}[key] })
	r.Output("version", "v1")
	if r.Err() == nil {
		t.Error("an output was lost silently")
	}
}

func TestReadRun(t *testing.T) {
	variables := map[string]string{
		"GITHUB_RUN_ID": "118", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_SERVER_URL": "https://github.com/",
		"GITHUB_WORKFLOW": "Production", "GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/cd-production.yml@refs/tags/v1", "GITHUB_EVENT_NAME": "push",
		"GITHUB_SHA": "abc", "GITHUB_REF": "refs/tags/v1.2.0", "GITHUB_ACTOR": "bob", "GITHUB_TRIGGERING_ACTOR": "alice", "GITHUB_JOB": "deploy",
	}
	r := ReadRun(func(key string) string { return variables[key] })
	want := Run{
		Repository: "acme/shop", Workflow: "cd-production.yml", Event: "push", ID: 118, Attempt: 2, SHA: "abc",
		Ref: "v1.2.0", Tag: true, Actor: "alice", Job: "deploy", Server: "https://github.com",
	}
	if r != want || r.URL() != "https://github.com/acme/shop/actions/runs/118" || r.Request() != "run-118" {
		t.Errorf("%+v, %s, %s", r, r.URL(), r.Request())
	}
	variables["GITHUB_REF"], variables["DEPLOYCTL_REQUEST_ID"], variables["GITHUB_WORKFLOW_REF"] = "refs/heads/main", "R7", ""
	r = ReadRun(func(key string) string { return variables[key] })
	if r.Ref != "main" || r.Tag || r.Request() != "R7" || r.Workflow != "Production" {
		t.Errorf("%+v", r)
	}
	if r := ReadRun(func(string) string { return "" }); r != (Run{}) || r.URL() != "" {
		t.Errorf("by hand it is %+v", r)
	}
}
