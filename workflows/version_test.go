package workflows

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "record what the templates of a new version render")

// record holds a line for each version of the templates: its number and the
// SHA-256 of what it renders.
const record = "testdata/versions.txt"

// TestVersionCountsEveryChange: whoever changes what the templates render has to
// raise TemplateVersion, because doctor tells by it whose workflows are old. Then
// go test ./workflows -update records the new version; a recorded one never
// renders anything else.
func TestVersionCountsEveryChange(t *testing.T) {
	recorded := readRecord(t)
	now := rendered(t)
	switch was, known := recorded[TemplateVersion]; {
	case known && was != now:
		t.Errorf("the templates render something else than version %d did: raise TemplateVersion, then run go test ./workflows -update", TemplateVersion)
	case !known && !*update:
		t.Errorf("version %d is not recorded: run go test ./workflows -update", TemplateVersion)
	case !known:
		if last := slices.Sorted(maps.Keys(recorded)); len(last) > 0 && TemplateVersion != last[len(last)-1]+1 {
			t.Fatalf("version %d does not follow those in %s", TemplateVersion, record)
		}
		file, err := os.OpenFile(record, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(file, "%d %s\n", TemplateVersion, now)
		if closed := file.Close(); err != nil || closed != nil {
			t.Fatal(err, closed)
		}
	}
}

// rendered is the SHA-256 of the templates and of what they make of a system
// with everything, without the first lines, which say the version.
func rendered(t *testing.T) string {
	t.Helper()
	sum := sha256.New()
	sources, err := fs.Glob(files, "templates/*")
	if err != nil || len(sources) == 0 {
		t.Fatal(sources, err)
	}
	for _, name := range sources {
		source, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(source), source)
	}
	made := render(t, shop())
	for _, name := range Names() {
		_, body, _ := bytes.Cut(made[name], []byte("\n"))
		fmt.Fprintf(sum, "%s %d\n%s", name, len(body), body)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func readRecord(t *testing.T) map[int]string {
	t.Helper()
	content, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	out := map[int]string{}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		var version int
		var sum string
		if _, err := fmt.Sscan(lines.Text(), &version, &sum); err != nil || out[version] != "" {
			t.Fatalf("%s: %q: %v", record, lines.Text(), err)
		}
		out[version] = sum
	}
	return out
}
