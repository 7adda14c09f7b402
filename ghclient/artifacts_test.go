package ghclient

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// entry is a file of an archive.
type entry struct {
	name, content string
	mode          fs.FileMode
}

func zipped(t *testing.T, entries ...entry) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(max(e.mode, 0o644))
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestArtifacts(t *testing.T) {
	g := newRegistry(t)
	g.get("/actions/runs/7/artifacts?per_page=100", `{"total_count":2,"artifacts":[
		{"id":1,"name":"coverage\u001b[31m","size_in_bytes":2048,"expired":false,"created_at":"2026-11-22T10:00:00Z","expires_at":"2027-02-20T10:00:00Z"},
		{"id":2,"name":"old","size_in_bytes":1,"expired":true,"created_at":"2026-01-22T10:00:00Z","expires_at":"2026-02-20T10:00:00Z"}]}`)
	got, err := g.reader().Artifacts(t.Context(), 7)
	if err != nil || len(got) != 2 {
		t.Fatalf("got %v, %v", got, err)
	}
	if got[0].Name != "coverage" || got[0].Bytes != 2048 || got[0].Expired || !got[1].Expired || got[0].Expires.IsZero() {
		t.Errorf("got %+v", got)
	}
}

// The store gets no token, and its files land below the directory only.
func TestSaveArtifact(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/repos/acme/shop/actions/artifacts/1/zip", 302, "").with("Location", "http://store.localhost/a.zip?sig=s3cr3t")
	g.on("GET", "http://store.localhost/a.zip", 200, zipped(t, entry{name: "report/"}, entry{name: "report/cover.xml", content: "<x/>"}, entry{name: "run.sh", content: "#!", mode: 0o755}))
	dir := filepath.Join(t.TempDir(), "new", "place")
	names, err := g.reader().SaveArtifact(t.Context(), pipeline.Artifact{ID: 1, Name: "coverage"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(dir, "report", "cover.xml"), filepath.Join(dir, "run.sh")}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if b, err := os.ReadFile(names[0]); err != nil || string(b) != "<x/>" {
		t.Errorf("got %q, %v", b, err)
	}
	if auth := g.last().header.Get("Authorization"); auth != "" {
		t.Errorf("the store was given %q", auth)
	}
}

func TestSaveArtifactRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		archive string
		kind    pipeline.ErrorKind
		says    string
	}{
		{"a way out", zipped(t, entry{name: "ok.txt"}, entry{name: "../../evil", content: "x"}), pipeline.KindRefused, "outside"},
		{"an absolute path", zipped(t, entry{name: "/etc/passwd"}), pipeline.KindRefused, "outside"},
		{"a link", zipped(t, entry{name: "ok.txt"}, entry{name: "link", content: "/etc", mode: fs.ModeSymlink | 0o777}), pipeline.KindRefused, "no plain file"},
		{"an escape in a name", zipped(t, entry{name: "a\x1b[2Jb"}), pipeline.KindRefused, "mislead"},
		{"a backslash", zipped(t, entry{name: `..\..\evil`}), pipeline.KindRefused, "mislead"},
		{"what is there already", zipped(t, entry{name: "ok.txt"}, entry{name: "mine.txt"}), pipeline.KindConflict, "already"},
		{"no archive", "not a zip", pipeline.KindInvalid, "no zip archive"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newRegistry(t)
			g.on("GET", "/repos/acme/shop/actions/artifacts/1/zip", 302, "").with("Location", "http://store.localhost/a.zip")
			g.on("GET", "http://store.localhost/a.zip", 200, test.archive)
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := g.reader().SaveArtifact(t.Context(), pipeline.Artifact{ID: 1, Name: "coverage"}, dir)
			fails(t, err, test.kind, test.says)
			left, _ := os.ReadDir(dir)
			if len(left) != 1 {
				t.Errorf("it wrote %v", left)
			}
		})
	}
}

// A link that lies in the directory already leads nowhere either.
func TestSaveArtifactFollowsNoLink(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/repos/acme/shop/actions/artifacts/1/zip", 302, "").with("Location", "http://store.localhost/a.zip")
	g.on("GET", "http://store.localhost/a.zip", 200, zipped(t, entry{name: "out/file", content: "x"}))
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Skip("no links here")
	}
	if _, err := g.reader().SaveArtifact(t.Context(), pipeline.Artifact{ID: 1}, dir); err == nil {
		t.Error("it went through the link")
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("it wrote %v outside", left)
	}
}

func TestSaveArtifactThatExpired(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/repos/acme/shop/actions/artifacts/1/zip", 410, `{"message":"Artifact has expired"}`)
	_, err := g.reader().SaveArtifact(t.Context(), pipeline.Artifact{ID: 1}, t.TempDir())
	fails(t, err, pipeline.KindNotFound, "expired")
}

func TestAnnotations(t *testing.T) {
	g := newRegistry(t)
	g.get("/check-runs/9/annotations?per_page=100", `[{"path":"cart.py","start_line":88,"annotation_level":"failure","title":"pytest","message":"KeyError: 'sku'"}]`)
	got, err := g.reader().Annotations(t.Context(), 9)
	if want := []pipeline.Annotation{{Level: "failure", Path: "cart.py", Line: 88, Title: "pytest", Message: "KeyError: 'sku'"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	g.on("GET", "/repos/acme/shop/check-runs/10/annotations", 403, `{"message":"Resource not accessible by personal access token"}`)
	_, err = g.reader().Annotations(t.Context(), 10)
	fails(t, err, pipeline.KindForbidden, "may not read annotations")
}

// Another repository is read under the same limits and by the same token.
func TestIn(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/repos/acme/web/actions/runs/5", 200, `{"id":5}`).with("X-Ratelimit-Limit", "5000").with("X-Ratelimit-Remaining", "4321").with("X-Ratelimit-Reset", "4102444800")
	c := g.client()
	other, err := c.In("acme/web")
	if err != nil {
		t.Fatal(err)
	}
	if r, err := other.Run(t.Context(), 5); err != nil || r.ID != 5 {
		t.Errorf("got %+v, %v", r, err)
	}
	if c.Rate().Remaining != 4321 {
		t.Errorf("the limits are not shared: %+v", c.Rate())
	}
	for _, bad := range []string{"acme", "ghe.example.com/acme/web", "acme/../web"} {
		if _, err := c.In(bad); pipeline.KindOf(err) != pipeline.KindUsage {
			t.Errorf("In(%q): %v", bad, err)
		}
	}
}

// Colours of a log are data, and never sequences.
func TestJobLogKeepsColours(t *testing.T) {
	l := logText("2026-11-22T10:00:00.1234567Z \x1b[36;1mpytest\x1b[0m \x1b]0;x\x07done")
	if l.Text != "pytest done" || len(l.Colour) != 1 || l.Colour[0].To != len("pytest") || strings.ContainsRune(l.Text, 0x1b) {
		t.Errorf("got %+v", l)
	}
}
