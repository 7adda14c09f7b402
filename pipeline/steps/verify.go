package steps

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	lookAgain    = 5 * time.Second
	steadyRounds = 3 // good answers in a row that make a check steady
	mostDrops    = 2 // a check that was good and then was not, this often, flaps
	verifyWithin = 5 * time.Minute
	smokeWithin  = 3 * time.Minute
)

// VerifyRequest says which environment is verified, and for how long at most.
type VerifyRequest struct {
	Environment string
	Timeout     time.Duration // 0: 5 minutes for Verify, 3 for Smoke
}

// Verify waits until every service is what the run's deployment made it, and
// well, in several looks in a row: its tasks, targets, image, health endpoint
// and version, and the versions of all of them. What flaps fails at once.
func (s *Suite) Verify(ctx context.Context, req VerifyRequest) error {
	env, err := s.environment(req.Environment)
	if err != nil {
		return err
	}
	want, d, err := s.expectation(ctx, env)
	if err != nil {
		return err
	}
	if s.DryRun {
		want = expected{} // a dry run has deployed nothing
	}
	found, err := s.steady(ctx, s.within(req.Timeout, verifyWithin), func(ctx context.Context) ([]Finding, error) {
		return s.examine(ctx, env, want)
	})
	s.showFindings("Verification of "+env.Name, found)
	if err != nil {
		return s.judged(ctx, env, d, err)
	}
	if state := d.State(); state != "success" && state != "inactive" {
		s.progress(ctx, env, d, "in_progress", "verified")
	}
	return nil
}

// judged records a bad verdict on the run's deployment. One that was verified
// by a rollback's own looks is not green after it either.
func (s *Suite) judged(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, err error) error {
	if s.Run.ID == 0 {
		return err // somebody looks from outside of a run
	}
	return s.ended(ctx, env, d, err)
}

// record is how a check answered over the looks.
type record struct{ row, drops, looks, good int }

// steady looks until every check was good in several looks in a row. It returns
// the newest findings; an error where a check flaps, or is not steady in time.
func (s *Suite) steady(ctx context.Context, within time.Duration, look func(context.Context) ([]Finding, error)) ([]Finding, error) {
	deadline := time.Now().Add(within)
	records := map[string]*record{}
	var found []Finding
	said := ""
	for {
		now, err := look(ctx)
		if err != nil && (!passing(err) || time.Now().After(deadline)) {
			return found, err
		}
		if err == nil {
			found = now
			if flapping := tally(records, found); flapping != "" {
				return found, verdict("%s", flapping)
			}
			if calm(records, found) {
				return found, nil
			}
		}
		why := troubles(found, err)
		if time.Now().After(deadline) {
			return found, verdict("not well after %s: %s", pipeline.Duration(within), firstOf(why, "it was not steady"))
		}
		if why != said && why != "" {
			s.Report.Printf("looking again: %s", why)
		}
		said = why
		if err := s.pause(ctx, lookAgain); err != nil {
			return found, cut("the verification", err)
		}
	}
}

func verdict(format string, args ...any) error {
	return &pipeline.Error{Kind: pipeline.KindFailed, Op: "verify the deployment", Message: fmt.Sprintf(format, args...), Hint: "look at the service's log; gh deployctl rollback restores what was before"}
}

// tally counts the looks. It says which check flaps; empty: none does.
func tally(records map[string]*record, found []Finding) string {
	for _, f := range found {
		key := f.Service + " " + f.Check + " " + f.URL
		r := records[key]
		if r == nil {
			r = &record{}
			records[key] = r
		}
		r.looks++
		if f.good() {
			r.row++
			r.good++
			continue
		}
		if r.row > 0 {
			r.drops++
		}
		r.row = 0
		if r.drops >= mostDrops {
			return fmt.Sprintf("%s: %s flaps, %d of %d looks were good: %s", firstOf(f.Service, "all"), f.Check, r.good, r.looks, f.Sentence)
		}
	}
	return ""
}

// calm reports whether every check was good long enough.
func calm(records map[string]*record, found []Finding) bool {
	for _, f := range found {
		if records[f.Service+" "+f.Check+" "+f.URL].row < steadyRounds {
			return false
		}
	}
	return true
}

// troubles says what is wrong now.
func troubles(found []Finding, err error) string {
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, f := range found {
		if !f.good() {
			out = append(out, strings.TrimSpace(f.Service+" "+f.Check)+": "+f.Sentence)
		}
	}
	return strings.Join(out, "; ")
}

// showFindings prints the findings, and puts them on the run's page.
func (s *Suite) showFindings(title string, found []Finding) {
	rows := make([][]string, len(found))
	end := s.Report.Group(title)
	for i, f := range found {
		s.Report.Printf("%s", f.line())
		status, took := "", ""
		if f.Status != 0 {
			status, took = fmt.Sprint(f.Status), spent(f.Took)
		}
		rows[i] = []string{firstOf(f.Service, "all"), f.Check, string(f.Verdict), status, took, f.Sentence}
	}
	end()
	for _, f := range found {
		if !f.good() {
			s.Report.Errorf(strings.TrimSpace(f.Service+" "+f.Check), "%s", f.Sentence)
		}
	}
	if len(rows) > 0 {
		s.Report.Table(title, []string{"service", "check", "verdict", "status", "time", "finding"}, rows)
	}
}
