package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"charm.land/huh/v2"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/workflows"
)

// errLeft says that the operator left a form.
var errLeft = &pipeline.Error{Kind: pipeline.KindRefused, Message: "nothing was changed, because the form was left"}

// offers are what the form lets the operator choose from.
type offers struct {
	services  []string // that may be delivered
	where     map[string]string
	migrating []string // of them, those that have a manage.py
	clusters  []string // that AWS shows
	branches  []string
}

// offersOf collects them: the services of the clusters, else those of the checkout.
func offersOf(seen surroundings, found checkout) offers {
	o := offers{where: map[string]string{}, migrating: found.migrating, clusters: seen.clusters, branches: found.branches}
	staging, production := stages(seen.configuration)
	for _, list := range [][]pipeline.Service{production.Services, staging.Services} {
		for _, s := range list {
			if !slices.Contains(o.services, s.Name) {
				o.services = append(o.services, s.Name)
			}
		}
	}
	for _, s := range found.services {
		name := s.Name
		if i := slices.IndexFunc(o.services, func(known string) bool { return dashed(known) == dashed(name) }); i >= 0 {
			name = o.services[i]
		} else if len(production.Services) == 0 {
			o.services = append(o.services, name)
		}
		o.where[name] = s.Directory
	}
	return o
}

// ask shows what was found for the operator to correct. Each page fits a
// terminal of 24 lines.
func (a *answers) ask(ctx context.Context, g *globals, o offers) error {
	input := func(title, description string, value *string, check func(string) error) *huh.Input {
		return huh.NewInput().Title(title).Description(description).Value(value).Validate(check)
	}
	optionalName := func(text string) error {
		if strings.ContainsAny(text, " \t") {
			return errors.New("write a name without spaces")
		}
		return nil
	}
	name := func(text string) error {
		if text == "" {
			return errors.New("write a name")
		}
		return optionalName(text)
	}
	f := huh.NewForm(
		a.askServices(o),
		huh.NewGroup(
			input("Production branch", "pushes to it, and tags v*, go to production", &a.defaultBranch, workflows.CheckBranch).Suggestions(o.branches),
			input("Staging branch", "pushes to it go to staging", &a.stagingBranch, workflows.CheckBranch).Suggestions(o.branches),
			input("ECR prefix", "what the images' repositories begin with, such as shop/; empty: nothing", &a.imagePrefix, workflows.CheckPrefix),
			input("Extension", "what the workflows install, as OWNER/REPO@VERSION; empty: later", &a.extension, checkExtension),
		).Title("Where it comes from"),
		huh.NewGroup(
			input("AWS region", "", &a.region, workflows.CheckRegion),
			input("Staging cluster", "the ECS cluster's name or ARN; "+shown(o.clusters), &a.stagingCluster, name).Suggestions(o.clusters),
			input("Production cluster", "the ECS cluster's name or ARN; "+shown(o.clusters), &a.productionCluster, name).Suggestions(o.clusters),
		).Title("Where it runs"),
		huh.NewGroup(
			input("Staging address", "of a service; {service} stands for its name; empty: none", &a.stagingURL, checkAddress),
			input("Production address", "of a service; {service} stands for its name; empty: none", &a.productionURL, checkAddress),
			input("Staging database", "RDS instance; empty: none", &a.stagingDatabase, optionalName),
			input("Production database", "RDS instance, backed up before each migration; empty: none", &a.productionDatabase, optionalName),
		).Title("What it answers at, and keeps"),
	)
	return g.runForm(ctx, f)
}

// tallest is how many lines a list of the form takes at most.
const tallest = 8

// askServices asks which services are delivered, and which migrates.
func (a *answers) askServices(o offers) *huh.Group {
	var delivered []huh.Option[string]
	for _, s := range o.services {
		where := o.where[s]
		if where == "" {
			where = "no directory here"
		}
		delivered = append(delivered, huh.NewOption(s+"  "+where, s))
	}
	if a.chosen == nil {
		a.chosen = slices.Clone(o.services)
	}
	migrates := []huh.Option[string]{huh.NewOption("none", "")}
	for _, s := range o.services {
		label := s
		if slices.Contains(o.migrating, s) {
			label += "  has a manage.py"
		}
		migrates = append(migrates, huh.NewOption(label, s))
	}
	return huh.NewGroup(
		huh.NewMultiSelect[string]().Title("Services").Description("that are built and deployed here").
			Options(delivered...).Height(min(len(delivered), tallest)+2).Filterable(len(delivered) > tallest).Value(&a.chosen).
			Validate(func(list []string) error {
				if len(list) == 0 {
					return errors.New("choose one at the least")
				}
				return nil
			}),
		huh.NewSelect[string]().Title("Migration service").Description("whose image migrates the database").
			Options(migrates...).Height(min(len(migrates), tallest)+2).Value(&a.migrationService),
	).Title("What is delivered").WithHide(len(o.services) == 0)
}

// shown says which clusters there are to choose from.
func shown(clusters []string) string {
	if len(clusters) == 0 {
		return "AWS shows none"
	}
	return "AWS shows " + strings.Join(clusters, ", ")
}

func checkExtension(text string) error {
	if text == "" {
		return nil
	}
	_, err := workflows.ParseExtension(text)
	return err
}

func checkAddress(text string) error {
	if text == "" {
		return nil
	}
	return workflows.CheckAddress(strings.ReplaceAll(text, "{service}", "service"))
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
