package ghclient

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const (
	defaultDeployments  = 30
	mostDeploymentPages = 10
	mostStatusPages     = 5
)

type wireDeployment struct {
	ID          int64       `json:"id"`
	SHA         text        `json:"sha"`
	Ref         text        `json:"ref"`
	Task        text        `json:"task"`
	Environment text        `json:"environment"`
	Creator     *account    `json:"creator"`
	Description text        `json:"description"`
	CreatedAt   time.Time   `json:"created_at"`
	UpdatedAt   time.Time   `json:"updated_at"`
	Payload     wirePayload `json:"payload"`
}

func (w wireDeployment) deployment() pipeline.Deployment {
	return pipeline.Deployment{
		ID:          w.ID,
		SHA:         string(w.SHA),
		Ref:         string(w.Ref),
		Task:        string(w.Task),
		Environment: string(w.Environment),
		Creator:     w.Creator.name(),
		Description: string(w.Description),
		Created:     w.CreatedAt,
		Updated:     w.UpdatedAt,
		Payload:     w.Payload.Payload,
	}
}

type wireStatus struct {
	State       text      `json:"state"`
	Description text      `json:"description"`
	LogURL      text      `json:"log_url"`
	Creator     *account  `json:"creator"`
	CreatedAt   time.Time `json:"created_at"`
}

// Deployments lists deployments with their statuses, newest first.
func (r *Reader) Deployments(ctx context.Context, q pipeline.DeploymentQuery) ([]pipeline.Deployment, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultDeployments
	}
	at := query(r.repoPath("deployments"), "per_page", strconv.Itoa(min(limit, pageSize)),
		"environment", q.Environment, "task", q.Task, "sha", q.SHA)
	found := []pipeline.Deployment{}
	_, err := pages(ctx, r, call{op: "list deployments", on: r.fullName()}, at, mostDeploymentPages, func(p []wireDeployment) bool {
		for _, w := range p[:min(len(p), limit-len(found))] {
			if w.CreatedAt.Before(q.CreatedFrom) {
				return false // GitHub cannot filter by date, but it lists the newest first
			}
			found = append(found, w.deployment())
		}
		return len(found) < limit
	})
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxInFlight)
	for i := range found {
		g.Go(func() error { return r.addStatuses(ctx, &found[i]) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return found, nil
}

// Deployment reads one deployment with its statuses.
func (r *Reader) Deployment(ctx context.Context, id int64) (pipeline.Deployment, error) {
	var w wireDeployment
	c := call{
		op:      fmt.Sprintf("read deployment %d", id),
		missing: fmt.Sprintf("deployment %d does not exist", id),
	}
	if err := r.get(ctx, c, r.repoPath("deployments", decimal(id)), &w); err != nil {
		return pipeline.Deployment{}, err
	}
	d := w.deployment()
	if err := r.addStatuses(ctx, &d); err != nil {
		return pipeline.Deployment{}, err
	}
	return d, nil
}

// addStatuses reads a deployment's statuses, or remembers them.
func (r *Reader) addStatuses(ctx context.Context, d *pipeline.Deployment) error {
	if !pipeline.IsUncached(ctx) {
		if known, ok := r.statuses.recall(*d); ok {
			d.Statuses = known
			return nil
		}
	}
	c := call{op: "read the statuses", on: fmt.Sprintf("deployment %d", d.ID), missing: "the deployment does not exist any more"}
	at := query(r.repoPath("deployments", decimal(d.ID), "statuses"), "per_page", strconv.Itoa(pageSize))
	_, err := pages(ctx, r, c, at, mostStatusPages, func(p []wireStatus) bool {
		for _, w := range p {
			d.Statuses = append(d.Statuses, pipeline.DeploymentStatus{
				State:       string(w.State),
				Description: string(w.Description),
				LogURL:      string(w.LogURL),
				Creator:     w.Creator.name(),
				Created:     w.CreatedAt,
			})
		}
		return true
	})
	if err == nil {
		r.statuses.remember(*d)
	}
	return err
}

// wirePayload is a deployment's payload. GitHub gives back what was sent: an
// object, or a string that holds one, or anything at all where somebody else
// made the deployment. What is not ours stays zero.
type wirePayload struct{ pipeline.Payload }

// UnmarshalJSON never fails, because a foreign payload is no error.
func (w *wirePayload) UnmarshalJSON(b []byte) error {
	var inner string
	if json.Unmarshal(b, &inner) == nil {
		b = []byte(inner)
	}
	var p payload
	if json.Unmarshal(b, &p) == nil {
		w.Payload = p.sanitised()
	}
	return nil
}

// payload is pipeline.Payload with sanitised texts.
type payload struct {
	Schema     int             `json:"schema"`
	Kind       text            `json:"kind"`
	Version    text            `json:"version"`
	RequestID  text            `json:"request_id"`
	RunID      int64           `json:"run_id"`
	RunAttempt int             `json:"run_attempt"`
	Services   map[text]target `json:"services"`
	Before     *struct {
		SHA      text            `json:"sha"`
		Services map[text]target `json:"services"`
	} `json:"before"`
	Snapshot   text  `json:"snapshot"`
	RollbackOf int64 `json:"rollback_of"`
	To         int64 `json:"to"`
	Reason     text  `json:"reason"`
}

type target struct {
	TaskDefinition text `json:"task_definition"`
	Image          text `json:"image"`
	Desired        int  `json:"desired"`
}

func (p payload) sanitised() pipeline.Payload {
	out := pipeline.Payload{
		Schema:     p.Schema,
		Kind:       string(p.Kind),
		Version:    string(p.Version),
		RequestID:  string(p.RequestID),
		RunID:      p.RunID,
		RunAttempt: p.RunAttempt,
		Services:   targets(p.Services),
		Snapshot:   string(p.Snapshot),
		RollbackOf: p.RollbackOf,
		To:         p.To,
		Reason:     string(p.Reason),
	}
	if p.Before != nil {
		out.Before = &pipeline.PayloadBefore{SHA: string(p.Before.SHA), Services: targets(p.Before.Services)}
	}
	return out
}

func targets(in map[text]target) map[string]pipeline.ServiceTarget {
	if in == nil {
		return nil
	}
	out := make(map[string]pipeline.ServiceTarget, len(in))
	for service, t := range in {
		out[string(service)] = pipeline.ServiceTarget{
			TaskDefinition: string(t.TaskDefinition), Image: string(t.Image), Desired: t.Desired,
		}
	}
	return out
}
