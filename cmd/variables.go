package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// A variable is one of the environment that this program goes by, or that what
// it is built on does. docs/commands.md and gh deployctl help environment print
// the list; a test holds it against the code.
type variable struct{ name, does string }

type variables struct {
	title string
	list  []variable
}

var environmentVariables = []variables{
	{"GitHub", []variable{
		{"GH_REPO", "the repository, as [HOST/]OWNER/REPO, where the current directory is none and -R does not say"},
		{"GH_HOST", "the GitHub host; default: that of the repository, else github.com"},
		{"GH_TOKEN, GITHUB_TOKEN", "the token for github.com and *.ghe.com, before the one that gh keeps"},
		{"GH_ENTERPRISE_TOKEN, GITHUB_ENTERPRISE_TOKEN", "the token for any other host"},
		{"GH_CONFIG_DIR", "where gh keeps its login"},
		{"GH_BROWSER, BROWSER", "what o opens pages with"},
	}},
	{"AWS", []variable{
		{"AWS_PROFILE, AWS_DEFAULT_PROFILE", "the profile, where the configuration names none"},
		{"AWS_REGION, AWS_DEFAULT_REGION", "the region, where the configuration names none; what init proposes"},
		{"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN", "credentials, before those of a profile that the configuration does not name"},
		{"AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_SERVICE", "another address than AWS's own, for all services or for one"},
		{"AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, AWS_CA_BUNDLE", "as every AWS tool reads them"},
		{"AWS_EC2_METADATA_DISABLED", "false: ask the metadata service of an EC2 instance for credentials, which is not done otherwise"},
	}},
	{"Network", []variable{
		{"HTTP_PROXY, HTTPS_PROXY, NO_PROXY", "the proxy for GitHub and AWS, in capitals or small letters"},
	}},
	{"Terminal", []variable{
		{"NO_COLOR", "set to anything: no colours"},
		{"GH_ACCESSIBLE_COLORS", "1: the terminal's own bright colours, as --high-contrast"},
		{"TERM", "dumb: no colours and no other characters than ASCII; linux: no other characters than ASCII"},
		{"LC_ALL, LC_CTYPE, LANG", "a locale without UTF-8: no other characters than ASCII"},
		{"TZ", "the zone of local times; --utc shows UTC"},
	}},
	{"Files", []variable{
		{"XDG_STATE_HOME", "where journal, last snapshot and remembered inputs are kept, below gh-deployctl; default: ~/.local/state"},
		{"XDG_CACHE_HOME", "where task definitions and the history of runs are kept, which can be read again; default: ~/.cache"},
		{"GOGC", "the Go runtime's own; set, this program leaves it alone"},
	}},
	{"Steps, in a workflow's job", []variable{
		{"GITHUB_REPOSITORY, GITHUB_SHA, GITHUB_REF, GITHUB_REF_NAME, GITHUB_EVENT_NAME, GITHUB_SERVER_URL", "what the run is about, as GitHub sets them"},
		{"GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_WORKFLOW, GITHUB_WORKFLOW_REF, GITHUB_JOB, GITHUB_ACTOR, GITHUB_TRIGGERING_ACTOR", "which run, attempt and job it is, and whose"},
		{"GITHUB_ACTIONS, GITHUB_OUTPUT, GITHUB_STEP_SUMMARY, RUNNER_DEBUG", "where annotations, outputs and the summary go, and whether each request is shown"},
		{"DEPLOYCTL_VARIABLES", "the variables of the GitHub environment, as JSON, that step deploy sets in the containers"},
		{"DB_NAME, DB_USER, DB_PASSWORD, DJANGO_SECRET_KEY, JWT_SECRET_KEY, SENTRY_DSN", "the secrets that step deploy keeps in Secrets Manager"},
		{"DEPLOYCTL_REQUEST_ID", "the request that the run carries out, from its input request_id"},
		{"BACKUP_S3_BUCKET", "the bucket that keeps a copy of each deployment's record"},
		{"SLACK_WEBHOOK_URL, NEEDS", "where step notify posts, and the results of the jobs, ${{ toJSON(needs) }}"},
		{"DEPLOYCTL_SPEED", "how much faster than real waits are; for the sandbox"},
	}},
}

// newVariablesTopic is a page of the help, and no command.
func newVariablesTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString("The variables of the environment that this program goes by. What is not listed changes nothing.\n")
	for _, part := range environmentVariables {
		b.WriteString("\n" + part.title + "\n")
		for _, v := range part.list {
			b.WriteString(wrapped("  ", v.name) + wrapped("      ", v.does))
		}
	}
	return &cobra.Command{Use: "environment", Short: "The environment variables that are read", Long: strings.TrimSpace(b.String())}
}

// writeVariables is the list for docs/commands.md.
func writeVariables(b *strings.Builder) {
	b.WriteString("## Environment variables\n\nAlso: `gh deployctl help environment`.\n\n")
	for _, part := range environmentVariables {
		fmt.Fprintf(b, "### %s\n\n| variable | what it does |\n| --- | --- |\n", part.title)
		for _, v := range part.list {
			fmt.Fprintf(b, "| `%s` | %s |\n", strings.ReplaceAll(v.name, ", ", "`, `"), strings.ReplaceAll(v.does, "|", `\|`))
		}
		b.WriteString("\n")
	}
}
