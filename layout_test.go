package main_test

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/deployctl/gh-deployctl"

// room is what the packages of one folder may import besides the standard
// library. A pattern ending in /... stands for a package and all below it.
type room struct {
	ours   []string // packages of this module
	others []string // modules and packages of others; nil: any that nobody is denied
	denied []string // packages that it must not import, of the standard library too
}

var (
	terminal = []string{"charm.land/...", "github.com/charmbracelet/..."}
	sdks     = []string{"github.com/aws/...", "github.com/cli/go-gh/..."}
)

// layout is the rule that keeps the program simple, as CONTRIBUTING.md draws
// it. A package is governed by the longest entry that it lies in.
var layout = map[string]room{
	".":   {ours: []string{"cmd"}, others: []string{}, denied: []string{"net/http"}},
	"cmd": {ours: []string{"cmd/...", "ui/...", "pipeline/...", "aws/...", "ghclient/...", "environments/...", "workflows/...", "sandbox/..."}},

	// The engine knows nobody: small pure libraries only.
	"pipeline":          {ours: []string{"pipeline/journal", "pipeline/logs", "pipeline/sanitise"}, others: pureLibraries, denied: []string{"net/http"}},
	"pipeline/journal":  {ours: []string{"pipeline/sanitise"}, others: pureLibraries, denied: []string{"net/http"}},
	"pipeline/logs":     {ours: []string{"pipeline/sanitise"}, others: pureLibraries, denied: []string{"net/http"}},
	"pipeline/sanitise": {ours: []string{}, others: pureLibraries, denied: []string{"net/http"}},
	"pipeline/metrics":  {ours: []string{"pipeline"}, others: pureLibraries, denied: []string{"net/http"}},

	// The workflows' steps are driven by GitHub Actions and probe addresses.
	"pipeline/steps": {ours: []string{"pipeline", "pipeline/sanitise", "pipeline/logs"}, denied: slices.Concat(terminal, sdks)},

	// Adapters translate one dependency into the engine's terms.
	"aws":          {ours: []string{"aws/...", "pipeline/..."}, denied: slices.Concat(terminal, []string{"github.com/cli/go-gh/..."})},
	"ghclient":     {ours: []string{"ghclient/...", "pipeline/..."}, denied: slices.Concat(terminal, []string{"github.com/aws/..."})},
	"environments": {ours: []string{"environments/...", "pipeline/..."}, denied: slices.Concat(terminal, sdks, []string{"net/http"})},
	"workflows":    {ours: []string{"workflows/..."}, denied: slices.Concat(terminal, sdks, []string{"net/http"})},

	// Faces know snapshots; panels do not know the console that holds them.
	"ui": {ours: []string{"ui/...", "pipeline/..."}, denied: slices.Concat(sdks, []string{"net/http", "os/exec"})},

	// The simulated world is met over HTTP only, so it shares no code with
	// what is tested against it.
	"sandbox": {ours: []string{"sandbox/..."}, denied: slices.Concat(terminal, sdks)},
}

// pureLibraries compute or touch files; none speaks to a network or a terminal.
var pureLibraries = []string{
	"github.com/bmatcuk/doublestar/v4/...",
	"github.com/clipperhouse/displaywidth/...",
	"github.com/clipperhouse/uax29/v2/...",
	"github.com/dustin/go-humanize/...",
	"github.com/gofrs/flock/...",
	"github.com/natefinch/atomic/...",
	"golang.org/x/sync/...",
	"golang.org/x/text/...",
}

// roomOf finds the rule of a folder. Below ui only ui itself is the console.
func roomOf(folder string) (room, bool) {
	for at := folder; ; at = path.Dir(at) {
		if r, ok := layout[at]; ok && (at != "." || folder == ".") {
			if strings.HasPrefix(folder, "ui/") {
				r.denied = slices.Concat(r.denied, []string{module + "/ui"})
			}
			return r, true
		}
		if at == "." {
			return room{}, false
		}
	}
}

// violation says why a package must not import another one, or is empty.
func violation(folder, imported string) string {
	r, ok := roomOf(folder)
	if !ok {
		return "the layout has no place for " + folder
	}
	own, isOurs := strings.CutPrefix(imported, module+"/")
	isOthers := strings.Contains(strings.Split(imported, "/")[0], ".")
	switch {
	case imported == "text/template", imported == "html/template":
		// Their executor calls methods by name: the linker then keeps every
		// method of every type, and the binary is 20 MB larger.
		return fmt.Sprintf("%s must not import %s, which would double the binary", folder, imported)
	case matches(r.denied, imported):
		return fmt.Sprintf("%s must not import %s", folder, imported)
	case isOurs && !matches(r.ours, own):
		return fmt.Sprintf("%s must not import %s", folder, own)
	case !isOurs && isOthers && r.others != nil && !matches(r.others, imported):
		return fmt.Sprintf("%s may import none but a few libraries, and %s is not one of them", folder, imported)
	}
	return ""
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		root, below := strings.CutSuffix(pattern, "/...")
		return name == root || below && strings.HasPrefix(name, root+"/")
	})
}

func TestLayout(t *testing.T) {
	packages := importsByFolder(t)
	if len(packages) < 5 {
		t.Fatalf("only %d packages were found", len(packages))
	}
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		for imported, file := range packages[folder] {
			if why := violation(folder, imported); why != "" {
				t.Errorf("%s: %s", file, why)
			}
		}
	}
}

// The rule itself refuses what it is for. Without this a wrong pattern above
// would pass everything.
func TestLayoutRefuses(t *testing.T) {
	for folder, imports := range map[string]map[string]bool{ // import to whether it is allowed
		".":                {module + "/cmd": true, module + "/ui": false, "github.com/spf13/cobra": false, "os": true},
		"cmd":              {module + "/sandbox": true, "charm.land/bubbletea/v2": true},
		"pipeline":         {module + "/pipeline/logs": true, module + "/pipeline/metrics": false, module + "/aws": false, "net/http": false, "charm.land/lipgloss/v2": false, "github.com/gofrs/flock": true, "sync": true},
		"pipeline/journal": {module + "/pipeline": false, module + "/pipeline/logs": false},
		"pipeline/metrics": {module + "/pipeline": true, module + "/pipeline/logs": false},
		"pipeline/other":   {module + "/ui": false},
		"aws":              {module + "/pipeline": true, module + "/pipeline/logs": true, module + "/ghclient": false, "github.com/cli/go-gh/v2/pkg/api": false, "github.com/aws/smithy-go": true},
		"ghclient":         {module + "/environments": false, "charm.land/lipgloss/v2": false},
		"environments":     {"go.yaml.in/yaml/v4": true, "github.com/aws/smithy-go": false},
		"ui":               {module + "/ui/runs": true, module + "/environments": false, "net/http": false},
		"ui/runs":          {module + "/ui": false, module + "/ui/keys": true, module + "/pipeline": true, "github.com/aws/smithy-go": false},
		"sandbox":          {module + "/pipeline": false, "net/http": true, "github.com/aws/smithy-go": false},
		"util":             {"strings": false},
	} {
		for imported, allowed := range imports {
			if why := violation(folder, imported); (why == "") != allowed {
				t.Errorf("%s importing %s: allowed should be %v: %q", folder, imported, allowed, why)
			}
		}
	}
}

// linksTemplates finds what makes a library execute a template of ours.
var linksTemplates = regexp.MustCompile(`\.Set(Usage|Help|Version)Template\(`)

// Importing a template's executor is one way to link it, setting one of cobra's
// templates the other.
func TestNoTemplates(t *testing.T) {
	files, err := filepath.Glob("cmd/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := linksTemplates.Find(content); found != nil {
			t.Errorf("%s: %s would double the binary", file, found)
		}
	}
}

// A package is named after what it is about, not after being used by others.
func TestNoGrabBags(t *testing.T) {
	banned := []string{"util", "utils", "common", "helper", "helpers", "types", "constants", "shared", "misc", "base"}
	for folder := range importsByFolder(t) {
		for _, part := range strings.Split(folder, "/") {
			if slices.Contains(banned, part) {
				t.Errorf("package %s: name it after its subject", folder)
			}
		}
	}
}

// importsByFolder reads the imports of all files that are no tests: for each
// folder, what it imports and one file that does so.
func importsByFolder(t *testing.T) map[string]map[string]string {
	t.Helper()
	found := map[string]map[string]string{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && file != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "dist") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(file))
		if found[folder] == nil {
			found[folder] = map[string]string{}
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[folder][imported] = file
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// machinePath finds paths of the machine that a file was written on, and the
// hosts of package registries. It is put together here, so that it does not
// find itself.
var machinePath = regexp.MustCompile(`(^|[^\w./-])/(` + strings.Join([]string{
	"work", "root", "farm", "home/[a-z]+", "Users/[A-Za-z]+",
}, "|") + `)/|\b(` + strings.Join([]string{"proxy", "sum"}, "|") + `)\.golang\.` + `org\b|\bregistry\.npmjs\.` + `org\b|\bpypi\.` + `org\b`)

// machineWords are in whatever machinePath finds: a file without any of them
// need not be searched.
var machineWords = [][]byte{
	[]byte("/" + "work/"), []byte("/" + "root/"), []byte("/" + "farm/"), []byte("/home/"), []byte("/Users/"),
	[]byte(".golang." + "org"), []byte(".npmjs." + "org"), []byte("pypi." + "org"),
}

// What is committed works on every machine, so it names none.
func TestNoMachinePaths(t *testing.T) {
	listed, err := exec.CommandContext(t.Context(), "git", "ls-files", "-z").Output()
	if err != nil {
		t.Skipf("this is no git checkout: %v", err)
	}
	for _, file := range strings.Split(strings.TrimRight(string(listed), "\x00"), "\x00") {
		content, err := os.ReadFile(file)
		if err != nil || slices.Contains(content, 0) {
			continue // deleted in the work tree, a link to a folder, or no text
		}
		if !slices.ContainsFunc(machineWords, func(word []byte) bool { return bytes.Contains(content, word) }) {
			continue
		}
		for number, line := range strings.Split(string(content), "\n") {
			if found := machinePath.FindString(line); found != "" {
				t.Errorf("%s:%d names %q", file, number+1, strings.TrimSpace(found))
			}
		}
	}
}

func TestMachinePathFinds(t *testing.T) {
	for line, want := range map[string]bool{
		`open("` + "/wor" + `k/main/x")`:        true,
		"cd " + "/roo" + "t/go":                 true,
		"GOPROXY=https://proxy.gol" + "ang.org": true,
		"https://example.com/work/x":            false,
		"./root/x and a/work/b":                 false,
		"/etc/passwd":                           false,
	} {
		if got := machinePath.MatchString(line); got != want {
			t.Errorf("%q: found is %v", line, got)
		}
		if want && !slices.ContainsFunc(machineWords, func(word []byte) bool { return strings.Contains(line, string(word)) }) {
			t.Errorf("%q would not be searched", line)
		}
	}
}
