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

// closes reports whether older code may fail with a database that went through
// it, and no migration leads back.
func (c MigrationClass) closes() bool {
	return c == MigrationDestructive || c == MigrationIrreversible
}

// Migration is one migration between two releases.
type Migration struct {
	Path  string
	Name  string // orders.0057_add_coupon
	Class MigrationClass
	Why   string // the operation that decided, in a few words
}

// migrationPath is a module of a migrations package, __init__.py aside.
var migrationPath = regexp.MustCompile(`(^|/)migrations/[A-Za-z0-9]\w*\.py$`)

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
// is not known to be harmless to the release before is unknown.
func Classify(source string) (MigrationClass, string) {
	masked := maskPython(source)
	if n := replaced(source, masked); n > 0 {
		return MigrationAdditive, fmt.Sprintf("squashes %s, and does nothing where they ran", plural(n, "migration"))
	}
	list, ok := operationList(source, masked)
	if !ok {
		return MigrationUnknown, "no list of operations found"
	}
	if len(list) == 0 {
		return MigrationAdditive, "no operations (a merge)"
	}
	class, why := worstOperation(list)
	if operationsGrow.MatchString(masked) && class.rank() < MigrationUnknown.rank() {
		return MigrationUnknown, "its operations are made by code"
	}
	return class, why
}

func worstOperation(list []string) (class MigrationClass, why string) {
	for _, text := range list {
		c, w := classOf(text)
		if why == "" || c.rank() > class.rank() {
			class, why = c, w
		}
	}
	return class, why
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
