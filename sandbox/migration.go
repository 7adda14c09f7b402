package sandbox

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// oneOffOutput is what a one-off task's command prints, and how it exits: for a
// migration, what Django says about the migrations that the database has not
// had yet. It ends at the first that fails; those before it stay applied.
func (w *World) oneOffOutput(t *Task) (lines []string, exit int) {
	command := strings.Join(t.Command, " ")
	if !strings.Contains(command, "migrate") {
		return []string{"$ " + command, "done"}, 0
	}
	lines = []string{"Operations to perform:", "  Apply all migrations: admin, auth, contenttypes, orders, sessions", "Running migrations:"}
	pending := w.pendingMigrations(t)
	for _, name := range pending {
		source, _ := w.Hub.Repository.file(w.Hub.Repository.Commits[t.Definition.Env("GIT_SHA")], migrationsPath+name+".py")
		if trace := migrationError(t.Cluster, source); trace != "" {
			return append(lines, fmt.Sprintf("  Applying orders.%s...", name), trace), 1
		}
		lines = append(lines, fmt.Sprintf("  Applying orders.%s... OK", name))
		t.Cluster.applied = append(t.Cluster.applied, name)
	}
	if len(pending) == 0 {
		lines = append(lines, "  No migrations to apply.")
	}
	return lines, 0
}

// uniqueColumn finds a column with one default for all rows that takes each
// value once.
var uniqueColumn = regexp.MustCompile(`AddField\(model_name="(\w+)", name="(\w+)", field=.*default="(\w*)", unique=True`)

// migrationError is the traceback of a migration that cannot be applied; empty
// where it can. Its own code may raise an error; and PostgreSQL refuses a unique
// column whose rows are all alike, where there are rows: in production.
func migrationError(c *Cluster, source string) string {
	if _, raised, raises := strings.Cut(source, "\n    raise "); raises {
		what, _, _ := strings.Cut(raised, "\n")
		return "Traceback (most recent call last):\n    raise " + what + "\n" + what
	}
	unique := uniqueColumn.FindStringSubmatch(source)
	if unique == nil || c.Environment != "production" {
		return ""
	}
	index := fmt.Sprintf("could not create unique index \"orders_%s_%s_key\"\nDETAIL:  Key (%s)=(%s) is duplicated.", unique[1], unique[2], unique[2], unique[3])
	return `Traceback (most recent call last):
  File "/usr/local/lib/python3.13/site-packages/django/db/backends/utils.py", line 105, in _execute
    return self.cursor.execute(sql, params)
psycopg.errors.UniqueViolation: ` + index + `

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/manage.py", line 7, in <module>
    execute_from_command_line(sys.argv)
  File "/usr/local/lib/python3.13/site-packages/django/db/migrations/migration.py", line 132, in apply
    operation.database_forwards(
django.db.utils.IntegrityError: ` + index
}

// pendingMigrations compares the migrations of the task's commit with those of
// what is live, and with what earlier tasks have applied.
func (w *World) pendingMigrations(t *Task) []string {
	next := w.Hub.Repository.Commits[t.Definition.Env("GIT_SHA")]
	live := w.Hub.Repository.Commits[t.Cluster.Service("orders").Current().Serving().TaskDefinition.Env("GIT_SHA")]
	if next == nil || live == nil {
		return nil
	}
	var names []string
	for path := range next.Files {
		_, had := live.Files[path]
		name, ok := strings.CutPrefix(path, migrationsPath)
		if name = strings.TrimSuffix(name, ".py"); ok && !had && !slices.Contains(t.Cluster.applied, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// sayLog adds what a one-off task wrote to a step's log, as `step migrate` does.
func (w *World) sayLog(step *Step, t *Task) {
	group := w.Cloud.LogGroup(t.Definition.LogGroup)
	if group == nil {
		return
	}
	w.say(step, "##[group]Log of the migration, %s", group.Name)
	for _, e := range group.Events {
		if e.Stream == t.stream {
			w.say(step, "%s", e.Message)
		}
	}
	w.say(step, "##[endgroup]")
}
