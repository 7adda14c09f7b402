package cmd

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/workflows"
)

// checkout is what init sees in the working directory.
type checkout struct {
	root          string // the directory that holds .git
	services      []workflows.Service
	unbuilt       []string // services that have a directory and no Dockerfile
	migrating     []string // services that have a manage.py
	terraform     string
	integration   string
	defaultBranch string // by origin/HEAD; empty: git does not know
	branches      []string
	settings      workflows.Settings
	others        []string // workflow files that are not ours
}

// findRoot is the directory of the checkout around the working directory.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", &pipeline.Error{Kind: pipeline.KindInternal, Op: "find the working directory", Err: err}
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", &pipeline.Error{Kind: pipeline.KindUsage, Message: "this directory is not inside a git repository", Hint: "run git init, or change to the repository"}
		}
	}
}

// look reads the checkout. Nothing outside of it is asked.
func look(ctx context.Context, root string) (checkout, error) {
	c := checkout{root: root, defaultBranch: originHead(ctx, root), branches: localBranches(ctx, root)}
	files := os.DirFS(root)
	traces, err := c.walk(files)
	if err != nil {
		return c, &pipeline.Error{Kind: pipeline.KindInternal, Op: "read the checkout", Err: err}
	}
	c.readWorkflows(files)
	c.findServices(traces)
	if exists(files, "tests/integration") {
		c.integration = "tests/integration"
	}
	c.settings.PythonVersion = cmp.Or(c.settings.PythonVersion, pythonOf(files, c.services))
	return c, nil
}

// skipped are directories that hold what others wrote.
var skipped = []string{".git", "node_modules", "vendor", ".venv", "venv", "dist", "build", ".terraform", "testdata"}

// deepest is how many directories below the root a service may lie.
const deepest = 3

// traces are directories by the files in them that tell what they are.
type traces struct {
	docker, django []string
}

// walk finds what services leave behind, and the Terraform module.
func (c *checkout) walk(files fs.FS) (t traces, err error) {
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission):
			return fs.SkipDir
		case err != nil:
			return err
		case d.IsDir():
			if slices.Contains(skipped, d.Name()) || strings.Count(name, "/") > deepest {
				return fs.SkipDir
			}
			return nil
		}
		dir := path.Dir(name)
		switch base := d.Name(); {
		case base == "Dockerfile" && strings.Count(dir, "/") < deepest:
			t.docker = append(t.docker, dir)
		case base == "manage.py":
			t.django = append(t.django, dir)
		case path.Ext(name) == ".tf" && dir != "." && (c.terraform == "" || strings.Count(dir, "/") < strings.Count(c.terraform, "/")):
			c.terraform = dir
		}
		return nil
	})
	return t, err
}

// findServices takes the directories with a Dockerfile, and those with a
// manage.py that belong to none of them: a service that is not built yet. What an
// earlier init was told to build stays, under the name that it was given.
func (c *checkout) findServices(t traces) {
	dirs := slices.Clone(t.docker)
	for _, name := range slices.Sorted(maps.Keys(c.settings.Directories)) {
		dir := c.settings.Directories[name]
		if _, err := os.Stat(filepath.Join(c.root, filepath.FromSlash(dir))); err != nil {
			continue // it was moved
		}
		dirs = slices.DeleteFunc(dirs, func(d string) bool { return d == dir })
		c.services = append(c.services, workflows.Service{Name: name, Directory: dir, Python: isPython(os.DirFS(c.root), dir)})
		if !slices.Contains(t.docker, dir) {
			c.unbuilt = append(c.unbuilt, name)
		}
	}
	for _, dir := range t.django {
		related := func(other string) bool { return below(dir, other) || below(other, dir) }
		known := slices.ContainsFunc(c.services, func(s workflows.Service) bool { return related(s.Directory) })
		if !known && !slices.ContainsFunc(t.docker, related) {
			dirs = append(dirs, dir)
			c.unbuilt = append(c.unbuilt, c.serviceName(dir))
		}
	}
	for _, dir := range dirs {
		s := workflows.Service{Name: c.serviceName(dir), Directory: dir, Python: isPython(os.DirFS(c.root), dir)}
		if !slices.ContainsFunc(c.services, func(o workflows.Service) bool { return o.Name == s.Name }) {
			c.services = append(c.services, s)
		}
	}
	for _, s := range c.services {
		if slices.ContainsFunc(t.django, func(at string) bool { return below(at, s.Directory) && (s.Directory != "." || at == ".") }) {
			c.migrating = append(c.migrating, s.Name)
		}
	}
	slices.SortFunc(c.services, func(a, b workflows.Service) int { return cmp.Compare(a.Name, b.Name) })
	slices.Sort(c.migrating)
	slices.Sort(c.unbuilt)
}

// below reports whether a directory is another or lies in it.
func below(dir, other string) bool {
	return other == "." || dir == other || strings.HasPrefix(dir, other+"/")
}

// serviceName is a directory's last part, or that of the repository's own.
func (c *checkout) serviceName(dir string) string {
	if dir == "." {
		dir = filepath.ToSlash(c.root)
	}
	return strings.ToLower(path.Base(dir))
}

// isPython reports whether a directory says what of Python it needs.
func isPython(files fs.FS, dir string) bool {
	for _, name := range []string{"pyproject.toml", "requirements.txt", "requirements-*.txt", "requirements/*.txt"} {
		if found, err := fs.Glob(files, path.Join(dir, name)); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

// pythonBase is the image that a Dockerfile builds on, where that is Python's.
var pythonBase = regexp.MustCompile(`(?m)^FROM\s+(?:\S+\s+)*?\S*\bpython:(3\.\d+)`)

// pythonOf is the version that the first of the services runs on; empty: none
// says. Tests on another one would test something else.
func pythonOf(files fs.FS, services []workflows.Service) string {
	for _, s := range services {
		content, err := fs.ReadFile(files, path.Join(s.Directory, "Dockerfile"))
		if err != nil || !s.Python {
			continue // what has none, ci.yml will say
		}
		if found := pythonBase.FindSubmatch(content); found != nil {
			return string(found[1])
		}
	}
	return ""
}

// adopt takes a directory for a service that AWS runs and that was not found:
// one of its name, beside the services that were.
func (c *checkout) adopt(name string) bool {
	for _, s := range c.services {
		parent := path.Dir(s.Directory)
		entries, err := os.ReadDir(filepath.Join(c.root, filepath.FromSlash(parent)))
		if err != nil || parent == "." {
			continue
		}
		for _, e := range entries {
			if e.IsDir() && dashed(strings.ToLower(e.Name())) == dashed(name) {
				dir := path.Join(parent, e.Name())
				c.services = append(c.services, workflows.Service{Name: name, Directory: dir, Python: isPython(os.DirFS(c.root), dir)})
				c.unbuilt = append(c.unbuilt, name)
				return true
			}
		}
	}
	return false
}

// readWorkflows reads back what an earlier init wrote, and names the others.
func (c *checkout) readWorkflows(files fs.FS) {
	names, err := fs.Glob(files, workflows.Directory+"/*.y*ml")
	if err != nil {
		return // only a malformed pattern fails
	}
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			continue // comparing it will say why
		}
		if slices.Contains(workflows.Names(), path.Base(name)) {
			c.settings = c.settings.With(workflows.SettingsOf(content))
			continue
		}
		c.others = append(c.others, path.Base(name))
	}
}

func exists(files fs.FS, name string) bool {
	_, err := fs.Stat(files, name)
	return err == nil
}

// originHead is the default branch as git remembers it; empty: it does not.
func originHead(ctx context.Context, root string) string {
	return strings.TrimPrefix(git(ctx, root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD"), "origin/")
}

// localBranches are the branches of the checkout, first the one that is checked
// out, be it without a commit yet.
func localBranches(ctx context.Context, root string) []string {
	list := strings.Fields(git(ctx, root, "for-each-ref", "--format=%(refname:short)", "refs/heads"))
	if head := git(ctx, root, "symbolic-ref", "--short", "HEAD"); head != "" {
		list = slices.Insert(slices.DeleteFunc(list, func(b string) bool { return b == head }), 0, head)
	}
	return list
}

// git asks git; empty: it does not know, or is not there.
func git(ctx context.Context, root string, args ...string) string {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...).Output() //nolint:gosec // our own words
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// localConfiguration reads the checkout's own file, where it has one.
func localConfiguration(root string) (c pipeline.Configuration, found bool, err error) {
	name := filepath.Join(root, filepath.FromSlash(environments.Path))
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err != nil {
		return c, false, &pipeline.Error{Kind: pipeline.KindUsage, Op: "read the configuration", Message: err.Error(), Err: err}
	}
	c, err = parse(environments.Path, content)
	return c, true, err
}
