package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/natefinch/atomic"

	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/workflows"
)

// writing is one file of the plan.
type writing struct {
	name       string // below the root, with slashes
	content    []byte
	now        []byte // what is there
	exists     bool
	executable bool
}

func (w writing) unchanged() bool { return w.exists && bytes.Equal(w.now, w.content) }

// compare fills in what is there.
func compare(root string, list []writing) error {
	for i := range list {
		now, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(list[i].name)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return &pipeline.Error{Kind: pipeline.KindUsage, Op: "read", On: list[i].name, Message: err.Error(), Err: err}
		default:
			list[i].now, list[i].exists = now, true
		}
	}
	return nil
}

// asShown refuses where a file is not any more what the plan showed.
func (w writing) asShown(root string) error {
	again := []writing{{name: w.name}}
	if err := compare(root, again); err != nil {
		return err
	}
	if again[0].exists != w.exists || !bytes.Equal(again[0].now, w.now) {
		return &pipeline.Error{Kind: pipeline.KindConflict, Op: "write", On: w.name, Message: "it was changed after the plan was shown", Hint: "run gh deployctl init again"}
	}
	return nil
}

// whatWasFound says what the files are made from, a line a subject.
func whatWasFound(s workflows.System, c pipeline.Configuration, seen, others []string) [][2]string {
	var services []string
	for _, service := range s.Services {
		services = append(services, service.Name+" ("+service.Directory+")")
	}
	var clusters []string
	for _, e := range c.Environments {
		for _, cluster := range e.Clusters {
			clusters = append(clusters, cluster.Name+" for "+e.Name)
			seen = slices.DeleteFunc(slices.Clone(seen), func(name string) bool { return name == cluster.Name })
		}
	}
	if len(seen) > 0 {
		clusters = append(clusters, "not used: "+strings.Join(seen, ", "))
	}
	lines := [][2]string{
		{"services", strings.Join(services, ", ")},
		{"branches", s.StagingBranch + " for " + s.Staging.Name + ", " + s.DefaultBranch + " for " + s.Production.Name},
		{"clusters", strings.Join(clusters, ", ")},
		{"terraform", s.Terraform},
		{"tests", s.IntegrationTests},
		{"workflows", strings.Join(others, ", ")},
	}
	return slices.DeleteFunc(lines, func(l [2]string) bool { return l[1] == "" })
}

// printTree shows the files below their directories: + new, ~ differs, = the same.
func printTree(out io.Writer, list []writing) {
	last := ""
	for _, w := range list {
		if dir := path.Dir(w.name); dir != last {
			fmt.Fprintf(out, "  %s/\n", dir)
			last = dir
		}
		mark, note := "+", fmt.Sprintf("new, %d lines", bytes.Count(w.content, []byte("\n")))
		switch {
		case w.unchanged():
			mark, note = "=", "unchanged"
		case w.exists:
			mark, note = "~", "differs"
		}
		fmt.Fprintf(out, "  %s   %-32s %s\n", mark, path.Base(w.name), note)
	}
}

// printDiffs shows what would change in files that are there, and the
// configuration where it is new: it is what there is to decide. The other new
// files come from templates, and are shown on demand.
func printDiffs(out io.Writer, list []writing, all bool) {
	for _, w := range list {
		switch {
		case w.unchanged():
		case w.exists:
			fmt.Fprintf(out, "\n%s", udiff.Unified("a/"+w.name, "b/"+w.name, string(w.now), string(w.content)))
		case all || w.name == environments.Path:
			fmt.Fprintf(out, "\n%s", udiff.Unified("/dev/null", "b/"+w.name, "", string(w.content)))
		}
	}
}

// write makes the file whole or not at all.
func (w writing) write(root string) error {
	name := filepath.Join(root, filepath.FromSlash(w.name))
	failed := func(err error) error {
		return &pipeline.Error{Kind: pipeline.KindInternal, Op: "write", On: w.name, Message: err.Error(), Hint: "check the directory's permissions", Err: err}
	}
	if !strings.HasPrefix(name, root+string(filepath.Separator)) {
		return failed(errors.New("it lies outside of the repository"))
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return failed(err)
	}
	if err := atomic.WriteFile(name, bytes.NewReader(w.content)); err != nil {
		return failed(err)
	}
	mode := fs.FileMode(0o644)
	if w.executable {
		mode = 0o755
	}
	if err := os.Chmod(name, mode); err != nil {
		return failed(err)
	}
	return nil
}
