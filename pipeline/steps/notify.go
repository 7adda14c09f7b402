package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Occasion is what a message is about.
type Occasion string

// Occasions.
const (
	OccasionApproval Occasion = "approval" // somebody has to approve
	OccasionFinished Occasion = "finished" // a rollout ended
	OccasionReverted Occasion = "reverted" // ECS itself took a release back
	OccasionRollback Occasion = "rollback" // a rollback ended
	OccasionCI       Occasion = "ci"       // the checks ended
)

// NotifyRequest says what to tell. The jobs' results come from NEEDS, the
// address from SLACK_WEBHOOK_URL.
type NotifyRequest struct {
	Environment string   // empty: the run is about none
	Occasion    Occasion // empty: as the workflow and its outcome say
}

// Notify ends what the run left open (its deployment, its lock) and tells Slack
// how it went. Without a webhook it says so and does only the first.
func (s *Suite) Notify(ctx context.Context, req NotifyRequest) error {
	env := pipeline.Environment{}
	if req.Environment != "" {
		var err error
		if env, err = s.environment(req.Environment); err != nil {
			return err
		}
	}
	jobs, err := readNeeds(s.getenv("NEEDS"))
	if err != nil {
		return err
	}
	if req.Occasion == OccasionApproval && env.Name == "" {
		return &pipeline.Error{Kind: pipeline.KindUsage, Message: "an approval is for an environment", Hint: "name it with --environment"}
	}
	if req.Occasion == OccasionApproval {
		wanted := s.wanted(ctx, env, jobs)
		if s.DryRun {
			wanted.text = "Dry run: " + wanted.text
		}
		return s.tell(ctx, wanted)
	}
	d := pipeline.Deployment{}
	if env.Name != "" && s.Run.ID != 0 {
		if _, d, err = s.expectation(ctx, env); err != nil {
			s.Report.Warningf("deployment not read", "%v", err) // the message goes out all the same
		}
	}
	var concluded error
	if env.Name != "" && s.Run.ID != 0 {
		concluded = s.Conclude(ctx, env.Name, jobs.state(), jobs.sentence())
	}
	told := s.message(env, d, jobs, req.Occasion)
	if s.DryRun {
		told.text = "Dry run: " + told.text
	}
	if env.Name != "" { // ci.yml has a summary of its own
		s.sumUp(told, jobs)
	}
	return errors.Join(s.tell(ctx, told), concluded)
}

// sumUp writes how the run went onto its page: the headline, and a row a job.
func (s *Suite) sumUp(m message, jobs jobResults) {
	s.Report.Summary("**" + Cell(m.text) + "**")
	rows := make([][]string, len(jobs))
	for i, j := range jobs {
		rows[i] = []string{j.name, j.result}
	}
	if len(rows) > 0 {
		s.Report.Table("Jobs", []string{"job", "result"}, rows)
	}
}

// tell says a message in the log and on Slack. In a run a message that is lost is
// a warning; outside of one it is an error.
func (s *Suite) tell(ctx context.Context, m message) error {
	s.Report.Printf("%s", m.text)
	err := s.post(ctx, m)
	if err != nil && s.Run.ID != 0 {
		// A run whose release is live is not red because Slack is down.
		s.Report.Warningf("Slack was not told", "%v", err)
		return nil
	}
	return err
}

// wanted is the message that asks the reviewers: what wants to go where, and
// what went there last. The run itself has deployed nothing yet.
func (s *Suite) wanted(ctx context.Context, env pipeline.Environment, jobs jobResults) message {
	release := firstOf(jobs.output("version"), pipeline.Short(s.Run.SHA), "A release")
	m := message{
		icon: ":hourglass_flowing_sand:", button: "Review",
		text: fmt.Sprintf("%s wants an approval for %s", release, env.Name), facts: s.facts(env, pipeline.Deployment{}, nil),
	}
	if commit, err := s.GitHub.Commit(ctx, s.Run.SHA); err == nil && s.Run.SHA != "" { // the message does without it
		m.facts = append(m.facts, [2]string{"What", commit.Title})
	}
	list, err := s.deployments(ctx, env)
	if i := slices.IndexFunc(list, func(d pipeline.Deployment) bool { return d.State() == "success" }); err == nil && i >= 0 {
		live := list[i]
		m.facts = append(m.facts, [2]string{"Last rollout", firstOf(live.Payload.Version, pipeline.Short(live.SHA)) + ", of " + live.Created.UTC().Format("2006-01-02 15:04 UTC")})
	}
	return m
}

// jobResult is how a job that this one needs ended, as toJSON(needs) says.
type jobResult struct {
	name    string
	result  string // success, failure, cancelled, skipped
	outputs map[string]string
}

type jobResults []jobResult

// readNeeds reads NEEDS; empty: there are none.
func readNeeds(text string) (jobResults, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var needs map[string]struct {
		Result  string            `json:"result"`
		Outputs map[string]string `json:"outputs"`
	}
	if err := json.Unmarshal([]byte(text), &needs); err != nil {
		return nil, &pipeline.Error{Kind: pipeline.KindUsage, Op: "read NEEDS", Message: "it is not what toJSON(needs) gives", Hint: "set it to ${{ toJSON(needs) }}", Err: err}
	}
	var out jobResults
	for _, name := range sorted(needs) {
		out = append(out, jobResult{name, needs[name].Result, needs[name].Outputs})
	}
	return out, nil
}

// with are the names of the jobs that ended so.
func (j jobResults) with(result string) []string {
	var out []string
	for _, job := range j {
		if job.result == result {
			out = append(out, job.name)
		}
	}
	return out
}

// state is what the run's deployment ends with: error where the run was
// stopped, which says nothing about the release.
func (j jobResults) state() string {
	switch {
	case len(j.with("failure")) > 0:
		return "failure"
	case len(j.with("cancelled")) > 0:
		return "error"
	}
	return "success"
}

func (j jobResults) sentence() string {
	switch failed, cancelled := j.with("failure"), j.with("cancelled"); {
	case len(failed) > 0:
		return "failed in " + strings.Join(failed, ", ")
	case len(cancelled) > 0:
		return "cancelled in " + strings.Join(cancelled, ", ")
	}
	return "every job succeeded"
}

// output is an output that one of the jobs set; empty: none did.
func (j jobResults) output(name string) string {
	for _, job := range j {
		if v := job.outputs[name]; v != "" {
			return v
		}
	}
	return ""
}

// message is what is told, as plain text and with its facts.
type message struct {
	text   string
	icon   string
	facts  [][2]string
	button string // on the link to the run
}

// message composes what is told of the run.
func (s *Suite) message(env pipeline.Environment, d pipeline.Deployment, jobs jobResults, occasion Occasion) message {
	outcome := jobs.state()
	if occasion == "" {
		occasion = s.occasion(d)
	}
	release := firstOf(d.Payload.Version, jobs.output("version"), pipeline.Short(s.Run.SHA))
	m := message{button: "Open the run"}
	switch occasion {
	case OccasionReverted:
		m.icon, m.text = ":rewind:", fmt.Sprintf("ECS took %s back on %s: what ran before runs again", release, env.Name)
	case OccasionRollback:
		m.icon, m.text = ":leftwards_arrow_with_hook:", fmt.Sprintf("%s was rolled back to %s", env.Name, release)
		if outcome != "success" {
			m.icon, m.text = ":rotating_light:", fmt.Sprintf("The rollback of %s did not succeed: %s", env.Name, jobs.sentence())
		}
	case OccasionCI:
		m.icon, m.text = ":white_check_mark:", fmt.Sprintf("The checks passed on %s of %s", pipeline.Short(s.Run.SHA), s.Run.Ref)
		if outcome != "success" {
			m.icon, m.text = ":x:", fmt.Sprintf("The checks of %s (%s) %s", s.Run.Ref, pipeline.Short(s.Run.SHA), jobs.sentence())
		}
	default:
		m.icon, m.text = ":rocket:", fmt.Sprintf("%s is live on %s", release, env.Name)
		if outcome != "success" {
			m.icon, m.text = ":x:", fmt.Sprintf("The deployment of %s to %s %s", release, env.Name, jobs.sentence())
		}
	}
	m.facts = s.facts(env, d, jobs)
	return m
}

// occasion is what the workflow is for, and how its rollout ended.
func (s *Suite) occasion(d pipeline.Deployment) Occasion {
	switch s.Run.Workflow {
	case s.Configuration.Workflows.CI:
		return OccasionCI
	case s.Configuration.Workflows.Rollback:
		return OccasionRollback
	}
	for _, status := range d.Statuses {
		if status.State == "failure" && strings.Contains(status.Description, "reverted by ECS") {
			return OccasionReverted
		}
	}
	return OccasionFinished
}

// facts are the rows below the headline.
func (s *Suite) facts(env pipeline.Environment, d pipeline.Deployment, jobs jobResults) [][2]string {
	facts := [][2]string{
		{"Environment", env.Name},
		{"Commit", pipeline.Short(s.Run.SHA)},
		{"Ref", s.Run.Ref},
		{"By", s.Run.Actor},
		{"Failed", strings.Join(jobs.with("failure"), ", ")},
		{"Cancelled", strings.Join(jobs.with("cancelled"), ", ")},
	}
	if d.ID != 0 {
		facts = append(facts, [2]string{"Deployment", fmt.Sprint(d.ID)})
		i := slices.IndexFunc(d.Statuses, func(st pipeline.DeploymentStatus) bool { return st.State == "failure" || st.State == "error" })
		if i >= 0 {
			facts = append(facts, [2]string{"Why", d.Statuses[i].Description})
		}
	}
	return slices.DeleteFunc(facts, func(f [2]string) bool { return f[1] == "" })
}

// blocks renders a message with Slack's Block Kit.
func (m message) blocks(url string) *slack.WebhookMessage {
	fields := make([]*slack.TextBlockObject, len(m.facts))
	for i, f := range m.facts {
		fields[i] = slack.NewTextBlockObject(slack.MarkdownType, "*"+f[0]+"*\n"+slackEscapes.Replace(f[1]), false, false)
	}
	headline := slack.NewTextBlockObject(slack.MarkdownType, m.icon+" *"+slackEscapes.Replace(m.text)+"*", false, false)
	set := slack.Blocks{BlockSet: []slack.Block{slack.NewSectionBlock(headline, nil, nil)}}
	for part := range slices.Chunk(fields, mostFields) {
		set.BlockSet = append(set.BlockSet, slack.NewSectionBlock(nil, part, nil))
	}
	if url != "" {
		button := slack.NewButtonBlockElement("run", "", slack.NewTextBlockObject(slack.PlainTextType, m.button, false, false)).WithURL(url)
		set.BlockSet = append(set.BlockSet, slack.NewActionBlock("", button))
	}
	return &slack.WebhookMessage{Text: m.text, Blocks: &set}
}

// mostFields is how many fields Slack takes in a section.
const mostFields = 10

// slackEscapes are the three characters that Slack's text gives a meaning: no
// branch name makes a link or calls a channel.
var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// post sends a message to the webhook, once. The webhook is a secret: whoever
// has it can write to the channel.
func (s *Suite) post(ctx context.Context, m message) error {
	hook := strings.TrimSpace(s.getenv("SLACK_WEBHOOK_URL"))
	s.Report.Mask(hook)
	switch {
	case hook == "":
		s.Report.Noticef("Slack is not told", "SLACK_WEBHOOK_URL is empty; gh deployctl secrets --environment NAME sets it")
		return nil
	case s.DryRun:
		s.Report.Printf("would post it to Slack")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*probeTimeout)
	defer cancel()
	if err := slack.PostWebhookCustomHTTPContext(ctx, hook, s.client(), m.blocks(s.Run.URL())); err != nil {
		return &pipeline.Error{
			Kind: pipeline.KindUnavailable, Op: "tell Slack", Message: strings.ReplaceAll(unwrapped(err).Error(), hook, "***"),
			Hint: "check SLACK_WEBHOOK_URL", Err: unwrapped(err),
		}
	}
	s.Report.Printf("Slack was told")
	return nil
}
