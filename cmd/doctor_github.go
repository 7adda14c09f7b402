package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/deployctl/gh-deployctl/environments"
	"github.com/deployctl/gh-deployctl/ghclient"
	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/workflows"
)

func asError(err error) (*pipeline.Error, bool) {
	var e *pipeline.Error
	ok := errors.As(err, &e)
	return e, ok
}

// configuration looks at the file that everybody reads: that of the default
// branch.
func (d *doctor) configuration(ctx context.Context, c pipeline.Configuration) {
	for _, p := range c.Problems {
		if p.Warning {
			d.add(weak, "configuration", "", environments.Describe(c.Origin, p), "correct it in "+environments.Path)
		}
	}
	_, err := d.reader.File(ctx, environments.Path, "")
	switch {
	case pipeline.KindOf(err) == pipeline.KindNotFound:
		d.add(broken, "configuration", "", environments.Path+" is not on the default branch, where everybody reads it", "merge it")
	case err != nil:
		d.failed("configuration", "", err)
	default:
		d.add(holds, "configuration", "", fmt.Sprintf("%s, %d environments", c.Origin, len(c.Environments)), "")
	}
}

// workflowFiles looks at the four workflows.
func (d *doctor) workflowFiles(ctx context.Context, c pipeline.Configuration) {
	list, err := d.reader.Workflows(ctx)
	if err != nil {
		d.failed("workflow", "", err)
		return
	}
	for _, file := range []string{c.Workflows.CI, c.Workflows.Staging, c.Workflows.Production, c.Workflows.Rollback} {
		if file == "" {
			d.add(broken, "workflow", "", "the configuration does not name all four workflows", "add workflows: to "+environments.Path)
			continue
		}
		i := slices.IndexFunc(list, func(w pipeline.Workflow) bool { return w.File() == file })
		switch {
		case i < 0:
			d.add(broken, "workflow", file, "is not in the repository", "gh deployctl init, and merge what it writes")
		case list[i].State != "active":
			d.add(broken, "workflow", file, "is "+strings.ReplaceAll(list[i].State, "_", " "), "gh workflow enable "+file)
		default:
			d.workflowFile(ctx, file, list[i].Path)
		}
	}
}

// workflowFile holds one file against the templates.
func (d *doctor) workflowFile(ctx context.Context, file, path string) {
	content, err := d.reader.File(ctx, path, "")
	if err != nil {
		d.failed("workflow", file, err)
		return
	}
	version := workflows.VersionOf(content)
	pin := workflows.SettingsOf(content).Extension
	switch {
	case version == 0:
		d.add(weak, "workflow", file, "was not written by init, so its safety rules are not known", "compare it with what gh deployctl init --dry-run shows")
	case version < workflows.TemplateVersion:
		d.add(broken, "workflow", file, fmt.Sprintf("is of the templates' version %d; this program has %d", version, workflows.TemplateVersion), "gh deployctl init --force, and review the difference")
	case version > workflows.TemplateVersion:
		d.add(broken, "workflow", file, fmt.Sprintf("is of the templates' version %d; this program knows %d", version, workflows.TemplateVersion), "gh extension upgrade deployctl")
	case pin.Repository == "" || pin.SHA256 == "":
		d.add(broken, "workflow", file, "does not say which release of gh deployctl to install, so its jobs fail", "gh deployctl init --force --extension OWNER/REPO@VERSION")
	case d.hidden(ctx, pin.Repository):
		d.add(broken, "workflow", file, "installs gh deployctl from "+pin.Repository+", which is "+hiddenRepository, copyExtension)
	default:
		d.add(holds, "workflow", file, "active, and as the templates have it", "")
	}
}

// hidden is hiddenFromJobs, asked once for each repository.
func (d *doctor) hidden(ctx context.Context, repository string) bool {
	known, asked := d.extensions[repository]
	if !asked {
		known = d.hiddenFromJobs(ctx, repository)
		d.extensions[repository] = known
	}
	return known
}

// gates looks at the GitHub environments and at how strong each gate is.
func (d *doctor) gates(ctx context.Context, r *ghclient.Reader, c pipeline.Configuration) {
	list, err := r.Environments(ctx)
	if err != nil {
		d.failed("environment", "", err)
		return
	}
	find := func(name string) (pipeline.ProtectionRules, bool) {
		i := slices.IndexFunc(list, func(e pipeline.ProtectionRules) bool { return strings.EqualFold(e.Environment, name) })
		if i < 0 {
			d.add(broken, "environment", name, "is not in the repository", "gh deployctl init --environments")
			return pipeline.ProtectionRules{}, false
		}
		return list[i], true
	}
	for _, e := range c.Environments {
		if e.Production && e.GateEnvironment == "" {
			d.add(broken, "gate", e.Name, "nobody has to approve: the configuration names no gate_environment", "add it to "+environments.Path)
		}
		if e.GateEnvironment != "" {
			if rules, ok := find(e.GateEnvironment); ok {
				d.gate(rules, c.Policy.FourEyes)
			}
		}
		if e.DeployEnvironment == e.GateEnvironment {
			d.add(broken, "environment", e.DeployEnvironment, "is the gate and the environment of the jobs behind it, so GitHub asks for approval again and again", "name another deploy_environment in "+environments.Path)
			continue
		}
		if rules, ok := find(e.DeployEnvironment); ok {
			d.behindGate(rules, e.Production)
		}
	}
}

// gate says how strong a gate is. It is broken where it holds nobody back, or
// less than the team's own policy wants, and weak where it could hold more.
func (d *doctor) gate(rules pipeline.ProtectionRules, fourEyes string) {
	const apply = "gh deployctl init --environments"
	name := rules.Environment
	if len(rules.Reviewers) == 0 && len(rules.CustomRules) == 0 {
		d.add(broken, "gate", name, "nobody has to approve", apply+" --reviewer LOGIN")
		return
	}
	state := weak
	var gaps, fixes []string
	gap := func(sentence, fix string, breaks bool) {
		gaps, fixes = append(gaps, sentence), append(fixes, fix)
		if breaks {
			state = broken
		}
	}
	if !rules.PreventSelfReview && fourEyes != "off" {
		gap("who started a run may approve it", apply, fourEyes == "require")
	}
	if rules.AdminsBypass {
		gap("administrators may pass it by", "switch it off in the repository's settings", false)
	}
	if !rules.ProtectedOnly && len(rules.Branches) == 0 {
		gap("any branch may be deployed", apply, true)
	}
	if rules.WaitTimer == 0 {
		gap("there is no time to change one's mind", apply, false)
	}
	who := counted(len(rules.Reviewers), "reviewer")
	if len(gaps) > 0 {
		slices.Sort(fixes)
		d.add(state, "gate", name, who+", but "+strings.Join(gaps, "; "), strings.Join(slices.Compact(fixes), ", and "))
		return
	}
	d.add(holds, "gate", name, fmt.Sprintf("%s, %s, %s, %s", who, timer(rules.WaitTimer), selfReview(rules), orDash(strings.Join(rules.Branches, " "))), "")
}

func selfReview(rules pipeline.ProtectionRules) string {
	if rules.PreventSelfReview {
		return "no self review"
	}
	return "self review allowed"
}

// behindGate looks at the environment of jobs with credentials: it must let
// jobs in without asking, and none of another branch.
func (d *doctor) behindGate(rules pipeline.ProtectionRules, production bool) {
	name := rules.Environment
	switch {
	case len(rules.Reviewers) > 0 || rules.WaitTimer > 0:
		d.add(broken, "environment", name, "asks its jobs to wait or for an approval, which holds up rollbacks too", "gh deployctl init --environments")
	case production && !rules.ProtectedOnly && len(rules.Branches) == 0:
		d.add(broken, "environment", name, "hands its credentials to any branch", "gh deployctl init --environments")
	default:
		d.add(holds, "environment", name, "no approval, "+orDash(strings.Join(rules.Branches, " ")), "")
	}
}

// secrets looks at what the workflows read.
func (d *doctor) secrets(ctx context.Context, r *ghclient.Reader) {
	needs, err := d.secretNeeds(ctx, r)
	if err != nil {
		d.failed("secrets", "", err)
		return
	}
	var missing, old []string
	set := 0
	for _, n := range needs {
		name := strings.TrimPrefix(value(n.Environment)+"/"+n.Name, "/")
		switch {
		case n.State == "missing":
			missing = append(missing, name)
		case n.State == "set":
			set++
			if *n.AgeDays > int(secretAge.Hours()/24) {
				old = append(old, name)
			}
		}
	}
	if len(missing) > 0 {
		d.add(broken, "secrets", "", "not set: "+strings.Join(missing, ", "), "gh deployctl secrets --all")
	} else {
		d.add(holds, "secrets", "", fmt.Sprintf("all %d that the workflows read are set", set), "")
	}
	if len(old) > 0 {
		d.add(weak, "secrets", "", fmt.Sprintf("older than %d days: %s", int(secretAge.Hours()/24), strings.Join(old, ", ")), "gh deployctl secrets, or --generate --rotate for keys that are ours to make")
	}
}
