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
}

func (d *doctor) add(state findingState, check, subject, sentence, fix string) {
	d.findings = append(d.findings, finding{check, subject, state, sentence, fix})
}

// failed adds what an error says, with its hint as the fix.
func (d *doctor) failed(check, subject string, err error) {
	state := broken
	switch pipeline.KindOf(err) {
	case pipeline.KindUnavailable, pipeline.KindThrottled:
		state = unknown
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
		fix = "correct it and run gh deployctl doctor again"
	}
	d.add(state, check, subject, sentence(e), fix)
}

func newDoctor(g *globals) *cobra.Command {
	var asJSON, strict bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Everything that has to be right, one line each, with the fix",
		Long: "doctor looks at the login and what it may do, the repository, the workflows, the environments and how\n" +
			"strong their gates are, the secrets, AWS and each right that the console needs there, clusters, services,\n" +
			"log groups, images, the database, what metrics cost, and the clocks. It changes nothing: what only a change\n" +
			"would prove is named with a dash. It ends with 0 only when all holds; a weakness that keeps nothing from\n" +
			"working is a warning (!), which ends with 1 under --strict.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), 2*time.Minute)
			defer cancel()
			d := &doctor{session: &session{globals: g}}
			if err := d.openLog(); err != nil {
				return err
			}
			defer d.Close()
			d.examine(ctx)
			return d.report(asJSON, strict)
		},
	}
	c.Flags().BoolVar(&strict, "strict", false, "a warning too ends with 1")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// examine looks at everything that what came before allows.
func (d *doctor) examine(ctx context.Context) {
	if err := d.openGitHub(pipeline.ModeReadOnly); err != nil {
		d.failed("login", "GitHub", err)
		return
	}
	r, ok := d.reader.(*ghclient.Reader)
	if !ok {
		d.add(broken, "login", "GitHub", "the client cannot be examined", "report this defect")
		return
	}
	if !d.login(ctx, r) || !d.role(ctx) {
		return
	}
	d.githubRights(ctx)
	c, err := d.setupConfiguration(ctx)
	if err != nil {
		d.failed("configuration", "", err)
		return
	}
	d.configuration(ctx, c)
	d.workflowFiles(ctx, c)
	d.gates(ctx, r, c)
	d.secrets(ctx, r)
	d.cloudSide(ctx, c)
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
		d.add(holds, "login", a.Login, "signed in at "+d.host, "")
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

func (d *doctor) report(asJSON, strict bool) error {
	if asJSON {
		if err := printJSON(d.Out, d.findings); err != nil {
			return err
		}
	} else {
		d.print()
	}
	if d.count(broken, unknown) > 0 || strict && d.count(weak) > 0 {
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
	fmt.Fprintf(d.Out, "%d hold, %d warnings, %d failed, %d unknown, %d not tried\n",
		d.count(holds), d.count(weak), d.count(broken), d.count(unknown), d.count(untried))
}

// openCloud begins the AWS side of a doctor.
func (d *doctor) openCloud(ctx context.Context) error {
	cloud, err := aws.New(ctx, aws.Options{Log: d.log, Version: Version()})
	d.cloud = cloud
	return err
}
