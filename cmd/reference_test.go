package cmd

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui"
)

var update = flag.Bool("update", false, "write the generated pages anew")

const commandsPage = "../docs/commands.md"

// The reference of the commands is generated from the commands: a flag that is
// not on the page, or a page that names one that is gone, fails here.
func TestCommandsPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Commands\n\nGenerated from the program by `make golden`. Every command also has `--help`.\n\n")
	b.WriteString("Exit codes: 0 done · 1 failed · 2 wrong usage · 3 refused by a check · 4 not authenticated, not allowed, or not there · 5 a source could not be reached · 8 sent, its effect not seen in time.\n\n")
	root := newRoot(Streams{In: strings.NewReader(""), Out: &b, Err: &b})
	b.WriteString("## Flags of every command\n\n")
	writeFlags(&b, root.PersistentFlags())
	describe(&b, root)
	writeVariables(&b)
	if *update {
		if err := os.WriteFile(commandsPage, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(commandsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != b.String() {
		t.Error("docs/commands.md is not what the commands say; run make golden")
	}
}

func describe(b *strings.Builder, c *cobra.Command) {
	if c.Hidden || c.IsAdditionalHelpTopicCommand() || c.Name() == "help" || c.Name() == "completion" {
		return
	}
	fmt.Fprintf(b, "## %s\n\n", strings.TrimSpace(strings.TrimSuffix(c.CommandPath(), c.Name())+c.Use))
	if c.Long != "" {
		b.WriteString(c.Long + "\n\n")
	} else {
		b.WriteString(c.Short + ".\n\n")
	}
	writeFlags(b, c.LocalNonPersistentFlags())
	for _, sub := range c.Commands() {
		describe(b, sub)
	}
}

func writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	rows := ""
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Name == "version" || f.Hidden {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		kind, what := pflag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "0s" {
			what += " (default " + f.DefValue + ")"
		}
		rows += fmt.Sprintf("| `%s` | %s |\n", strings.TrimSpace(name+" "+kind), strings.ReplaceAll(what, "|", `\|`))
	})
	if rows != "" {
		b.WriteString("| flag | what it does |\n| --- | --- |\n" + rows + "\n")
	}
}

var readmeCommand = regexp.MustCompile("`gh deployctl ([a-z]+)|, `([a-z]{4,})(?: [A-Z]+)?`")

// The README names commands and links pages; all of them exist.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	root := newRoot(Streams{})
	known := map[string]bool{}
	for _, c := range root.Commands() {
		known[c.Name()] = true
	}
	for _, m := range readmeCommand.FindAllStringSubmatch(string(page), -1) {
		if name := m[1] + m[2]; !known[name] {
			t.Errorf("README.md names the command %q, which there is not", name)
		}
	}
	flags := map[string]bool{}
	collect(root, flags)
	for _, m := range regexp.MustCompile(`--([a-z][a-z-]+)`).FindAllStringSubmatch(regexp.MustCompile(`(?m)^aws .*$`).ReplaceAllString(string(page), ""), -1) {
		if !flags[m[1]] {
			t.Errorf("README.md names the flag --%s, which no command has", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat("../" + m[1]); err != nil {
			t.Errorf("README.md links %s: %v", m[1], err)
		}
	}
}

func collect(c *cobra.Command, flags map[string]bool) {
	note := func(f *pflag.Flag) { flags[f.Name] = true }
	c.Flags().VisitAll(note)
	c.PersistentFlags().VisitAll(note)
	for _, sub := range c.Commands() {
		collect(sub, flags)
	}
}

// The policy that docs/permissions.md gives allows every operation that the
// program reads with.
func TestPermissionsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../aws/readonly.go")
	if err != nil {
		t.Fatal(err)
	}
	prefixes := map[string]string{
		"ECS": "ecs", "CloudWatch Logs": "logs", "CloudWatch": "cloudwatch", "Elastic Load Balancing v2": "elasticloadbalancing", "ECR": "ecr", "RDS": "rds",
		"Application Auto Scaling": "application-autoscaling", "ServiceDiscovery": "servicediscovery",
		"Secrets Manager": "secretsmanager", "SSM": "ssm",
	}
	found := 0
	for service, prefix := range prefixes {
		m := regexp.MustCompile(`(?s)"` + service + `":\s*\{(.*?)\}`).FindStringSubmatch(string(source))
		if m == nil {
			t.Errorf("aws/readonly.go lists nothing for %s", service)
			continue
		}
		for _, op := range regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(m[1], -1) {
			found++
			if !strings.Contains(string(page), `"`+prefix+":"+op[1]+`"`) {
				t.Errorf("docs/permissions.md lacks %s:%s", prefix, op[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d operations found", found)
	}
}

// The table of rights in docs/permissions.md is the one that the console goes by.
func TestRightsOnThePage(t *testing.T) {
	const file, from, to = "../docs/permissions.md", "<!-- rights -->\n", "<!-- /rights -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), from)
	table, after, closed := strings.Cut(rest, to)
	if !ok || !closed {
		t.Fatal("docs/permissions.md has no place for the table of rights")
	}
	want := pipeline.RightsTable()
	if *update {
		if err := os.WriteFile(file, []byte(before+from+want+to+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Error("docs/permissions.md is not what the table of rights says; run make golden")
	}
	for _, action := range ui.Commands() {
		if action.Dangerous && !slices.ContainsFunc(pipeline.Rights(), func(r pipeline.Right) bool { return r.Action == action.ID }) {
			t.Errorf("the table of rights lacks %s", action.ID)
		}
	}
}

// The help of every command fits a terminal of 80 columns.
func TestHelpFits(t *testing.T) {
	var fits func(c *cobra.Command)
	seen := 0
	fits = func(c *cobra.Command) {
		if c.Name() != "completion" {
			seen++
			for line := range strings.Lines(c.Long + "\n" + c.UsageString()) {
				if wide := utf8.RuneCountInString(strings.TrimRight(line, "\n")); wide > helpWidth {
					t.Errorf("%s --help: %d columns: %s", c.CommandPath(), wide, line)
				}
			}
			for _, sub := range c.Commands() {
				fits(sub)
			}
		}
	}
	fits(newRoot(Streams{}))
	if seen < 40 {
		t.Errorf("only %d commands", seen)
	}
}
