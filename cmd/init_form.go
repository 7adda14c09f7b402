package cmd

import (
	"context"
	"errors"
	"fmt"

	"charm.land/huh/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// errLeft says that the operator left a form.
var errLeft = &pipeline.Error{Kind: pipeline.KindRefused, Message: "nothing was changed, because the form was left"}

// ask shows what was found for the operator to correct.
func (a *answers) ask(ctx context.Context, g *globals) error {
	input := func(title, description string, value *string) huh.Field {
		return huh.NewInput().Title(title).Description(description).Value(value)
	}
	return g.runForm(ctx, huh.NewForm(
		huh.NewGroup(
			input("Production branch", "pushes to it, and tags v*, go to production", &a.defaultBranch),
			input("Staging branch", "pushes to it go to staging", &a.stagingBranch),
			input("AWS region", "", &a.region),
			input("Staging cluster", "the ECS cluster's name or ARN", &a.stagingCluster),
			input("Production cluster", "the ECS cluster's name or ARN", &a.productionCluster),
			input("ECR prefix", "what the images' repositories begin with, such as shop/", &a.imagePrefix),
		).Title("Where it runs"),
		huh.NewGroup(
			input("Staging address", "of a service; {service} stands for its name; empty: none", &a.stagingURL),
			input("Production address", "of a service; {service} stands for its name; empty: none", &a.productionURL),
			input("Migration service", "whose image migrates the database; empty: none", &a.migrationService),
			input("Staging database", "RDS instance; empty: none", &a.stagingDatabase),
			input("Production database", "RDS instance, backed up before each migration; empty: none", &a.productionDatabase),
			input("Extension", "the release that the workflows install, as OWNER/REPO@VERSION", &a.extension),
		).Title("What it is"),
	))
}

// runForm shows a form on the command's own streams.
func (g *globals) runForm(ctx context.Context, f *huh.Form) error {
	err := f.WithInput(g.In).WithOutput(g.Out).RunWithContext(ctx)
	switch {
	case errors.Is(err, huh.ErrUserAborted):
		return errLeft
	case err != nil:
		return fmt.Errorf("show the form: %w", err)
	}
	return nil
}

// confirm asks one question; the answer that changes nothing is the default.
func (g *globals) confirm(ctx context.Context, question string) (bool, error) {
	yes := false
	err := g.runForm(ctx, huh.NewForm(huh.NewGroup(huh.NewConfirm().Title(question).Value(&yes))))
	return yes, err
}
