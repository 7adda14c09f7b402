package cmd

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"time"

	"github.com/cli/go-gh/v2/pkg/term"
	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/workflows"
)

// initFlags are the answers and the ways of init.
type initFlags struct {
	answers
	yes, force, dryRun bool
	diff               bool
	summary            string
	protect            bool
	protection         protectionFlags
}

func newInit(g *globals) *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use:   "init",
		Short: "Write the delivery system into this repository",
		Long: "init looks at the checkout, at GitHub and at the ECS clusters it can see, asks what it cannot know,\n" +
			"shows what it would write, and writes .github/deployctl.yml, the four workflows, the examples of the\n" +
			"environment files and the script that sets the secrets. Running it again changes nothing.\n\n" +
			"With --environments it applies the protection rules of the GitHub environments instead.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.protect {
				return g.protect(c.Context(), f)
			}
			return g.runInit(c.Context(), f)
		},
	}
	fl := c.Flags()
	fl.BoolVarP(&f.yes, "yes", "y", false, "ask nothing: take what was found and the flags")
	fl.BoolVar(&f.force, "force", false, "overwrite files that differ")
	fl.BoolVar(&f.dryRun, "dry-run", false, "show the plan and write nothing")
	fl.BoolVar(&f.diff, "diff", false, "show the content of every new file, and not only of the configuration")
	fl.StringVar(&f.summary, "summary", "", "also write the summary for the pull request into this `FILE`")
	fl.StringVar(&f.defaultBranch, "default-branch", "", "`BRANCH` that production is deployed from (default: the repository's)")
	fl.StringVar(&f.stagingBranch, "staging-branch", "", "`BRANCH` that staging is deployed from (default develop)")
	fl.StringVar(&f.region, "region", "", "AWS `REGION` (default: of the AWS session)")
	fl.StringVar(&f.stagingCluster, "staging-cluster", "", "ECS `CLUSTER` of staging")
	fl.StringVar(&f.productionCluster, "production-cluster", "", "ECS `CLUSTER` of production")
	fl.StringVar(&f.stagingURL, "staging-url", "", "`URL` of a service in staging; {service} stands for its name")
	fl.StringVar(&f.productionURL, "production-url", "", "`URL` of a service in production; {service} stands for its name")
	fl.StringVar(&f.stagingDatabase, "staging-database", "", "RDS `INSTANCE` of staging")
	fl.StringVar(&f.productionDatabase, "production-database", "", "RDS `INSTANCE` of production")
	fl.StringVar(&f.migrationService, "migration-service", "", "`SERVICE` whose image migrates the database (default: the first with a manage.py)")
	fl.StringVar(&f.imagePrefix, "image-prefix", "", "what the ECR repositories' names begin with (default: the repository's name and /)")
	fl.StringArrayVar(&f.services, "service", nil, "a service as `NAME=DIRECTORY` (repeatable; default: every directory with a Dockerfile)")
	fl.StringVar(&f.extension, "extension", "", "the release that the workflows install, as `OWNER/REPO@VERSION`")
	fl.StringVar(&f.sha256, "extension-sha256", "", "`SHA256` of its linux-amd64 binary (default: looked up at the release)")
	fl.BoolVar(&f.protect, "environments", false, "apply the protection rules of the GitHub environments")
	f.protection.register(fl)
	return c
}

// initPlan is what init would do, before anything is written.
type initPlan struct {
	files  []writing
	notes  []string    // for the operator to read
	found  [][2]string // what was found: of what, and which
	stages []pipeline.Environment
}

func (g *globals) runInit(ctx context.Context, f initFlags) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	found, err := look(ctx, root)
	if err != nil {
		return err
	}
	if err := f.parseServices(&found); err != nil {
		return err
	}
	plan, err := g.planInit(ctx, f, found)
	if err != nil {
		return err
	}
	if err := compare(root, plan.files); err != nil {
		return err
	}
	for _, line := range plan.found {
		fmt.Fprintf(g.Out, "%-10s %s\n", line[0], line[1])
	}
	fmt.Fprintf(g.Out, "\n%s\n", root)
	printTree(g.Out, plan.files)
	printDiffs(g.Out, plan.files, f.diff)
	for _, n := range plan.notes { // before anybody is asked
		fmt.Fprintln(g.Err, "note: "+n)
	}
	written, kept, err := g.writePlan(ctx, f, root, plan.files)
	if err != nil {
		return err
	}
	return g.summarise(f, plan, written, kept)
}

// planInit decides what the files hold.
func (g *globals) planInit(ctx context.Context, f initFlags, found checkout) (initPlan, error) {
	plan := initPlan{}
	c, has, err := localConfiguration(found.root)
	if err != nil {
		return plan, err
	}
	a := f.answers
	var seen surroundings
	if !has || a.extension != "" {
		seen = g.lookAround(ctx)
		plan.notes = append(plan.notes, seen.notes...)
	}
	if !has {
		a.region = cmp.Or(a.region, seen.region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
		a.fill(seen.configuration, found, cmp.Or(seen.repository, path.Base(found.root)), seen.defaultBranch)
		if g.interactive() && !f.yes {
			if err := a.ask(ctx, g, offersOf(seen, found)); err != nil {
				return plan, err
			}
			a.guessed = nil // the operator has seen and confirmed each
		}
		c = a.configuration(seen.configuration, found)
	}
	ext, why, err := g.extension(ctx, a, found, seen)
	if err != nil {
		return plan, err
	}
	if found.settings.Built && f.imagePrefix == "" {
		a.imagePrefix = found.settings.ImagePrefix
	}
	for _, guess := range a.guessed {
		plan.notes = append(plan.notes, "guessed: "+guess)
	}
	s, notes := system(c, &found, a.imagePrefix, ext)
	plan.notes = append(plan.notes, notes...)
	if ext.Repository == "" {
		plan.notes = append(plan.notes, "the workflows do not know which release of gh deployctl to install and fail until they do (--extension OWNER/REPO@VERSION)")
	} else if ext.SHA256 == "" {
		plan.notes = append(plan.notes, "the SHA-256 of "+ext.String()+" could not be looked up ("+why+"); the workflows fail until they have it (--extension-sha256)")
	}
	if seen.session != nil && seen.session.hiddenFromJobs(ctx, ext.Repository) {
		plan.notes = append(plan.notes, ext.Repository+" is "+hiddenRepository+"; "+copyExtension)
	}
	for _, other := range found.others {
		plan.notes = append(plan.notes, "there is another workflow, "+other+"; see that it deploys nothing by itself")
	}
	for _, e := range c.Environments {
		if name := environments.EnvPath(e); path.Dir(name) != environments.EnvDirectory || path.Ext(name) != ".env" {
			plan.notes = append(plan.notes, name+" will hold secrets; name it in a .gitignore")
		}
	}
	plan.stages, plan.found = c.Environments, whatWasFound(s, c, seen.clusters, found.others)
	return plan, plan.render(c, has, s)
}

// render fills the plan with the files' content.
func (p *initPlan) render(c pipeline.Configuration, has bool, s workflows.System) error {
	rendered, err := workflows.Render(s)
	if err != nil {
		return &pipeline.Error{Kind: pipeline.KindUsage, Op: "make the workflows", Message: err.Error(), Hint: "correct it with a flag of init or in " + environments.Path, Err: err}
	}
	if !has { // a configuration that is there is the team's, and stays as it is
		content, err := environments.Marshal(c)
		if err != nil {
			return &pipeline.Error{Kind: pipeline.KindUsage, Message: err.Error(), Hint: "correct it with a flag of init", Err: err}
		}
		p.files = append(p.files, writing{name: environments.Path, content: content})
	}
	for _, f := range rendered {
		p.files = append(p.files, writing{name: workflows.Directory + "/" + f.Name, content: f.Content})
	}
	p.files = append(p.files, writing{name: environments.EnvDirectory + "/.gitignore", content: []byte("# The filled-in files hold secrets.\n*.env\n")})
	for _, e := range c.Environments {
		p.files = append(p.files, writing{name: environments.EnvPath(e) + ".example", content: environments.EnvExample(e.Name, e.Production)})
	}
	p.files = append(p.files, writing{name: "ci-cd/scripts/setup-github-secrets.sh", content: []byte(secretsScript), executable: true})
	return nil
}

const secretsScript = `#!/bin/sh
# Sets every secret that the workflows need; see gh deployctl secrets --help.
exec gh deployctl secrets --all "$@"
`

// surroundings are what GitHub and AWS show.
type surroundings struct {
	configuration             pipeline.Configuration
	repository, defaultBranch string
	region                    string
	clusters                  []string // of ECS, as far as they can be seen
	session                   *session // nil where GitHub cannot be reached
	notes                     []string
}

// lookAround asks GitHub and AWS. Neither is needed: what cannot be reached is
// a note.
func (g *globals) lookAround(ctx context.Context) surroundings {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var out surroundings
	s := &session{globals: g}
	if err := s.openLog(); err != nil {
		out.notes = append(out.notes, sentence(err))
		return out
	}
	defer s.Close()
	cloud, err := aws.New(ctx, aws.Options{Log: s.log, Version: Version()})
	if err != nil {
		out.notes = append(out.notes, "AWS is not connected: "+sentence(err))
		return out
	}
	s.cloud = cloud
	if who, err := cloud.Identity(ctx, pipeline.Cluster{}); err == nil {
		out.region = who.Region
		if out.clusters, err = cloud.Clusters(ctx, pipeline.Cluster{}); err != nil {
			out.notes = append(out.notes, "the ECS clusters cannot be listed: "+sentence(err))
		}
	}
	if err := s.openGitHub(pipeline.ModeReadOnly); err != nil {
		out.notes = append(out.notes, "GitHub was not asked: "+sentence(err))
		return out
	}
	repo, err := s.reader.Repository(ctx)
	if err != nil {
		out.notes = append(out.notes, "GitHub was not asked: "+sentence(err))
		return out
	}
	out.repository, out.defaultBranch, out.session = repo.FullName(), repo.DefaultBranch, s
	if out.configuration, err = s.infer(ctx); err != nil {
		out.notes = append(out.notes, "nothing could be inferred: "+sentence(err))
	}
	return out
}

// writePlan writes what is new, and what differs where that is allowed.
func (g *globals) writePlan(ctx context.Context, f initFlags, root string, files []writing) (written, kept []string, err error) {
	if f.dryRun {
		return nil, nil, nil
	}
	if !f.yes && !g.interactive() && slices.ContainsFunc(files, func(w writing) bool { return !w.unchanged() }) {
		return nil, nil, &pipeline.Error{Kind: pipeline.KindUsage, Message: "nothing was written, because there is no terminal to ask on", Hint: "give --yes to write what is shown above, and --force to overwrite what differs"}
	}
	fresh := slices.DeleteFunc(slices.Clone(files), func(w writing) bool { return w.exists })
	if len(fresh) > 0 && !f.yes {
		if ok, err := g.confirm(ctx, fmt.Sprintf("Write %d new files?", len(fresh))); err != nil || !ok {
			return nil, nil, cmp.Or(err, error(errLeft))
		}
	}
	for _, w := range files {
		if w.unchanged() {
			continue
		}
		agreed := !w.exists || f.force
		if !agreed && !f.yes {
			if agreed, err = g.confirm(ctx, "Overwrite "+w.name+"?"); err != nil {
				return written, kept, err
			}
		}
		if !agreed {
			kept = append(kept, w.name)
			continue
		}
		if err := w.asShown(root); err != nil {
			return written, kept, err
		}
		if err := w.write(root); err != nil {
			return written, kept, err
		}
		written = append(written, w.name)
	}
	return written, kept, nil
}

// interactive reports whether somebody can be asked.
func (g *globals) interactive() bool {
	in, ok := g.In.(*os.File)
	out, also := g.Out.(*os.File)
	return ok && also && term.IsTerminal(in) && term.IsTerminal(out)
}
