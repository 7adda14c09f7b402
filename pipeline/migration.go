package pipeline

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// MigrationClass says what a Django migration does to a database that an older
// release still uses.
type MigrationClass string

// Classes of migration, from harmless to not known.
const (
	MigrationAdditive     MigrationClass = "additive"     // older code runs with it
	MigrationBackfill     MigrationClass = "backfill"     // moves data, and can be undone
	MigrationDestructive  MigrationClass = "destructive"  // older code fails with it
	MigrationIrreversible MigrationClass = "irreversible" // cannot be undone
	MigrationUnknown      MigrationClass = "unknown"      // could not be read or understood
)

// rank orders the classes by how much they stand in the way of going back.
func (c MigrationClass) rank() int {
	return slices.Index([]MigrationClass{MigrationAdditive, MigrationBackfill, MigrationUnknown, MigrationIrreversible, MigrationDestructive}, c)
}

// Migration is one migration between two releases.
type Migration struct {
	Path  string
	Name  string // orders.0057_add_coupon
	Class MigrationClass
	Why   string // the operation that decided, in a few words
}

var migrationPath = regexp.MustCompile(`(^|/)migrations/[0-9]{4}_\w+\.py$`)

// migrationFiles picks the migrations out of the files of a comparison.
func migrationFiles(files []ChangedFile) []ChangedFile {
	var out []ChangedFile
	for _, f := range files {
		if migrationPath.MatchString(f.Path) {
			out = append(out, f)
		}
	}
	return out
}

// migrationName is app.name: orders.0057_add_coupon.
func migrationName(file string) string {
	app := path.Base(path.Dir(path.Dir(file)))
	return app + "." + strings.TrimSuffix(path.Base(file), ".py")
}

// Classify reads a Django migration's operations. The worst one decides; what
// is not known to be harmless is unknown.
func Classify(source string) (MigrationClass, string) {
	ops := operations(source)
	if len(ops) == 0 {
		if strings.Contains(source, "operations = []") || strings.Contains(source, "operations=[]") {
			return MigrationAdditive, "no operations (a merge)"
		}
		return MigrationUnknown, "no operations found"
	}
	class, why := MigrationAdditive, ""
	for _, op := range ops {
		c, w := op.class()
		if why == "" || c.rank() > class.rank() {
			class, why = c, w
		}
	}
	return class, why
}

// operation is one call of migrations.NAME(arguments).
type operation struct{ name, arguments string }

var operationCall = regexp.MustCompile(`\bmigrations\.([A-Z]\w+)\s*\(`)

// operations finds the top-level operations; those inside
// SeparateDatabaseAndState are found within its database_operations.
func operations(source string) []operation {
	var out []operation
	for pos := 0; ; {
		m := operationCall.FindStringSubmatchIndex(source[pos:])
		if m == nil {
			return out
		}
		name := source[pos+m[2] : pos+m[3]]
		args, end := balanced(source, pos+m[1])
		pos = end
		if name == "Migration" {
			continue
		}
		out = append(out, operation{name, args})
	}
}

// balanced returns the text up to the parenthesis that closes the one before
// start, passing over strings and comments.
func balanced(s string, start int) (text string, end int) {
	depth := 1
	for i := start; i < len(s); i++ {
		switch c := s[i]; c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
			if depth == 0 {
				return s[start:i], i + 1
			}
		case '#':
			for i < len(s) && s[i] != '\n' {
				i++
			}
		case '"', '\'':
			i = endOfString(s, i)
		}
	}
	return s[start:], len(s)
}

// endOfString is the index of the quote that closes the string opened at i.
func endOfString(s string, i int) int {
	quote := s[i : i+1]
	if strings.HasPrefix(s[i:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	for j := i + len(quote); j < len(s); j++ {
		if s[j] == '\\' {
			j++
			continue
		}
		if strings.HasPrefix(s[j:], quote) {
			return j + len(quote) - 1
		}
	}
	return len(s)
}

var withDefault = regexp.MustCompile(`\b(db_default|default)\s*=|\bnull\s*=\s*True|ManyToManyField`)

func (o operation) class() (MigrationClass, string) {
	switch o.name {
	case "CreateModel", "AddIndex", "AddIndexConcurrently", "AlterModelOptions", "AlterModelManagers", "RenameIndex",
		"RemoveIndex", "RemoveConstraint", "AlterModelTableComment", "CreateExtension":
		return MigrationAdditive, o.name
	case "AddField":
		if strings.Contains(o.arguments, "db_default") || withDefault.MatchString(o.arguments) && !strings.Contains(o.arguments, "default=") {
			return MigrationAdditive, "adds a column that may be empty"
		}
		if withDefault.MatchString(o.arguments) {
			return MigrationAdditive, "adds a column with a default"
		}
		return MigrationDestructive, "adds a column that may not be empty and has no default"
	case "RemoveField", "DeleteModel", "RenameField", "RenameModel", "AlterModelTable", "AlterField",
		"AddConstraint", "AlterUniqueTogether", "AlterOrderWithRespectTo", "AlterIndexTogether":
		return MigrationDestructive, o.name
	case "RunPython":
		return o.reversible("reverse_code", 2)
	case "RunSQL":
		return o.reversible("reverse_sql", 2)
	case "SeparateDatabaseAndState":
		return o.separated()
	}
	return MigrationUnknown, o.name
}

// reversible tells a data migration with a way back from one without.
func (o operation) reversible(keyword string, position int) (MigrationClass, string) {
	args := topLevel(o.arguments)
	for _, a := range args {
		if strings.HasPrefix(a, keyword) {
			return MigrationBackfill, o.name + " with a way back"
		}
	}
	if len(args) >= position && !strings.Contains(args[position-1], "=") {
		return MigrationBackfill, o.name + " with a way back"
	}
	return MigrationIrreversible, o.name + " without a way back"
}

// separated judges only what reaches the database.
func (o operation) separated() (MigrationClass, string) {
	for _, a := range topLevel(o.arguments) {
		if rest, ok := strings.CutPrefix(a, "database_operations"); ok {
			if ops := operations(rest); len(ops) > 0 {
				return Classify(rest)
			}
		}
	}
	return MigrationAdditive, "changes only Django's own state"
}

// topLevel splits arguments at the commas that stand in no bracket.
func topLevel(args string) []string {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '"', '\'':
			i = endOfString(args, i)
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(args[start:i]))
				start = i + 1
			}
		}
	}
	if last := strings.TrimSpace(args[min(start, len(args)):]); last != "" {
		out = append(out, last)
	}
	return out
}

// worstMigration is the class that stands most in the way, and a sentence that
// names the migration.
func worstMigration(list []Migration) (MigrationClass, string) {
	if len(list) == 0 {
		return "", "no migration"
	}
	worst := slices.MaxFunc(list, func(a, b Migration) int { return a.Class.rank() - b.Class.rank() })
	s := fmt.Sprintf("migration %s: %s (%s)", worst.Name, worst.Class, worst.Why)
	if len(list) > 1 {
		s += fmt.Sprintf(", and %d more", len(list)-1)
	}
	return worst.Class, s
}
