package pipeline

import (
	"context"
	"fmt"
	"strings"
)

// runRequest is the request that an intent to run again or to cancel came from.
func runRequest(in Intent) RunRequest {
	return RunRequest{
		Repository: in.Repository, RunID: in.RunID, JobID: in.JobID,
		FailedOnly: in.FailedOnly, Debug: in.Debug, Force: in.Force,
	}
}

// rerunJob is the one job that is to run again; the zero Job where it is not
// about one. One that is no job of the run's newest attempt is a KindUsage.
func rerunJob(ctx context.Context, gh GitHub, run Run, req RunRequest) (Job, error) {
	if req.JobID == 0 {
		return Job{}, nil
	}
	jobs, err := gh.Jobs(Uncached(ctx), run.ID, run.Attempt)
	if err != nil {
		return Job{}, err
	}
	var names []string
	for _, j := range jobs {
		if j.ID == req.JobID {
			return j, nil
		}
		names = append(names, fmt.Sprintf("%d (%s)", j.ID, j.Name))
	}
	return Job{}, &Error{
		Kind: KindUsage, Message: fmt.Sprintf("attempt %d of run %d has no job %d", run.Attempt, run.ID, req.JobID),
		Hint: "it has " + strings.Join(names, ", "),
	}
}

// change makes the one call that runs a run again or ends it.
func (o *Operator) change(ctx context.Context, in Intent) error {
	actions, err := o.actionsIn(in.Repository)
	switch {
	case err != nil:
		return err
	case in.Kind == PlanCancel:
		return actions.Cancel(ctx, in.RunID, in.Force)
	case in.JobID != 0:
		return actions.RerunJob(ctx, in.JobID, in.Debug)
	}
	return actions.Rerun(ctx, in.RunID, in.FailedOnly, in.Debug)
}

// actionsIn is what changes a repository; an empty name is the console's own.
func (o *Operator) actionsIn(repository string) (Actions, error) {
	own := o.engine.Snapshot().Repository.FullName()
	switch {
	case repository == "", strings.EqualFold(repository, own), strings.EqualFold(repository, o.engine.opt.Repository.FullName()):
		return o.actions, nil
	case o.others == nil:
		return nil, Errorf(KindUsage, "nothing can be changed in %s from a console of %s", repository, own)
	}
	return o.others(repository)
}

// readyIn is ready for any repository of the configuration: the snapshot as
// that repository sees it, and the port that reads it.
func (o *Operator) readyIn(ctx context.Context, repository string) (*Snapshot, GitHub, error) {
	s, err := o.ready(ctx)
	if err != nil {
		return nil, nil, err
	}
	gh, err := o.engine.github(repository)
	if err != nil {
		return nil, nil, err
	}
	view := s.Of(repository)
	if view == s || view.Repository.Role != "" {
		return view, gh, nil
	}
	if view.Repository, err = gh.Repository(ctx); err != nil {
		return nil, nil, err
	}
	return view, gh, nil
}
