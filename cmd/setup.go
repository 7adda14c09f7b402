package cmd

import (
	"context"
	"os"
	"path/filepath"

	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
)

// openSetup opens what the commands of the set-up share: a client that can
// change the repository, and its configuration: of --config, else of the
// checkout, which may be ahead of the default branch, else of GitHub.
func (g *globals) openSetup(ctx context.Context) (*ghclient.Client, pipeline.Configuration, func(), error) {
	s := &session{globals: g}
	if err := s.openLog(); err != nil {
		return nil, pipeline.Configuration{}, nil, err
	}
	if err := s.openGitHub(pipeline.ModeOperator); err != nil {
		s.Close()
		return nil, pipeline.Configuration{}, nil, err
	}
	c, err := s.setupConfiguration(ctx)
	if err != nil {
		s.Close()
		return nil, c, nil, err
	}
	return s.actions.(*ghclient.Client), c, s.Close, nil
}

// setupConfiguration is the configuration for the commands of the set-up.
func (s *session) setupConfiguration(ctx context.Context) (pipeline.Configuration, error) {
	if s.config != "" {
		return s.configure(ctx)
	}
	if root, err := findRoot(); err == nil && s.repository == "" { // -R means another than the checkout's
		if c, found, err := localConfiguration(root); found || err != nil {
			return c, err
		}
	}
	content, err := s.reader.File(ctx, environments.Path, "")
	if pipeline.KindOf(err) == pipeline.KindNotFound {
		return pipeline.Configuration{}, &pipeline.Error{Kind: pipeline.KindUsage, Message: "there is no " + environments.Path, Hint: "run gh deployctl init", Err: err}
	}
	if err != nil {
		return pipeline.Configuration{}, err
	}
	return parse(s.owner+"/"+s.name+":"+environments.Path, content)
}

// inCheckout reads a file of the checkout; the name has slashes.
func inCheckout(root, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
}
