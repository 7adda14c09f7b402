package steps

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// PrepareRequest asks for the record of a rollout before anything changes.
type PrepareRequest struct {
	Environment string
	Version     string
	Bucket      string // keeps a copy of the record; empty: none does
}

// Prepare creates the run's one deployment: what it will set, and what runs
// now. It refuses when there would be no way back, unless this is the first
// deployment or somebody acknowledged that while approving. It takes the lock.
func (s *Suite) Prepare(ctx context.Context, req PrepareRequest) error {
	env, err := s.environment(req.Environment)
	if err != nil {
		return err
	}
	if req.Bucket == "" && s.Configuration.Policy.RecordCopyRequired(env) {
		return &pipeline.Error{
			Kind: pipeline.KindRefused, Op: "prepare " + env.Name, Message: "BACKUP_S3_BUCKET is empty: only GitHub would keep the record that a rollback reads",
			Hint: "set it with gh deployctl secrets --backup, or say policy.record_copy: warn",
		}
	}
	if err := s.clear(ctx, env, s.Run.SHA); err != nil {
		return err
	}
	if !s.DryRun {
		if err := s.lock(ctx, env, "deploying "+firstOf(req.Version, pipeline.Short(s.Run.SHA))); err != nil {
			return err
		}
		if d, ok, err := s.deployment(ctx, env, kindDeploy); ok || err != nil {
			return s.again(ctx, env, d, err)
		}
	}
	fleet, err := s.fleet(ctx, env)
	if err != nil {
		return err
	}
	for _, r := range fleet {
		if err := s.targetGroups(ctx, r); err != nil {
			return err
		}
	}
	services, err := s.images(ctx, env, fleet)
	if err != nil {
		return err
	}
	if err := s.wayBack(ctx, env); err != nil {
		return err
	}
	p := pipeline.Payload{Kind: kindDeploy, Version: req.Version, Services: services, Before: before(fleet), Snapshot: s.snapshotName(env)}
	s.showRecord(env, fleet, p)
	if s.DryRun {
		s.Report.Printf("dry run: the deployment was not created")
		return nil
	}
	d, err := s.open(ctx, env, s.Run.SHA, p, req.Bucket)
	if err != nil {
		return s.ended(ctx, env, d, err)
	}
	s.progress(ctx, env, d, "queued", "prepared")
	s.hand(d)
	return nil
}

// again goes on with the deployment that an earlier attempt of the run made.
func (s *Suite) again(ctx context.Context, env pipeline.Environment, d pipeline.Deployment, err error) error {
	if err != nil {
		return err
	}
	s.Report.Printf("deployment %d of this run goes on", d.ID)
	s.progress(ctx, env, d, "queued", "attempt %d", s.Run.Attempt)
	s.hand(d)
	return nil
}

// hand gives later jobs what they may want to name.
func (s *Suite) hand(d pipeline.Deployment) {
	s.Report.Output("deployment_id", strconv.FormatInt(d.ID, 10))
	s.Report.Output("snapshot", d.Payload.Snapshot)
	s.Report.Output("before_sha", beforeSHA(d.Payload))
}

func beforeSHA(p pipeline.Payload) string {
	if p.Before == nil {
		return ""
	}
	return p.Before.SHA
}

// before is what runs now, as a rollback needs it.
func before(fleet []running) *pipeline.PayloadBefore {
	b := &pipeline.PayloadBefore{SHA: majority(fleet), Services: map[string]pipeline.ServiceTarget{}}
	for _, r := range fleet {
		b.Services[r.service.Name] = r.target()
	}
	return b
}

// showRecord writes what will change into the summary.
func (s *Suite) showRecord(env pipeline.Environment, fleet []running, p pipeline.Payload) {
	rows := make([][]string, 0, len(fleet))
	for _, r := range fleet {
		name := r.service.Name
		rows = append(rows, []string{name, shortDigest(r.image().Digest), shortDigest(p.Services[name].Image), lastOf(r.TaskDefinition), strconv.Itoa(r.Desired)})
	}
	s.Report.Table("Preparation of "+env.Name, []string{"Service", "Runs", "Will run", "Task definition now", "Tasks"}, rows)
}

// targetGroups checks that a service which shifts traffic between two target
// groups has both.
func (s *Suite) targetGroups(ctx context.Context, r running) error {
	if r.Strategy == "ROLLING" || r.Strategy == "" {
		return nil
	}
	refused := func(hint, format string, args ...any) error {
		return &pipeline.Error{Kind: pipeline.KindRefused, Op: "deploy " + r.service.Name, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	if len(r.TargetGroups) < 2 {
		return refused("give its load balancer an alternate target group", "its strategy is %s and it has %d of the two target groups", r.Strategy, len(r.TargetGroups))
	}
	targets, err := s.Cloud.Targets(ctx, r.Cluster, r.TargetGroups)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(targets, func(t pipeline.Target) bool { return t.State == "healthy" }) {
		return refused("bring it back to health first", "no target of it is healthy")
	}
	s.Report.Printf("%s: %s over %d target groups", r.service.Name, r.Strategy, len(r.TargetGroups))
	return nil
}

// images finds what each service will run. The first environment takes the
// images of this commit; the others promote exactly the digests that the one
// before verified.
func (s *Suite) images(ctx context.Context, env pipeline.Environment, fleet []running) (map[string]pipeline.ServiceTarget, error) {
	digests, err := s.promoted(ctx, env)
	if err != nil {
		return nil, err
	}
	out := map[string]pipeline.ServiceTarget{}
	wanted := map[pipeline.Cluster][]pipeline.Image{}
	for _, r := range fleet {
		name, digest := r.service.Name, ""
		if digests != nil {
			if digest = digests[name]; digest == "" {
				return nil, &pipeline.Error{Kind: pipeline.KindRefused, Op: "promote " + name, Message: env.After + " has verified no image of it", Hint: "deploy it there first"}
			}
		} else if digest, err = s.Cloud.Tagged(ctx, r.Cluster, r.image().Repository, s.Run.SHA); pipeline.KindOf(err) == pipeline.KindNotFound {
			return nil, &pipeline.Error{Kind: pipeline.KindRefused, Op: "deploy " + name, Message: "ECR has no image of " + pipeline.Short(s.Run.SHA), Hint: "let ci.yml build this commit first", Err: err}
		} else if err != nil {
			return nil, err
		}
		out[name] = pipeline.ServiceTarget{Image: digest, Desired: r.Desired}
		wanted[r.Cluster] = append(wanted[r.Cluster], pipeline.Image{Repository: r.image().Repository, Digest: digest})
	}
	return out, s.present(ctx, wanted)
}

// present refuses where an image cannot be pulled.
func (s *Suite) present(ctx context.Context, wanted map[pipeline.Cluster][]pipeline.Image) error {
	for c, refs := range wanted {
		found, err := s.Cloud.Images(ctx, c, refs)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if state, ok := found[ref.Digest]; ok && !state.Present {
				return &pipeline.Error{Kind: pipeline.KindRefused, Op: "deploy " + ref.Repository, Message: "the image " + shortDigest(ref.Digest) + " is not in ECR", Hint: "build it again, or deploy a release whose images are there"}
			}
		}
	}
	return nil
}

// promoted are the digests that the environment before verified for this
// release: the same commit, or one with the same tree. nil: there is none
// before, or a person passed the check for a hotfix.
func (s *Suite) promoted(ctx context.Context, env pipeline.Environment) (map[string]string, error) {
	if env.After == "" {
		return nil, nil
	}
	previous, err := s.environment(env.After)
	if err != nil {
		return nil, err
	}
	list, err := s.deployments(ctx, previous)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if d.Payload.Kind == kindRollback || d.State() != "success" && d.State() != "inactive" {
			continue
		}
		same, err := s.same(ctx, d.SHA, s.Run.SHA)
		if err != nil {
			return nil, err
		}
		if !same {
			continue
		}
		digests := map[string]string{}
		for name, t := range d.Payload.Services {
			digests[name] = t.Image
		}
		s.Report.Printf("promotes what %s verified as deployment %d (%s)", previous.Name, d.ID, firstOf(d.Payload.Version, pipeline.Short(d.SHA)))
		return digests, nil
	}
	if by, ok := s.acknowledged(ctx, "A7"); ok {
		s.Report.Warningf("not staged", "%s has not verified this commit; %s passed that by name", previous.Name, by)
		return nil, nil
	}
	return nil, &pipeline.Error{
		Kind: pipeline.KindRefused, Op: "promote " + pipeline.Short(s.Run.SHA), Message: previous.Name + " has not verified this commit or one with the same tree",
		Hint: "deploy it there first; for a hotfix approve with [deployctl ack=A7] in the comment",
	}
}

// same reports whether two commits are the same release.
func (s *Suite) same(ctx context.Context, a, b string) (bool, error) {
	if a == b {
		return true, nil
	}
	one, err := s.GitHub.Commit(ctx, a)
	if pipeline.KindOf(err) == pipeline.KindNotFound {
		return false, nil // force-pushed away
	}
	if err != nil {
		return false, err
	}
	other, err := s.GitHub.Commit(ctx, b)
	return err == nil && one.Tree != "" && one.Tree == other.Tree, err
}

// wayBack asks the check list whether what is live could be restored after this.
func (s *Suite) wayBack(ctx context.Context, env pipeline.Environment) error {
	j, err := s.judge().Return(ctx, env, s.Run.SHA)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(j.Deployments, pipeline.Deployment.Succeeded) {
		s.Report.Printf("the first deployment of %s: there is no way back yet, and none is asked for", env.Name)
		return nil
	}
	gates := append([]pipeline.Gate{}, j.Gates...)
	if i := slices.IndexFunc(j.Deployments, func(d pipeline.Deployment) bool { return d.Succeeded() && j.Same(d.SHA, j.Live.Release.SHA) }); i < 0 {
		gates = append(gates, pipeline.Gate{
			ID: "A13", Title: "the way back", Verdict: pipeline.Fail, Effect: pipeline.Acknowledge,
			Sentence: "no deployment records what is live (" + firstOf(pipeline.Short(j.Live.Release.SHA), "unknown") + "), so that none could name it",
		})
	}
	for _, g := range gates {
		switch {
		case !g.Blocks() && !g.NeedsAck():
			s.Report.Printf("%s: %s", g.Title, g.Sentence)
		case env.GateEnvironment == "" && !env.Production:
			// Nobody approves here, so nobody could acknowledge: a staging
			// environment would be stuck with what is live.
			s.Report.Warningf(g.Title, "%s", g.Sentence)
		default:
			by, ok := s.acknowledged(ctx, g.ID)
			if !ok {
				return &pipeline.Error{
					Kind: pipeline.KindRefused, Op: "prepare " + env.Name, Message: g.Sentence,
					Hint: "approve with [deployctl ack=" + g.ID + "] in the comment to go on without a way back",
				}
			}
			s.Report.Warningf(g.Title, "%s; acknowledged by %s", g.Sentence, by)
		}
	}
	return nil
}

// judge runs the check lists from inside this run.
func (s *Suite) judge() *pipeline.Judge {
	return pipeline.NewJudge(pipeline.Options{GitHub: s.GitHub, Cloud: s.Cloud}, s.Configuration, s.Run.ID)
}

var acknowledgement = regexp.MustCompile(`\[deployctl\b[^\]]*\back=([A-Za-z0-9,]+)`)

// acknowledged reports who passed a check by its id while approving this run.
// Approvals that cannot be read acknowledge nothing.
func (s *Suite) acknowledged(ctx context.Context, id string) (by string, ok bool) {
	if s.Run.ID == 0 {
		return "", false
	}
	reviews, err := s.GitHub.Reviews(pipeline.Uncached(ctx), s.Run.ID)
	if err != nil {
		s.Report.Warningf("approvals not read", "nothing counts as acknowledged: %v", err)
		return "", false
	}
	for _, r := range reviews {
		for _, found := range acknowledgement.FindAllStringSubmatch(r.Comment, -1) {
			if r.State == "approved" && slices.Contains(strings.Split(found[1], ","), id) {
				return r.User, true
			}
		}
	}
	return "", false
}

// snapshotName plans the database snapshot of this run: RDS takes letters,
// digits and single hyphens. Each run has one.
func (s *Suite) snapshotName(env pipeline.Environment) string {
	if env.Database.Instance == "" {
		return ""
	}
	return fmt.Sprintf("%s-%s-%d", env.Database.Instance, time.Now().UTC().Format("20060102-1504"), s.Run.ID)
}
