package pipeline

import "slices"

// gateSchema (R12): the older code runs with today's schema.
func gateSchema(ev *evidence, c Candidate) Gate {
	g := Gate{ID: "R12", Code: "migration", Title: "migrations", Ack: "SCHEMA", Verdict: Pass, Observation: ev.migrations.Observation}
	if unreadable(ev.migrations.Observation) {
		return unreadGate(g, ev.migrations.Observation, Acknowledge)
	}
	class, sentence := worstMigration(ev.migrations.Value)
	g.Sentence = sentence
	switch class {
	case "":
	case MigrationAdditive:
		g.Sentence += "; the older code runs with it"
	case MigrationBackfill:
		g.Verdict, g.Effect, g.Code = Fail, Warn, "migration_backfill"
	case MigrationUnknown:
		g.Verdict, g.Effect, g.Code = Unknown, Acknowledge, "migration_unknown"
	case MigrationDestructive, MigrationIrreversible:
		g.Verdict, g.Effect, g.Code = Fail, Acknowledge, "migration_"+string(class)
		g.Sentence += "; the older code may fail with it"
		if id := backup(ev, c); id != "" { // who names it has looked for what could bring the data back
			g.Ack += " " + id
		}
	}
	return g
}

// backup is the snapshot from before what a rollback would undo, where it can be
// used; empty: none is known.
func backup(ev *evidence, c Candidate) string {
	if ev.env.Environment.Database.Instance == "" || unreadable(ev.snapshots.Observation) {
		return ""
	}
	want := recordedSnapshot(ev, c)
	if !slices.ContainsFunc(ev.snapshots.Value, func(s DatabaseSnapshot) bool { return s.ID == want && s.Status == "available" }) {
		return ""
	}
	return want
}

// recordedSnapshot is the first snapshot that a deployment made after the target:
// a later one may come from after the migration that the older code cannot live
// with. Empty: none did.
func recordedSnapshot(ev *evidence, c Candidate) string {
	first := ""
	for _, dep := range ev.env.Deployments.Value { // the newest first
		if dep.ID == c.Deployment.ID {
			break
		}
		first = firstOf(dep.Payload.Snapshot, first)
	}
	return first
}

// gateBackup (R13): a backup from before the change exists.
func gateBackup(ev *evidence, c Candidate) Gate {
	g := Gate{ID: "R13", Code: "no_backup", Title: "the backup", Ack: "backup", Verdict: Pass, Observation: ev.snapshots.Observation}
	class, _ := worstMigration(ev.migrations.Value)
	needed := class == MigrationDestructive || class == MigrationIrreversible
	effect := Inform
	if needed {
		effect = Acknowledge
	}
	if ev.env.Environment.Database.Instance == "" {
		g.Verdict, g.Sentence, g.Observation = NotApplicable, "no database is configured", ev.env.Observation
		return g
	}
	if unreadable(ev.snapshots.Observation) {
		return unreadGate(g, ev.snapshots.Observation, effect)
	}
	if id := backup(ev, c); id != "" {
		g.Sentence = id + " available"
		return g
	}
	g.Verdict, g.Effect = Fail, effect
	g.Sentence = firstOf(recordedSnapshot(ev, c), "no snapshot") + " is not available"
	return g
}
