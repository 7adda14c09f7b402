package environments

import (
	_ "embed"
	"fmt"
	"reflect"
	"strings"
)

// example is the complete file that the reference shows.
//
//go:embed example.yml
var example string

// Reference is the reference page of the configuration file in Markdown, made
// from the types that read it. docs/configuration.md holds it.
func Reference() string {
	var page strings.Builder
	page.WriteString(referenceHead)
	page.WriteString("```yaml\n" + strings.TrimSpace(example) + "\n```\n")
	sections(&page, reflect.TypeFor[document](), "", "The file")
	page.WriteString(referenceTail)
	return page.String()
}

const referenceHead = `# The configuration file

<!-- Generated from the types in environments/schema.go by make golden. Do not edit. -->

` + "`" + Path + "`" + ` says how a team ships: its environments in promotion order, where they run, and what is asked of a change.
It is read from the repository's default branch, so that every operator and the wall see the same reviewed truth.
` + "`--config FILE`" + ` reads another one, and ` + "`gh deployctl init`" + ` writes one to begin with.

Without a file the console infers what it can and says so: environments, gate and reviewers from GitHub, files and branches from the workflows, clusters and services from the names in ECS. Each guess is noted, and ` + "`init`" + ` writes the notes down beside the values.

A complete file:

`

// sections writes a table for a section of the file and for each one in it.
func sections(page *strings.Builder, section reflect.Type, key, title string) {
	fmt.Fprintf(page, "\n## %s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", title)
	for _, f := range fieldsOf(section) {
		fallback := f.fallback
		if f.required {
			fallback = "required"
		}
		fmt.Fprintf(page, "| `%s` | %s | %s | %s |\n", f.key, cell(f.noun()), cell(fallback), cell(f.doc))
	}
	for _, f := range fieldsOf(section) {
		of, child, item := f.of, join(key, f.key), ""
		for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
			of, item = of.Elem(), "[]"
		}
		if _, scalar := reflect.New(of).Interface().(format); !scalar && of.Kind() == reflect.Struct {
			sections(page, of, child+item, "`"+child+item+"`")
		}
	}
}

// cell escapes what would end a cell of a Markdown table or hide in it.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;").Replace(text)
}

const referenceTail = `
## How values are written

- **Durations** have a unit: ` + "`90s`, `10m`, `24h`, `1h30m`" + `. There are no days.
- **Times** are ` + "`2026-12-23T00:00:00Z`" + `, or a date, which begins at midnight in UTC.
- **Patterns** of branches and tags are those of GitHub's deployment branch policies: ` + "`main`, `release/*`, `v[0-9]*`" + `.
- **Names that look like something else** need quotes: ` + "`\"1.10\"`, `\"true\"`" + `.
- **Addresses** may hold ` + "`{service}`" + `, which is replaced with the service's name. They hold no password: this file is committed.
- **Anchors, aliases, merge keys and tags** of YAML are refused, and so is a file of more than 1 MB.

## What is checked

Every mistake is told with its line, its column, its key and what would be right, all of them at once:

` + "```" + `
.github/deployctl.yml:14:12: environments[1].after: "stagin" is no environment; did you mean staging?
` + "```" + `

A configuration with a mistake is not used, and commands exit with 2. A warning does not stop anything: an environment without a cluster, a gate whose environment the jobs with credentials name too, no environment marked as production, a region that this program does not know yet.

Across the keys: the names of environments, services and clusters are unique; a GitHub environment belongs to one stage; ` + "`after`" + ` names an environment and goes round in no circle; services name clusters of their own environment; the migration service is one of the services; a freeze ends after it begins; ` + "`defaults.environment`" + ` and ` + "`repositories`" + ` name what exists.
`
