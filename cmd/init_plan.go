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
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/natefinch/atomic"

	"github.com/deployctl/gh-deployctl/pipeline"
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

// printTree shows the files below their directories: + new, ~ differs, = the same.
func printTree(out io.Writer, list []writing) {
	last := ""
	for _, w := range list {
		if dir := path.Dir(w.name); dir != last {
			fmt.Fprintf(out, "  %s/\n", dir)
			last = dir
		}
		mark, note := "+", "new"
		switch {
		case w.unchanged():
			mark, note = "=", "unchanged"
		case w.exists:
			mark, note = "~", "differs"
		}
		fmt.Fprintf(out, "  %s   %-32s %s\n", mark, path.Base(w.name), note)
	}
}

// printDiffs shows what would change in files that are there.
func printDiffs(out io.Writer, list []writing) {
	for _, w := range list {
		if w.exists && !w.unchanged() {
			fmt.Fprintf(out, "\n%s", udiff.Unified("a/"+w.name, "b/"+w.name, string(w.now), string(w.content)))
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
