package sheet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/clock"
	"github.com/deployctl/gh-deployctl/ui/frame"
	"github.com/deployctl/gh-deployctl/ui/panel"
)

// review is the sheet that approves or rejects what holds a run.
type review struct {
	noControls
	approval pipeline.Approval // as it was when the sheet opened
	reject   bool
}

const (
	buttonReject  = "reject"
	buttonApprove = "approve"
)

// NewReview is the sheet for a run that waits for approval. It opens on
// approving; rejecting is a button of it.
func NewReview(a pipeline.Approval) Sheet { return newReview(a, false) }

// NewReject is the same sheet, opened on rejecting.
func NewReject(a pipeline.Approval) Sheet { return newReview(a, true) }

func newReview(a pipeline.Approval, reject bool) *planned {
	about := &review{approval: a, reject: reject}
	return newPlanned(about, about.request())
}

// request asks for exactly the run and commit that the operator chose.
func (r *review) request() PlanWanted {
	kind := pipeline.PlanApprove
	if r.reject {
		kind = pipeline.PlanReject
	}
	return PlanWanted{Kind: kind, Review: pipeline.ReviewRequest{
		RunID: r.approval.Run.ID, Environment: r.approval.Environment, Reject: r.reject, SHA: r.approval.Run.SHA,
	}}
}

func (r *review) verb() string {
	if r.reject {
		return "Reject"
	}
	return "Approve"
}

func (r *review) title() string {
	run := r.approval.Run
	return fmt.Sprintf("%s %s · %s #%d, attempt %d", r.verb(), r.approval.Environment, workflowName(run.Workflow), run.Number, run.Attempt)
}

func (r *review) reading() string {
	if r.reject {
		return "the run, its attempt and its gate, past every cache"
	}
	return "the run and its gate, what runs now, the stage before, required checks, images, migrations, the lane, the way back"
}

func (r *review) shows(pipeline.Gate) bool { return true }

func (r *review) head(s *planned, p *page) {
	v := s.plan.Preview
	p.pair(authorship(v), p.release("", v.To)...)
	switch {
	case r.reject:
		p.prose(p.styles.Muted, "The run ends as failed, and nothing is changed. Whoever asked for it sees your comment.", 0)
	case !v.From.Zero():
		since := ""
		if !v.LiveSince.IsZero() {
			since = "since " + clock.Since(p.now, v.LiveSince)
		}
		p.pair(since, p.release("live now", v.From)...)
	default:
		p.spans(frame.Span{Paint: p.styles.Unknown, Text: "nobody knows what is live now"})
	}
	if p.level == roomy {
		drawCommits(p, v)
	}
}

// authorship says who wrote what would go live: "by bob, 3 commits, 2 authors".
func authorship(v pipeline.Preview) string {
	var parts []string
	if v.To.Author != "" {
		parts = append(parts, "by "+v.To.Author)
	}
	if n := len(v.Commits); n > 0 {
		more := ""
		if v.Truncated {
			more = "more than "
		}
		parts = append(parts, more+count(n, "commit"))
	}
	if n := len(v.Authors); n > 1 {
		parts = append(parts, count(n, "author"))
	}
	return strings.Join(parts, ", ")
}

// drawCommits lists the newest commits of a preview.
func drawCommits(p *page, v pipeline.Preview) {
	const most = 6
	if len(v.Commits) == 0 {
		return
	}
	p.blank()
	for i, c := range slices.Backward(v.Commits) {
		if shown := len(v.Commits) - 1 - i; shown == most {
			p.spans(frame.Span{Paint: p.styles.Faint, Text: fmt.Sprintf("  and %d more", i+1)})
			return
		}
		p.line(func(r *frame.Row) {
			r.Space(2).Put(p.styles.Accent, pipeline.Short(c.SHA)).Space(2)
			r.Reserve(min(16, p.width/4))
			r.Put(p.styles.Muted, c.Title).Tail(p.styles.Faint, c.Author)
		})
	}
}

// release is a release in one row: what it is to the sheet, version, SHA, title.
func (p *page) release(role string, r pipeline.Release) []frame.Span {
	var out []frame.Span
	if role != "" {
		out = append(out, frame.Span{Paint: p.styles.Muted, Text: role + "  "})
	}
	if version := panel.Version(r.Version); version != "" {
		out = append(out, frame.Span{Paint: p.styles.Strong, Text: version + "  "})
	}
	return append(out,
		frame.Span{Paint: p.styles.Accent, Text: pipeline.Short(r.SHA)},
		frame.Span{Paint: p.styles.Text, Text: "  " + r.Title})
}

func (r *review) buttons(s *planned) []button {
	sha := pipeline.Short(s.plan.Intent.SHA)
	going := button{id: buttonGo, label: r.verb() + " " + sha, danger: true, off: s.shortfall()}
	other := button{id: buttonReject, label: "Reject"}
	if r.reject {
		other = button{id: buttonApprove, label: "Approve instead"}
	}
	return []button{going, other, {id: buttonLater, label: "Not now"}}
}

// press turns the sheet from approving to rejecting and back. Either is a plan
// of its own, with checks of its own.
func (r *review) press(s *planned, id string, now time.Time) Action {
	switch id {
	case buttonReject:
		r.reject = true
	case buttonApprove:
		r.reject = false
	default:
		return nil
	}
	s.want = r.request()
	s.planAt, s.plan = time.Time{}, pipeline.Plan{}
	return s.replan(now)
}

// workflowName is a workflow's file without its ending.
func workflowName(file string) string {
	name, _, _ := strings.Cut(file, ".")
	return name
}

// noControls is a subject whose head holds nothing to choose.
type noControls struct{}

func (noControls) controls(*planned) []string { return nil }

func (noControls) turn(*planned, string, string, time.Time) (Action, bool) { return nil, false }
