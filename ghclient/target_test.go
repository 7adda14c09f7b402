package ghclient

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestResolve(t *testing.T) {
	tests := []struct {
		name, flag, env, host string
		want                  string // HOST/OWNER/NAME; empty: a KindUsage
	}{
		{"flag", "acme/shop", "", "", "github.com/acme/shop"},
		{"flag with a host", "ghe.acme.test/acme/shop", "", "", "ghe.acme.test/acme/shop"},
		{"address", "https://github.com/acme/shop.git", "", "", "github.com/acme/shop"},
		{"ssh address", "git@github.com:acme/shop.git", "", "", "github.com/acme/shop"},
		{"default host", "acme/shop", "", "github.localhost", "github.localhost/acme/shop"},
		{"environment", "", "acme/other", "", "github.com/acme/other"},
		{"flag before environment", "acme/shop", "acme/other", "", "github.com/acme/shop"},
		{"one word", "shop", "", "", ""},
		{"empty part", "acme/", "", "", ""},
		{"too many", "a/b/c/d", "", "", ""},
		{"query", "acme/shop?x=1", "", "", ""},
		{"space", "acme/my shop", "", "", ""},
		{"escape", "acme/\x1b[31m", "", "", ""},
		{"bad environment", "", "nonsense", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("GH_REPO", tt.env)
			t.Setenv("GH_HOST", tt.host)
			host, owner, name, err := Resolve(tt.flag)
			if tt.want == "" {
				fails(t, err, pipeline.KindUsage, "; ")
				if tt.flag == "" && !strings.Contains(err.Error(), "GH_REPO") {
					t.Errorf("%v does not say what to correct", err)
				}
				return
			}
			if got := host + "/" + owner + "/" + name; got != tt.want || err != nil {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestResolveByRemote(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	t.Setenv("GH_HOST", "github.localhost")
	t.Setenv("GIT_CEILING_DIRECTORIES", t.TempDir())
	dir := t.TempDir()
	t.Chdir(dir)
	_, _, _, err := Resolve("")
	fails(t, err, pipeline.KindUsage, "-R OWNER/NAME")

	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %s", args, out)
		}
	}
	git("init", "-q")
	_, _, _, err = Resolve("")
	fails(t, err, pipeline.KindUsage, "no git remotes")
	git("remote", "add", "origin", "https://elsewhere.test/acme/shop.git")
	_, _, _, err = Resolve("")
	fails(t, err, pipeline.KindUsage, "known GitHub host")
	git("remote", "set-url", "origin", "http://github.localhost/acme/shop.git")
	host, owner, name, err := Resolve("")
	if err != nil || host != "github.localhost" || owner != "acme" || name != "shop" {
		t.Errorf("got %s/%s/%s, %v", host, owner, name, err)
	}
}

func TestToken(t *testing.T) {
	_, err := Token("github.localhost")
	fails(t, err, pipeline.KindAuth, "no GitHub token for github.localhost", "gh auth login --hostname github.localhost")
	t.Setenv("GH_TOKEN", "from-env")
	if token, err := Token("github.localhost"); token != "from-env" || err != nil {
		t.Errorf("got %q, %v", token, err)
	}
	_, err = Token("ghe.acme.test") // another variable is for enterprise hosts
	fails(t, err, pipeline.KindAuth, "ghe.acme.test")
}

func TestNewReaderNeedsARepositoryAndAToken(t *testing.T) {
	_, err := NewReader(Options{Host: "github.localhost", Repository: "shop", Token: "x"})
	fails(t, err, pipeline.KindUsage, `"shop"`)
	_, err = NewReader(Options{Host: "github.localhost", Repository: "acme/shop"})
	fails(t, err, pipeline.KindAuth)
	_, err = NewClient(Options{Host: "github.localhost", Repository: "acme/shop"})
	fails(t, err, pipeline.KindAuth)
	t.Setenv("GH_TOKEN", "from-env")
	if _, err = NewClient(Options{Repository: "acme/shop"}); err != nil {
		t.Error(err)
	}
}
