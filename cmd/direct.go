package cmd

import (
	"context"
	"io"
	"net/http"
	"os"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

// direct runs the rollback step from this machine, for when GitHub Actions is
// down; progress takes what it reports. It is nil in a session that may not
// write to GitHub: the step records what it does there.
func (s *session) direct(progress io.Writer) pipeline.DirectRollback {
	publisher, ok := s.actions.(steps.Publisher)
	if !ok {
		return nil
	}
	return func(ctx context.Context, r pipeline.DirectRequest) error {
		deployer, err := aws.NewDeployer(ctx, aws.Options{Log: s.log, Version: Version()})
		if err != nil {
			return err
		}
		snap := s.engine.Snapshot()
		suite := &steps.Suite{
			Configuration: snap.Config, GitHub: s.reader, Cloud: s.cloud, Deployer: deployer, Publisher: publisher,
			Run: steps.Run{
				Repository: s.owner + "/" + s.name, Workflow: snap.Config.Workflows.Rollback, Ref: snap.Repository.DefaultBranch,
				Actor: r.Operator, RequestID: r.RequestID, Server: "https://" + s.host,
			},
			Report: steps.NewReport(progress, func(string) string { return "" }),
			HTTP:   &http.Client{}, Speed: stepSpeed(os.Getenv("DEPLOYCTL_SPEED")),
		}
		return suite.Rollback(ctx, steps.RollbackRequest{Environment: r.Environment, To: r.Deployment, Reason: r.Reason, ExpectedSHA: r.Current})
	}
}
