package cmd

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func TestInputMemory(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	s := &session{host: "github.localhost", owner: "acme", name: "shop"}
	m := s.inputs()
	if got := m.Recall("", "ci.yml"); len(got) != 0 {
		t.Errorf("it remembers %v of nothing", got)
	}
	sent := map[string]string{
		"version": "v1", "reason": "because", "request_id": "R1", "confirm": "ROLLBACK",
		"api_token": "t", "DB_PASSWORD": "p", "deploy-key": "k", "apiKey": "k", "client_secret": "s", "slack_webhook": "u",
		"keyboard": "qwerty", "author": "alice",
	}
	if err := m.Remember("", "ci.yml", sent); err != nil {
		t.Fatal(err)
	}
	if err := m.Remember("acme/web", "ci.yml", map[string]string{"version": "v2"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"version": "v1", "reason": "because", "keyboard": "qwerty", "author": "alice"}
	if got := s.inputs().Recall("", "ci.yml"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := m.Recall("acme/web", "ci.yml")["version"]; got != "v2" {
		t.Errorf("another repository has %q", got)
	}
	path := filepath.Join(stateHome(), "gh-deployctl", "inputs", "github.localhost", "acme", "shop.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(path, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := m.Recall("", "ci.yml"); len(got) != 0 {
		t.Errorf("a torn file gives %v", got)
	}
}
