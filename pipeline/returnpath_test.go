package pipeline

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A configuration may name fewer services than the deployments did. What it
// does not name cannot be judged, which is said and not waited for.
func TestServicesThatTheConfigurationDoesNotName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		c := testConfiguration()
		w.services["shop-production"] = w.services["shop-production"][:1]
		w.services["shop-staging"] = w.services["shop-staging"][:1]
		for i := range c.Environments {
			c.Environments[i].Services = []Service{{Name: "orders"}}
		}
		e := NewEngine(Options{GitHub: w, Cloud: w, Configure: func(context.Context) (Configuration, error) { return c, nil }})
		e.Start(t.Context())
		defer func() { _ = e.Close() }()
		began := time.Now()
		s := e.Settle(t.Context())
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("settled after %s", took)
		}
		rp := s.Environment("production").Return
		if len(rp.Candidates) == 0 || rp.Candidates[0].Verdict != Unknown || !strings.Contains(strings.Join(rp.Candidates[0].Reasons, ";"), "users: not a service of this configuration") {
			t.Errorf("candidates %+v", rp.Candidates)
		}
	})
}

// dropColumn is a migration that the release before does not run with.
const dropColumn = "from django.db import migrations\n\nclass Migration(migrations.Migration):\n    operations = [\n        migrations.RemoveField(model_name='order', name='address'),\n    ]\n"

// droppedIn is the rich world, in which a migration of one app lies between
// every candidate and what is live.
func droppedIn(path string) *world {
	w := richWorld(time.Now())
	w.compare.Files = append(w.compare.Files, ChangedFile{Path: path, Status: "added"})
	w.contents[path] = dropColumn
	return w
}

// What lies between two commits never changes: it is asked for once a candidate
// and a live release, in however many hours, and again when another release is
// live.
func TestTheWayBackReadsWhatLiesBetweenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := droppedIn("services/orders/orders/migrations/0058_drop.py")
		e := start(t, w)
		rp := e.Snapshot().Environment("production").Return
		if len(rp.Candidates) != 2 || w.called("Compare") != 2 || w.called("File") != 1 {
			t.Fatalf("%d candidates, %d comparisons, %d files", len(rp.Candidates), w.called("Compare"), w.called("File"))
		}
		time.Sleep(3 * time.Hour)
		if w.called("Compare") != 2 || w.called("File") != 1 {
			t.Errorf("three hours later: %d comparisons, %d files", w.called("Compare"), w.called("File"))
		}
		w.change(func(w *world) {
			w.services["shop-production"] = []ServiceState{service("orders", "new", shaStage), service("users", "new", shaStage)}
		})
		time.Sleep(2 * time.Minute)
		if rp := e.Snapshot().Environment("production").Return; len(rp.Candidates) != 3 || w.called("Compare") != 5 {
			t.Errorf("after another release: %d candidates, %d comparisons", len(rp.Candidates), w.called("Compare"))
		}
	})
}

// The way back names the migration that closes it, for the environment and for
// the service whose migration it is, and for that one alone.
func TestThePointOfNoReturn(t *testing.T) {
	for path, owned := range map[string]bool{"services/orders/orders/migrations/0058_drop.py": true, "shop/migrations/0058_drop.py": false} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := droppedIn(path)
				s := start(t, w).Snapshot()
				env := s.Environment("production")
				rp := env.Return
				if rp.NoReturn == nil || rp.NoReturn.Before != 2 || rp.NoReturn.Release.SHA != shaOlder || rp.Best == nil || !rp.Best.PastReturn() {
					t.Fatalf("%+v", rp)
				}
				if !strings.Contains(rp.Sentence, "past the point of no return, ") || !strings.Contains(rp.Sentence, ".0058_drop (RemoveField)") || rp.Why == "" {
					t.Errorf("%q, %q", rp.Sentence, rp.Why)
				}
				for _, v := range env.Services {
					if concerned := v.Key.Service == "orders" || !owned; (v.Return.NoReturn != nil) != concerned || v.Return.Deployment != 2 || v.Return.Deployable != 2 {
						t.Errorf("%s: %+v", v.Key.Service, v.Return)
					}
				}
				gates := s.RollbackGates("production")
				i := slices.IndexFunc(gates, func(g Gate) bool { return g.ID == "R12" })
				if gates[i].Verdict != Fail || gates[i].Code != "migration_destructive" {
					t.Errorf("the list without a sheet says %+v", gates[i])
				}
			})
		})
	}
}

// What cannot be read is not passed over, is asked for again, and what GitHub
// does not list is not taken for nothing.
func TestMigrationsBetweenThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := droppedIn("orders/migrations/0058_drop.py")
		w.fail["File"] = errDown
		e := start(t, w)
		time.Sleep(2 * time.Minute) // whatever a failed read delays comes within it
		if s := e.Snapshot().Environment("production").Return.Sentence; !strings.Contains(s, "migrations cannot be read") {
			t.Errorf("with files down: %q", s)
		}
		w.change(func(w *world) { delete(w.fail, "File") })
		time.Sleep(5 * time.Minute)
		if rp := e.Snapshot().Environment("production").Return; rp.NoReturn == nil {
			t.Errorf("once they are up again: %q", rp.Sentence)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := richWorld(time.Now())
		w.compare.FilesCut = true
		rp := start(t, w).Snapshot().Environment("production").Return
		if !strings.Contains(rp.Sentence, "migrations not all understood") {
			t.Errorf("with files cut off: %q", rp.Sentence)
		}
	})
}

// The best candidate is the newest that can be deployed, and one that lies on
// this side of a point of no return goes before one that does not.
func TestTheBestCandidateAndWhy(t *testing.T) {
	known := Observation{At: time.Now()}
	candidate := func(version string, verdict Verdict, faulty bool, class MigrationClass) Candidate {
		c := Candidate{Release: Release{SHA: version, Version: version}, Verdict: verdict, Faulty: faulty, Migrations: Fact[[]Migration]{Observation: known}}
		if class != "" {
			c.Migrations.Value = []Migration{{Name: "orders.0001_x", Class: class, Why: "because"}}
		}
		if verdict == Fail {
			c.Reasons = []string{"orders: image gone from ECR"}
		}
		if faulty {
			c.Reasons = []string{"faulty, rolled back"}
		}
		return c
	}
	tests := map[string]struct {
		list      []Candidate
		want, why string
	}{
		"the newest":          {[]Candidate{candidate("v3", Pass, false, ""), candidate("v2", Pass, false, "")}, "v3", "newest"},
		"gone":                {[]Candidate{candidate("v3", Fail, false, ""), candidate("v2", Pass, false, "")}, "v2", "not v3: orders: image gone from ECR"},
		"faulty":              {[]Candidate{candidate("v3", Pass, true, ""), candidate("v2", Pass, false, "")}, "v2", "not v3: faulty"},
		"this side":           {[]Candidate{candidate("v3", Pass, false, MigrationDestructive), candidate("v2", Pass, false, "")}, "v2", "not v3"},
		"all lie before":      {[]Candidate{candidate("v3", Pass, false, MigrationIrreversible), candidate("v2", Pass, false, MigrationIrreversible)}, "v3", "newest"},
		"additive is no harm": {[]Candidate{candidate("v3", Pass, false, MigrationAdditive), candidate("v2", Pass, false, "")}, "v3", "newest"},
		"none":                {[]Candidate{candidate("v3", Fail, false, "")}, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := best(tt.list, everyMigration)
			name := ""
			if got != nil {
				name = got.Release.Version
			}
			if why := whyBest(got, tt.list); name != tt.want || !strings.Contains(why, tt.why) {
				t.Errorf("%q, %q", name, why)
			}
		})
	}
}
