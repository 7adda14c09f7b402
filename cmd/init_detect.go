package cmd

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
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
	migration     string // the service that has a manage.py; empty: none
	terraform     string
	integration   string
	defaultBranch string // by origin/HEAD; empty: git does not know
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
	c := checkout{root: root, defaultBranch: originHead(ctx, root)}
	files := os.DirFS(root)
	if err := c.walk(files); err != nil {
		return c, &pipeline.Error{Kind: pipeline.KindInternal, Op: "read the checkout", Err: err}
	}
	slices.SortFunc(c.services, func(a, b workflows.Service) int { return cmp.Compare(a.Name, b.Name) })
	c.services = slices.CompactFunc(c.services, func(a, b workflows.Service) bool { return a.Name == b.Name })
	for _, s := range c.services {
		if c.migration == "" && exists(files, path.Join(s.Directory, "manage.py")) {
			c.migration = s.Name
		}
	}
	if exists(files, "tests/integration") {
		c.integration = "tests/integration"
	}
	c.readWorkflows(files)
	return c, nil
}

// skipped are directories that hold what others wrote.
var skipped = []string{".git", "node_modules", "vendor", ".venv", "venv", "dist", "build", ".terraform", "testdata"}

// deepest is how many directories below the root a service may lie.
const deepest = 3

// walk finds the services and the Terraform module.
func (c *checkout) walk(files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission):
			return fs.SkipDir
		case err != nil:
			return err
		case d.IsDir():
			if slices.Contains(skipped, d.Name()) || strings.Count(name, "/") >= deepest {
				return fs.SkipDir
			}
			return nil
		}
		dir := path.Dir(name)
		switch {
		case d.Name() == "Dockerfile" && dir != ".":
			c.services = append(c.services, c.service(files, path.Base(dir), dir))
		case d.Name() == "Dockerfile":
			c.services = append(c.services, c.service(files, filepath.Base(c.root), "."))
		case path.Ext(name) == ".tf" && dir != "." && (c.terraform == "" || strings.Count(dir, "/") < strings.Count(c.terraform, "/")):
			c.terraform = dir
		}
		return nil
	})
}

func (c *checkout) service(files fs.FS, name, dir string) workflows.Service {
	return workflows.Service{
		Name: strings.ToLower(name), Directory: dir,
		Python: exists(files, path.Join(dir, "requirements.txt")),
	}
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
	c := exec.CommandContext(ctx, "git", "-C", root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
	out, err := c.Output()
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "origin/")
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
