package ghclient

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/cli/go-gh/v2/pkg/auth"
	"github.com/cli/go-gh/v2/pkg/repository"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// repositoryName is what GitHub allows as the name of an owner or repository.
var repositoryName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// Resolve says which repository is meant: by the flag -R ([HOST/]OWNER/NAME or
// a URL), else by GH_REPO, else by the git remotes of the working directory.
// What cannot be resolved is a KindUsage.
func Resolve(flag string) (host, owner, name string, err error) {
	if flag != "" {
		host, _ = auth.DefaultHost()
		r, err := parseRepository(flag, host)
		return r.Host, r.Owner, r.Name, err
	}
	r, err := repository.Current()
	if err != nil {
		return "", "", "", unresolved(err, os.Getenv("GH_REPO"))
	}
	if r, err = valid(r); err != nil {
		return "", "", "", err
	}
	return r.Host, r.Owner, r.Name, nil
}

// Token returns gh's token for a host: from the environment, gh's
// configuration or gh itself. Where there is none it is a KindAuth.
func Token(host string) (string, error) {
	token, _, err := findToken(host)
	return token, err
}

func findToken(host string) (token, source string, err error) {
	if token, source = auth.TokenForHost(host); token != "" {
		return token, source, nil
	}
	return "", "", &pipeline.Error{
		Kind:    pipeline.KindAuth,
		Message: "there is no GitHub token for " + sanitise.Text(host),
		Hint:    loginHint(host),
	}
}

func loginHint(host string) string {
	return "run gh auth login --hostname " + sanitise.Text(host)
}

// tokenHint says how to replace a token that GitHub does not accept: one from
// the environment wins over whatever gh knows.
func tokenHint(host, source string) string {
	if strings.HasSuffix(source, "_TOKEN") {
		return "correct or unset " + source + ", or " + loginHint(host)
	}
	return loginHint(host)
}

// parseRepository reads [HOST/]OWNER/NAME or a URL.
func parseRepository(s, host string) (repository.Repository, error) {
	r, err := repository.ParseWithHost(s, host)
	if err != nil {
		return r, badRepository(s, err)
	}
	return valid(r)
}

// valid refuses names that GitHub cannot know, before they reach a URL.
func valid(r repository.Repository) (repository.Repository, error) {
	if repositoryName.MatchString(r.Owner) && repositoryName.MatchString(r.Name) {
		return r, nil
	}
	return repository.Repository{}, badRepository(r.Owner+"/"+r.Name, nil)
}

func badRepository(s string, err error) error {
	return &pipeline.Error{
		Kind:    pipeline.KindUsage,
		Message: `"` + sanitise.Text(s) + `" does not name a repository`,
		Hint:    "write it as OWNER/NAME or HOST/OWNER/NAME",
		Err:     err,
	}
}

// unresolved says why no repository was found. One that the environment names
// was all that was looked at.
func unresolved(err error, named string) error {
	if named != "" {
		return &pipeline.Error{
			Kind:    pipeline.KindUsage,
			Message: `GH_REPO is "` + sanitise.Text(named) + `", which does not name a repository`,
			Hint:    "write it as OWNER/NAME or HOST/OWNER/NAME, or unset it",
			Err:     err,
		}
	}
	e := &pipeline.Error{
		Kind:    pipeline.KindUsage,
		Message: sanitise.Text(err.Error()),
		Hint:    "run it inside a clone, or name the repository with -R OWNER/NAME",
		Err:     err,
	}
	if errors.Is(err, exec.ErrNotFound) {
		e.Message = "the git remotes cannot be read, because git is not installed"
	} else if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		e.Message = "this directory is not inside a git repository"
	}
	return e
}
