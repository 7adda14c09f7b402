package pipeline

import (
	"regexp"
	"strings"
)

// additive are the operations that code which does not know them runs with.
var additive = map[string]bool{
	"CreateModel": true, "AddIndex": true, "AddIndexConcurrently": true, "RemoveIndex": true, "RemoveIndexConcurrently": true,
	"RenameIndex": true, "AlterIndexTogether": true, "RemoveConstraint": true, "AlterModelOptions": true, "AlterModelManagers": true,
	"AlterModelTableComment": true, "CreateCollation": true, "CreateExtension": true,
}

// destructive are the operations that fail code which does not know them: it
// reads what is gone, or writes what is no longer taken.
var destructive = map[string]bool{
	"RemoveField": true, "DeleteModel": true, "RenameField": true, "RenameModel": true, "AlterModelTable": true,
	"AddConstraint": true, "AddConstraintNotValid": true, "ValidateConstraint": true,
	"AlterUniqueTogether": true, "AlterOrderWithRespectTo": true,
}

// classOf judges one element of a list of operations.
func classOf(text string) (MigrationClass, string) {
	m := callOf.FindStringSubmatchIndex(text)
	if m == nil {
		return MigrationUnknown, "an operation that is made by code"
	}
	name := text[m[2]:m[3]]
	inside, _ := balanced(text, m[1])
	args := argumentsOf(inside)
	switch {
	case additive[name], strings.HasSuffix(name, "Extension"):
		return MigrationAdditive, name
	case destructive[name]:
		return MigrationDestructive, name
	case name == "AddField":
		return addField(args)
	case name == "AlterField":
		return MigrationUnknown, "AlterField: the file does not say whether it narrows the column"
	case name == "RunPython":
		return runPython(args)
	case name == "RunSQL":
		return runSQL(args)
	case name == "SeparateDatabaseAndState":
		return separated(args)
	}
	return MigrationUnknown, name + " is not an operation of Django's own"
}

// addField judges a new column by what an insert of older code meets, which
// does not name it. Django's own default is in the code, not in the database:
// only db_default, NULL or a computed column help older code.
func addField(args arguments) (MigrationClass, string) {
	field := args.get("field", 2)
	m := callOf.FindStringSubmatchIndex(field)
	if m == nil {
		return MigrationUnknown, "AddField with a field that is made by code"
	}
	kind := field[m[2]:m[3]]
	inside, _ := balanced(field, m[1])
	of := argumentsOf(inside)
	_, inDatabase := of.named["db_default"]
	switch {
	case kind == "ManyToManyField", kind == "GeneratedField":
		return MigrationAdditive, "adds no column that has to be filled"
	case of.named["null"] == "True":
		return MigrationAdditive, "adds a column that may be empty"
	case inDatabase:
		return MigrationAdditive, "adds a column with a default in the database"
	case of.named["default"] != "":
		return MigrationDestructive, "adds a column that may not be empty, whose default only the newer code knows"
	}
	return MigrationDestructive, "adds a column that may not be empty and has no default"
}

// runPython tells a data migration with a way back from one without.
func runPython(args arguments) (MigrationClass, string) {
	if strings.HasSuffix(args.get("code", 0), "RunPython.noop") {
		return MigrationAdditive, "RunPython that does nothing"
	}
	if back := args.get("reverse_code", 1); back == "" || back == "None" {
		return MigrationIrreversible, "RunPython without a way back"
	}
	return MigrationBackfill, "RunPython with a way back"
}

var (
	breakingSQL = regexp.MustCompile(`(?i)\b(DROP\s+(TABLE|COLUMN|VIEW|SCHEMA|TYPE|SEQUENCE|FUNCTION)|RENAME\b|TRUNCATE\b|DELETE\s+FROM|ALTER\s+COLUMN|SET\s+NOT\s+NULL|ADD\s+CONSTRAINT|ADD\s+UNIQUE|CREATE\s+UNIQUE\s+INDEX)`)
	addedSQL    = regexp.MustCompile(`(?i)^(CREATE\s+(INDEX|TABLE|EXTENSION|VIEW|SEQUENCE|STATISTICS)|DROP\s+INDEX|COMMENT\s+ON|ANALYZE|VACUUM|SET\s+(LOCAL\s+)?(lock_timeout|statement_timeout))\b`)
	writtenSQL  = regexp.MustCompile(`(?i)^(UPDATE|INSERT|WITH|MERGE)\b`)
	stringStart = regexp.MustCompile(`^(?i:[rfbu]{0,2})("""|'''|"|')`)
)

// runSQL judges the statements where they stand in the file.
func runSQL(args arguments) (MigrationClass, string) {
	text := args.get("sql", 0)
	back := args.get("reverse_sql", 1)
	m := stringStart.FindStringSubmatchIndex(text)
	switch {
	case strings.HasSuffix(text, "RunSQL.noop"):
		return MigrationAdditive, "RunSQL that does nothing"
	case m == nil || strings.ContainsAny(strings.ToLower(text[:m[2]]), "f"):
		return MigrationUnknown, "RunSQL of statements that are not in the file"
	case breakingSQL.MatchString(text):
		return MigrationDestructive, "RunSQL: " + strings.ToUpper(strings.Join(strings.Fields(breakingSQL.FindString(text)), " "))
	}
	all, writes := true, false
	for statement := range strings.SplitSeq(strings.Trim(text[m[3]:], `"'`), ";") {
		statement = strings.TrimSpace(strings.Trim(strings.TrimSpace(statement), `"'`))
		if statement == "" {
			continue
		}
		writes = writes || writtenSQL.MatchString(statement)
		all = all && (addedSQL.MatchString(statement) || writtenSQL.MatchString(statement))
	}
	switch {
	case !all:
		return MigrationUnknown, "RunSQL of statements that are not understood"
	case !writes:
		return MigrationAdditive, "RunSQL that only adds"
	case back == "" || back == "None":
		return MigrationIrreversible, "RunSQL without a way back"
	}
	return MigrationBackfill, "RunSQL with a way back"
}

// separated judges only what reaches the database.
func separated(args arguments) (MigrationClass, string) {
	list := args.get("database_operations", 0)
	if list == "" || list == "None" {
		return MigrationAdditive, "changes only Django's own state"
	}
	if !strings.HasPrefix(list, "[") {
		return MigrationUnknown, "SeparateDatabaseAndState with operations that are made by code"
	}
	inside, _ := balanced(list, 1)
	ops := topLevel(inside)
	if len(ops) == 0 {
		return MigrationAdditive, "changes only Django's own state"
	}
	return worstOperation(ops)
}
