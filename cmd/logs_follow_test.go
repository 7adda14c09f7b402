package cmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

// Following, the lines of a task that has just started wait until its release is
// read, and no longer than a few seconds; those of other tasks wait for nobody,
// and a task that is gone keeps its release.
func TestLinesWaitForTheReleaseOfTheirTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := followed(map[string]string{"old": "1111111"})
		f.add("old", "new")
		f.want(t, map[string]string{"old": "1111111"})
		if !slices.Equal(f.learned, []string{"orders"}) {
			t.Errorf("asked for the tasks of %v", f.learned)
		}
		f.know(map[string]string{"new": "2222222"})
		f.order.begin() // as supervise does again and again
		f.want(t, map[string]string{"new": "2222222"})
		f.add("old")
		f.want(t, map[string]string{"old": "1111111"})

		f.add("migration")
		time.Sleep(taskPatience - time.Millisecond)
		f.order.begin()
		f.want(t, map[string]string{})
		time.Sleep(time.Millisecond)
		f.order.begin()
		f.want(t, map[string]string{"migration": ""})

		f.add("another")
		f.order.finish()
		f.want(t, map[string]string{"another": ""})
	})
}

// follow is a followed log whose tasks are known as the test says.
type follow struct {
	order    *inOrder
	out      bytes.Buffer
	snapshot *pipeline.Snapshot
	learned  []string
}

func followed(known map[string]string) *follow {
	f := &follow{}
	f.know(known)
	p := &linePrinter{globals: &globals{}, asJSON: true, out: bufio.NewWriter(&f.out)}
	p.tasks = taskReleases{snapshot: func() *pipeline.Snapshot { return f.snapshot }}
	f.order = &inOrder{printer: p, cancel: func() {}, met: map[string]time.Time{}, learn: func(service string) { f.learned = append(f.learned, service) }}
	f.order.begin()
	return f
}

// know publishes a snapshot with these tasks, by release, and no others.
func (f *follow) know(releases map[string]string) {
	v := pipeline.ServiceView{ServiceState: pipeline.ServiceState{Key: pipeline.ServiceKey{Environment: "production", Service: "orders"}}}
	for task, sha := range releases {
		v.Revisions = append(v.Revisions, pipeline.ServiceRevision{TaskDefinition: "orders:" + task, SHA: sha})
		v.Tasks.Value = append(v.Tasks.Value, pipeline.Task{ID: task, TaskDefinition: "orders:" + task})
	}
	f.snapshot = &pipeline.Snapshot{Environments: []pipeline.EnvironmentState{{Services: []pipeline.ServiceView{v}}}}
}

func (f *follow) add(tasks ...string) {
	var lines []*logs.Line
	for _, task := range tasks {
		lines = append(lines, &logs.Line{Text: task, Origin: &logs.Origin{Service: "orders", Task: task}})
	}
	f.order.Add(lines)
}

// want checks which lines came since, and their release.
func (f *follow) want(t *testing.T, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for d := json.NewDecoder(&f.out); d.More(); {
		var line struct{ Message, Release string }
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		got[line.Message] = line.Release
	}
	if !maps.Equal(got, want) {
		t.Errorf("printed %v, want %v", got, want)
	}
}
