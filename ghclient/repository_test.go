package ghclient

import (
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestRepository(t *testing.T) {
	g := newRegistry(t)
	g.get("", `{"name":"shop","owner":{"login":"acme"},"default_branch":"main","private":true,"html_url":"https://github.com/acme/shop",
		"permissions":{"admin":false,"maintain":false,"push":true,"triage":true,"pull":true}}`)
	got, err := g.reader().Repository(t.Context())
	want := pipeline.Repository{Host: "github.localhost", Owner: "acme", Name: "shop", DefaultBranch: "main", Private: true, URL: "https://github.com/acme/shop", Role: "push"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRole(t *testing.T) {
	tests := []struct {
		permissions map[string]bool
		want        string
	}{
		{map[string]bool{"admin": true, "maintain": true, "push": true, "triage": true, "pull": true}, "admin"},
		{map[string]bool{"maintain": true, "push": true, "pull": true}, "maintain"},
		{map[string]bool{"triage": true, "pull": true}, "triage"},
		{map[string]bool{"pull": true}, "pull"},
		{nil, ""},
	}
	for _, tt := range tests {
		if got := (wireRepository{Permissions: tt.permissions}).role(); got != tt.want {
			t.Errorf("%v: got %q", tt.permissions, got)
		}
	}
}

func TestViewer(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/user", 200, `{"login":"alice","id":7}`)
	if got, err := g.reader().Viewer(t.Context()); err != nil || got != (pipeline.Viewer{Login: "alice", ID: 7}) {
		t.Errorf("got %+v, %v", got, err)
	}
}
