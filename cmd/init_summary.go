package cmd

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/steps"
)

// summarise says what was done and what comes next: to the operator, and as the
// text of a pull request.
func (g *globals) summarise(f initFlags, plan initPlan, written, kept []string) error {
	for _, name := range kept {
		fmt.Fprintf(g.Err, "kept %s, which differs; --force overwrites it\n", name)
	}
	switch {
	case f.dryRun:
		fmt.Fprintln(g.Out, "\nnothing was written (--dry-run)")
		return nil
	case len(written) == 0 && len(kept) > 0:
		fmt.Fprintln(g.Out, "\nnothing was written: what differs was kept, the rest is as it should be")
		return nil
	case len(written) == 0:
		fmt.Fprintln(g.Out, "\nnothing to do")
		return nil
	}
	text := plan.pullRequest(written)
	fmt.Fprintf(g.Out, "\n%s\nNext: commit these files on a branch, and open a pull request with the text above", text)
	if f.summary == "" {
		fmt.Fprintln(g.Out, ".")
		return nil
	}
	fmt.Fprintf(g.Out, ":\ngh pr create --title \"Delivery with gh deployctl\" --body-file %s\n", f.summary)
	if err := os.WriteFile(f.summary, []byte(text), 0o600); err != nil {
		return &pipeline.Error{Kind: pipeline.KindUsage, Op: "write the summary", Message: err.Error(), Hint: "name a file that can be written with --summary", Err: err}
	}
	return nil
}

// pullRequest is the text of the pull request: what is delivered from where to
// where, which files say so, and what has to be done for it to work.
func (p initPlan) pullRequest(written []string) string {
	var b strings.Builder
	b.WriteString("## Delivery with gh deployctl\n\n" +
		"ci.yml tests, scans and builds; cd-staging.yml and cd-production.yml deploy; rollback.yml goes back.\n\n" +
		"| environment | deployed from | cluster | services |\n| --- | --- | --- | --- |\n")
	for _, e := range p.stages {
		from := strings.Join(e.Branches, ", ")
		if len(e.Tags) > 0 {
			from += ", tags " + strings.Join(e.Tags, ", ")
		}
		var clusters, services []string
		for _, c := range e.Clusters {
			clusters = append(clusters, c.Name)
		}
		for _, s := range e.Services {
			services = append(services, s.Name)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", steps.Cell(e.Name), steps.Cell(from), steps.Cell(strings.Join(clusters, ", ")), steps.Cell(strings.Join(services, ", ")))
	}
	b.WriteString("\n### Files\n\n")
	list(&b, "- `%s`\n", written)
	b.WriteString("\n### Before it works\n\n" +
		"- [ ] `gh deployctl init --environments --reviewer LOGIN`: reviewers, wait timer, branches and tags\n" +
		"- [ ] `gh deployctl secrets --all`\n")
	list(&b, "- [ ] %s\n", p.notes)
	b.WriteString("- [ ] `gh deployctl doctor`, when this is merged\n")
	return b.String()
}

func list(w io.Writer, format string, items []string) {
	for _, item := range items {
		fmt.Fprintf(w, format, item)
	}
}
