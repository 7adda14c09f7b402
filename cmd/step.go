package cmd

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

// stepFlags are those that every step has.
type stepFlags struct {
	*globals
	environment string
	dryRun      bool
	timeout     time.Duration
}

func newStep(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "step",
		Short: "What the workflows call: one step of the delivery system each",
		Long: "step carries out one step of the delivery workflows that gh deployctl init writes. Steps read GITHUB_* of\n" +
			"the job, GH_TOKEN and AWS credentials from the environment, and the configuration from the checkout, else\n" +
			"from the default branch. They annotate the run, set outputs and write its summary; outside of GitHub Actions\n" +
			"they print the same as text. Every step can be run again. A run with debug logging shows every request.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return usage(c, "name a step") },
	}
	c.AddCommand(
		newStepVersion(g), newStepPreflight(g), newStepPrepare(g), newStepMigrate(g), newStepDeploy(g),
		newStepVerify(g), newStepSmoke(g), newStepRollback(g), newStepNotify(g), newStepRelease(g),
	)
	return c
}

// step makes a command of a step. bounded is what --timeout bounds; empty: the
// step as a whole.
func (g *globals) step(use, short, bounded string, do func(context.Context, *steps.Suite, *stepFlags) error) (*cobra.Command, *stepFlags) {
	o := &stepFlags{globals: g}
	c := &cobra.Command{
		Use: use, Short: short, Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			if bounded == "" && o.timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, o.timeout)
				defer cancel()
			}
			return o.run(ctx, c.Name(), do)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and change nothing")
	if bounded == "" {
		bounded = "the step as a whole (default: no end but the job's)"
	}
	f.DurationVar(&o.timeout, "timeout", 0, "bounds "+bounded)
	return c, o
}

// onEnvironment adds the flag that most steps need.
func (o *stepFlags) onEnvironment(c *cobra.Command, required bool) {
	help := "the environment"
	if required {
		help += " (required)"
	}
	c.Flags().StringVarP(&o.environment, "environment", "e", "", help)
	if required {
		next := c.RunE
		c.RunE = func(c *cobra.Command, args []string) error {
			if o.environment == "" {
				return usage(c, c.Name()+" needs --environment")
			}
			return next(c, args)
		}
	}
}

// run carries a step out, and annotates the run with why it failed.
func (o *stepFlags) run(ctx context.Context, name string, do func(context.Context, *steps.Suite, *stepFlags) error) error {
	suite, closing, err := o.suite(ctx)
	if err != nil {
		steps.NewReport(o.Out, os.Getenv).Errorf("step "+name, "%v", err)
		return err
	}
	defer closing()
	if err := do(ctx, suite, o); err != nil {
		suite.Report.Errorf("step "+name, "%v", err)
		suite.Report.Summary("**step " + name + "** did not succeed: " + steps.Cell(err.Error()))
		return err
	}
	if err := suite.Report.Err(); err != nil {
		return &pipeline.Error{Kind: pipeline.KindInternal, Op: "report on step " + name, Err: err}
	}
	return nil
}

// suite wires what the steps need. A dry run gets nothing that can change
// anything: a reader that refuses all but GET, and no deployer.
func (o *stepFlags) suite(ctx context.Context) (*steps.Suite, func(), error) {
	s := &session{globals: o.globals}
	if err := s.openLog(); err != nil {
		return nil, nil, err
	}
	suite := &steps.Suite{
		Run: steps.ReadRun(os.Getenv), Report: steps.NewReport(o.Out, os.Getenv),
		HTTP: &http.Client{}, Getenv: os.Getenv, DryRun: o.dryRun, Speed: stepSpeed(os.Getenv("DEPLOYCTL_SPEED")),
	}
	suite.Report.Mask(os.Getenv("SLACK_WEBHOOK_URL"))
	if s.logFile == "" {
		s.log = suite.Report.Logger()
	}
	mode := pipeline.ModeOperator
	if o.dryRun {
		mode = pipeline.ModeReadOnly
	}
	err := s.openGitHub(mode)
	if err == nil {
		err = s.openAWS(ctx, suite, o.dryRun)
	}
	if err == nil {
		suite.Configuration, err = s.stepConfiguration(ctx)
		suite.Configuration = withJobIdentity(suite.Configuration, os.Getenv("GITHUB_ACTIONS") == "true")
	}
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	suite.GitHub = s.reader
	if client, ok := s.reader.(*ghclient.Client); ok {
		suite.Publisher = client
	}
	return suite, s.Close, nil
}

// stepSpeed reads DEPLOYCTL_SPEED, which a sandbox sets that runs faster than
// the world; what is no number above zero changes nothing.
func stepSpeed(text string) float64 {
	speed, err := strconv.ParseFloat(text, 64)
	if err != nil || speed < 0 {
		return 0
	}
	return speed
}

// openAWS makes the cloud, and the deployer unless nothing may change. It sends
// nothing: a step that needs no AWS needs no credentials.
func (s *session) openAWS(ctx context.Context, suite *steps.Suite, readOnly bool) error {
	options := aws.Options{Log: s.log, Version: Version()}
	cloud, err := aws.New(ctx, options)
	if err != nil {
		return err
	}
	s.cloud, suite.Cloud = cloud, cloud
	if readOnly {
		return nil
	}
	deployer, err := aws.NewDeployer(ctx, options)
	if err != nil {
		return err
	}
	suite.Deployer = deployer
	return nil
}

// withJobIdentity leaves out the profiles and roles that operators read with: a
// job of GitHub Actions has the identity that it was given, and no profiles.
func withJobIdentity(c pipeline.Configuration, inJob bool) pipeline.Configuration {
	if !inJob {
		return c
	}
	c.Environments = slices.Clone(c.Environments)
	for i := range c.Environments {
		c.Environments[i].Clusters = slices.Clone(c.Environments[i].Clusters)
		for j := range c.Environments[i].Clusters {
			c.Environments[i].Clusters[j].Profile, c.Environments[i].Clusters[j].Role = "", ""
		}
	}
	return c
}

// stepConfiguration is that of the checkout, which belongs to the commit that
// is deployed; jobs without a checkout read the default branch's.
func (s *session) stepConfiguration(ctx context.Context) (pipeline.Configuration, error) {
	if s.config == "" {
		content, err := os.ReadFile(environments.Path)
		if err == nil {
			s.log.Info("configuration", "file", environments.Path)
			return parse(environments.Path, content)
		}
	}
	return s.configure(ctx)
}
