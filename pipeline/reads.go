package pipeline

import "context"

// What a face asks for once, when somebody looks at it. A run is named by its
// ID: of which repository it is, the snapshot knows.

// Jobs reads all jobs of one attempt of a run, also of an older one than the
// snapshot holds.
func (e *Engine) Jobs(ctx context.Context, run int64, attempt int) ([]Job, error) {
	gh, err := e.githubOf(run)
	if err != nil {
		return nil, err
	}
	return gh.Jobs(ctx, run, attempt)
}

// JobLog reads the log of a finished job of a run.
func (e *Engine) JobLog(ctx context.Context, run, job int64) (JobLog, error) {
	gh, err := e.githubOf(run)
	if err != nil {
		return JobLog{}, err
	}
	return gh.JobLog(ctx, job)
}

// Annotations reads what the tools of a run's job noted.
func (e *Engine) Annotations(ctx context.Context, run, job int64) ([]Annotation, error) {
	gh, err := e.githubOf(run)
	if err != nil {
		return nil, err
	}
	return gh.Annotations(ctx, job)
}

// Artifacts lists what a run left behind.
func (e *Engine) Artifacts(ctx context.Context, run int64) ([]Artifact, error) {
	gh, err := e.githubOf(run)
	if err != nil {
		return nil, err
	}
	return gh.Artifacts(ctx, run)
}

// SaveArtifact unpacks an artifact of a run below a directory, and returns the
// names of the files.
func (e *Engine) SaveArtifact(ctx context.Context, run int64, a Artifact, dir string) ([]string, error) {
	gh, err := e.githubOf(run)
	if err != nil {
		return nil, err
	}
	return gh.SaveArtifact(ctx, a, dir)
}

// WorkflowFile reads what a workflow's file says at a ref, in the console's own
// repository or another of the configuration.
func (e *Engine) WorkflowFile(ctx context.Context, repository, file, ref string) (WorkflowFile, error) {
	gh, err := e.github(repository)
	if err != nil {
		return WorkflowFile{}, err
	}
	return gh.WorkflowFile(ctx, file, ref)
}

// Refs lists the branches and tags of the console's own repository, or another
// of the configuration.
func (e *Engine) Refs(ctx context.Context, repository string) ([]Ref, error) {
	gh, err := e.github(repository)
	if err != nil {
		return nil, err
	}
	return gh.Refs(ctx)
}
