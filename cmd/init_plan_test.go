package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/workflows"
)

// What was changed, made or deleted after the plan was shown is not written over.
func TestAsShown(t *testing.T) {
	put := func(root, content string) {
		if err := os.WriteFile(filepath.Join(root, "ci.yml"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		was, is string // empty: there is no file
		refused bool
	}{
		"as it was":      {"a", "a", false},
		"never there":    {"", "", false},
		"changed":        {"a", "b", true},
		"made meanwhile": {"", "b", true},
		"deleted":        {"a", "", true},
	} {
		root := t.TempDir()
		if c.was != "" {
			put(root, c.was)
		}
		plan := []writing{{name: "ci.yml", content: []byte("new")}}
		if err := compare(root, plan); err != nil {
			t.Fatal(err)
		}
		if c.is != "" {
			put(root, c.is)
		} else if err := os.RemoveAll(filepath.Join(root, "ci.yml")); err != nil {
			t.Fatal(err)
		}
		if err := plan[0].asShown(root); (pipeline.KindOf(err) == pipeline.KindConflict) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The base of a service is its health address without the last part.
func TestBaseOf(t *testing.T) {
	for health, want := range map[string]string{
		"": "", "https://x.example/health": "https://x.example", "https://x.example/api/orders/health/": "https://x.example/api/orders",
		"https://x.example": "https://x.example", "https://x.example/healthz?full=1": "https://x.example", "http://x.example:8000/a/b": "http://x.example:8000/a",
	} {
		if got := baseOf(health); got != want {
			t.Errorf("%s begins at %q, not %q", health, got, want)
		}
	}
}

// A directory is a service by its Dockerfile, or by a manage.py that belongs to
// no other; Python by either way to say what it needs.
func TestFindServices(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"services/orders/Dockerfile": "FROM golang AS build\nFROM --platform=linux/amd64 docker.io/library/python:3.12.4-slim AS run\n", "services/orders/src/manage.py": "", "services/orders/requirements/base.txt": "",
		"services/Catalog/manage.py": "", "services/Catalog/pyproject.toml": "", "frontend/Dockerfile": "FROM node:22", "services/orders/vendor/x/Dockerfile": "",
		"a/b/c/d/Dockerfile": "",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := look(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	want := []workflows.Service{{Name: "catalog", Directory: "services/Catalog", Python: true}, {Name: "frontend", Directory: "frontend"}, {Name: "orders", Directory: "services/orders", Python: true}}
	if !slices.Equal(c.services, want) || !slices.Equal(c.unbuilt, []string{"catalog"}) || !slices.Equal(c.migrating, []string{"catalog", "orders"}) || c.settings.PythonVersion != "3.12" {
		t.Errorf("%+v", c)
	}
}
