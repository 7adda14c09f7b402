package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
)

// finding is one line of doctor.
type finding struct {
	Check    string       `json:"check"`   // what was looked at: "gate"
	Subject  string       `json:"subject"` // of what: "production"; may be empty
	State    findingState `json:"state"`
	Sentence string       `json:"sentence"`
	Fix      string       `json:"fix"` // what to do; empty where all is right
}

type findingState string

const (
	holds   findingState = "ok"
	weak    findingState = "warning" // it works, and could be better
	broken  findingState = "failed"
	unknown findingState = "unknown" // it could not be looked at
	untried findingState = "untried" // it cannot be proved without changing something
)

// doctor collects findings.
type doctor struct {
	*session
	findings []finding
	roles    map[string]string   // ARN of the role that the jobs of an environment have; none where they have keys
	proved   map[string][]string // writes that IAM said something of, by who would do them
	// extensions says of the repositories that workflows install this program from
	// whether their jobs cannot read them.
	extensions map[string]bool
}

func (d *doctor) add(state findingState, check, subject, sentence, fix string) {
	d.findings = append(d.findings, finding{check, subject, state, sentence, fix})
}

// failed adds what an error says, with its hint as the fix.
func (d *doctor) failed(check, subject string, err error) {
	state, otherwise := broken, "correct it and run gh deployctl doctor again"
	switch pipeline.KindOf(err) {
	case pipeline.KindUnavailable, pipeline.KindThrottled:
		state, otherwise = unknown, "run gh deployctl doctor again when it answers"
	default: // it is broken
	}
	e := &pipeline.Error{}
	if ours, ok := asError(err); ok {
		*e = *ours
	} else {
		e.Message = err.Error()
	}
	fix := e.Hint
	e.Hint = ""
	if fix == "" {
		fix = otherwise
	}
	d.add(state, check, subject, sentence(e), fix)
}

func newDoctor(g *globals) *cobra.Command {
	var asJSON, tolerant bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Everything that has to be right, one line each, with the fix",
		Long: "doctor looks at the login and what it may do, the repository, the workflows, the environments and how\n" +
			"strong their gates are, the secrets, AWS and each right that the console needs there, clusters, services,\n" +
			"log groups, images, the database, what metrics cost, and the clocks. It changes nothing: what only a change\n" +
			"would prove is named with a dash. It ends with 0 only when all holds, and with 1 otherwise: also for a\n" +
			"warning (!), a weakness that keeps nothing from working, unless --allow-warnings says that those are known.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), 2*time.Minute)
			defer cancel()
			d := &doctor{session: &session{globals: g}, roles: map[string]string{}, proved: map[string][]string{}, extensions: map[string]bool{}}
			if err := d.openLog(); err != nil {
				return err
			}
			defer d.Close()
			d.examine(ctx)
			return d.report(asJSON, tolerant)
		},
	}
	c.Flags().BoolVar(&tolerant, "allow-warnings", false, "end with 0 where there are warnings and nothing worse")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// examine looks at everything that what came before allows.
func (d *doctor) examine(ctx context.Context) {
	r, reached := d.gitHub(ctx)
	if !reached {
		d.withoutGitHub(ctx)
		return
	}
	d.githubRights(ctx)
	c, err := d.setupConfiguration(ctx)
	if err != nil {
		d.failed("configuration", "", err)
		d.cloudSide(ctx, pipeline.Configuration{})
		return
	}
	d.configuration(ctx, c)
	d.workflowFiles(ctx, c)
	d.gates(ctx, r, c)
	d.secrets(ctx, r)
	d.readRoles(ctx, r, c)
	d.cloudSide(ctx, c)
}

// gitHub looks at the login and the repository, and says whether more can be
// asked of GitHub.
func (d *doctor) gitHub(ctx context.Context) (*ghclient.Reader, bool) {
	if err := d.openGitHub(pipeline.ModeReadOnly); err != nil {
		d.failed("login", "GitHub", err)
		return nil, false
	}
	r, ok := d.reader.(*ghclient.Reader)
	if !ok {
		d.add(broken, "login", "GitHub", "the client cannot be examined", "report this defect")
		return nil, false
	}
	return r, d.login(ctx, r) && d.role(ctx)
}

// withoutGitHub looks at AWS alone: at what a configuration on this machine
// names, else at the identity.
func (d *doctor) withoutGitHub(ctx context.Context) {
	d.add(unknown, "GitHub", "", "workflows, environments, gates and secrets were not looked at", "put right what is above")
	c, found := d.configurationHere(ctx)
	if !found {
		d.add(unknown, "configuration", "", "was not read, so of AWS only the identity is looked at", "put right what is above, or name the file with --config")
	}
	d.cloudSide(ctx, c)
}

// configurationHere is the configuration of --config or of the checkout.
func (d *doctor) configurationHere(ctx context.Context) (pipeline.Configuration, bool) {
	var c pipeline.Configuration
	var err error
	found := d.config != ""
	if found {
		c, err = d.configure(ctx)
	} else if root, rootErr := findRoot(); rootErr == nil && d.repository == "" {
		c, found, err = localConfiguration(root)
	}
	if err != nil {
		d.failed("configuration", "", err)
		return pipeline.Configuration{}, false
	}
	return c, found
}

// login looks at the token, its scopes and the clock.
func (d *doctor) login(ctx context.Context, r *ghclient.Reader) bool {
	a, err := r.Access(ctx)
	if err != nil {
		d.failed("login", d.host, err)
		return false
	}
	switch {
	case a.Classic && !slices.Contains(a.Scopes, "repo"):
		d.add(broken, "login", a.Login, "the token lacks the scope repo; it has "+orDash(strings.Join(a.Scopes, ", ")), "gh auth refresh --hostname "+d.host+" --scopes repo")
	case a.Classic && !slices.Contains(a.Scopes, "workflow"):
		d.add(weak, "login", a.Login, "the token lacks the scope workflow, so it cannot push workflow files nor release commits that change them", "gh auth refresh --hostname "+d.host+" --scopes workflow")
	default:
		d.add(holds, "login", a.Login, "signed in at "+d.host+", "+tokenKind(a), "")
	}
	switch skew := a.Skew.Abs(); {
	case !a.Timed:
		d.add(unknown, "clock", "", "GitHub does not say what time it is", "compare this machine's clock")
	case skew > 4*time.Minute:
		d.add(broken, "clock", "", fmt.Sprintf("this machine's clock is off by %s; AWS refuses requests beyond 5 minutes", pipeline.Duration(skew)), "set the clock, or switch NTP on")
	case skew > 30*time.Second:
		d.add(weak, "clock", "", fmt.Sprintf("this machine's clock is off by %s, so ages on the screen are too", pipeline.Duration(skew)), "set the clock, or switch NTP on")
	default:
		d.add(holds, "clock", "", "agrees with GitHub's", "")
	}
	return true
}

// tokenKind says what a token tells about itself. Only a classic one does.
func tokenKind(a ghclient.Access) string {
	if a.Classic {
		return "with the scopes " + strings.Join(a.Scopes, ", ")
	}
	return "with a token that has permissions instead of scopes; what it may read is tried below"
}

func (d *doctor) role(ctx context.Context) bool {
	repo, err := d.reader.Repository(ctx)
	if err != nil {
		d.failed("permission", d.owner+"/"+d.name, err)
		return false
	}
	switch {
	case repo.Role == "admin":
		d.add(holds, "permission", repo.FullName(), "admin: everything, protection rules too", "")
	case repo.CanWrite():
		d.add(holds, "permission", repo.FullName(), repo.Role+": everything but protection rules", "")
	default:
		d.add(broken, "permission", repo.FullName(), "the role is "+orDash(repo.Role)+", which can watch only", "ask an administrator of the repository for the role write")
	}
	return true
}

// report prints what was found. It fails where anything does not hold, or was
// not seen to: a line that only a change would prove (untried) is neither.
func (d *doctor) report(asJSON, tolerant bool) error {
	if asJSON {
		if err := printJSON(d.Out, d.findings); err != nil {
			return err
		}
	} else {
		d.print()
	}
	if d.count(broken, unknown) > 0 || !tolerant && d.count(weak) > 0 {
		return exitError{pipeline.ExitFailed}
	}
	return nil
}

// count is how many lines are in one of these states.
func (d *doctor) count(states ...findingState) int {
	n := 0
	for _, f := range d.findings {
		if slices.Contains(states, f.State) {
			n++
		}
	}
	return n
}

// print writes one line a finding, and one that sums them up.
func (d *doctor) print() {
	glyphs := map[findingState]string{holds: "✓", weak: "!", broken: "✗", unknown: "?", untried: "-"}
	for _, f := range d.findings {
		line := fmt.Sprintf("%s %s", glyphs[f.State], f.Check)
		if f.Subject != "" {
			line += " " + f.Subject
		}
		line += ": " + f.Sentence
		if f.Fix != "" {
			line += "; " + f.Fix
		}
		fmt.Fprintln(d.Out, line)
	}
	fmt.Fprintf(d.Out, "%d right, %s, %d failed, %d unknown, %d not tried\n",
		d.count(holds), counted(d.count(weak), "warning"), d.count(broken), d.count(unknown), d.count(untried))
}

// openCloud begins the AWS side of a doctor.
func (d *doctor) openCloud(ctx context.Context) error {
	cloud, err := aws.New(ctx, aws.Options{Log: d.log, Version: Version()})
	d.cloud = cloud
	return err
}
