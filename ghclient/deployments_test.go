package ghclient

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const aDeployment = `{"id":9310,"sha":"9f8e7d6","ref":"main","task":"deployctl","environment":"production","creator":{"login":"github-actions[bot]"},
	"description":"v1.42.0","created_at":"2026-11-22T10:00:00Z","updated_at":"2026-11-22T10:30:00Z","payload":%s}`

const aPayload = `{"schema":1,"kind":"rollback","version":"v1.41.0","request_id":"r1","run_id":210,"run_attempt":2,
	"services":{"orders":{"image":"sha256:aa","desired":6}},
	"before":{"sha":"5c4d3e2","services":{"orders":{"task_definition":"arn:17","image":"sha256:bb","desired":5}}},
	"snapshot":"shop-prod-1","rollback_of":9310,"to":9302,"reason":"errors\u001b[31m on checkout [deployctl req=r1]"}`

func TestDeployment(t *testing.T) {
	g := newRegistry(t)
	g.get("/deployments/9310", fmt.Sprintf(aDeployment, aPayload))
	g.get("/deployments/9310/statuses?per_page=100", `[{"state":"success","description":"done\u001b[0m","log_url":"https://x","creator":{"login":"bot"},"created_at":"2026-11-22T10:30:00Z"}]`).
		with("Link", `<http://api.github.localhost/repos/acme/shop/deployments/9310/statuses?page=2>; rel="next"`)
	g.get("/deployments/9310/statuses?page=2", `[{"state":"in_progress","created_at":"2026-11-22T10:10:00Z"}]`)
	got, err := g.reader().Deployment(t.Context(), 9310)
	want := pipeline.Deployment{
		ID: 9310, SHA: "9f8e7d6", Ref: "main", Task: "deployctl", Environment: "production", Creator: "github-actions[bot]", Description: "v1.42.0",
		Created: at(t, "2026-11-22T10:00:00Z"), Updated: at(t, "2026-11-22T10:30:00Z"),
		Payload: pipeline.Payload{
			Schema: 1, Kind: "rollback", Version: "v1.41.0", RequestID: "r1", RunID: 210, RunAttempt: 2,
			Services: map[string]pipeline.ServiceTarget{"orders": {Image: "sha256:aa", Desired: 6}},
			Before: &pipeline.PayloadBefore{SHA: "5c4d3e2", Services: map[string]pipeline.ServiceTarget{
				"orders": {TaskDefinition: "arn:17", Image: "sha256:bb", Desired: 5},
			}},
			Snapshot: "shop-prod-1", RollbackOf: 9310, To: 9302, Reason: "errors on checkout [deployctl req=r1]",
		},
		Statuses: []pipeline.DeploymentStatus{
			{State: "success", Description: "done", LogURL: "https://x", Creator: "bot", Created: at(t, "2026-11-22T10:30:00Z")},
			{State: "in_progress", Created: at(t, "2026-11-22T10:10:00Z")},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestMissingDeployment(t *testing.T) {
	g := newRegistry(t)
	g.on("GET", "/repos/acme/shop/deployments/1", 404, `{}`)
	_, err := g.reader().Deployment(t.Context(), 1)
	fails(t, err, pipeline.KindNotFound, "cannot read deployment 1: deployment 1 does not exist")
}

// A payload comes back as it was sent: by us as an object or as a string that
// holds one, by others as anything.
func TestPayloadForms(t *testing.T) {
	quoted, err := json.Marshal(aPayload)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, payload string
		kind          string
	}{
		{"object", aPayload, "rollback"},
		{"string", string(quoted), "rollback"},
		{"absent", `null`, ""},
		{"empty string", `""`, ""},
		{"prose", `"deployed by hand"`, ""},
		{"a number", `7`, ""},
		{"a list", `[1]`, ""},
		{"of another shape", `{"kind":{"a":1}}`, ""},
		{"escapes", `{"kind":"roll\u001b[31mback"}`, "rollback"},
	}
	for _, tt := range tests {
		var w wireDeployment
		if err := json.Unmarshal(fmt.Appendf(nil, aDeployment, tt.payload), &w); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := w.deployment().Payload; got.Kind != tt.kind {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
}

func TestPayloadTextsAreSanitised(t *testing.T) {
	var w wirePayload
	dirty := strings.ReplaceAll(aPayload, `":"`, `":"\u001b[31m`)
	dirty = strings.ReplaceAll(dirty, `"orders"`, `"\u001b[31morders"`)
	_ = w.UnmarshalJSON([]byte(dirty))
	var clean wirePayload
	_ = clean.UnmarshalJSON([]byte(aPayload))
	if !reflect.DeepEqual(w, clean) || clean.Version == "" {
		t.Errorf("got %+v", w)
	}
}

func TestDeploymentsFilterAndLimit(t *testing.T) {
	g := newRegistry(t)
	g.get("/deployments?environment=production&task=deployctl&sha=abc&per_page=2", `[{"id":3},{"id":2},{"id":1}]`)
	g.get("/deployments/3/statuses", `[]`)
	g.get("/deployments/2/statuses", `[]`)
	got, err := g.reader().Deployments(t.Context(), pipeline.DeploymentQuery{Environment: "production", Task: "deployctl", SHA: "abc", Limit: 2})
	if err != nil || len(got) != 2 || got[0].ID != 3 || got[1].ID != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Statuses that cannot be read make the listing fail: a deployment without
// statuses would look as if it never succeeded.
func TestDeploymentsWithUnreadableStatuses(t *testing.T) {
	g := newRegistry(t)
	g.get("/deployments", `[{"id":3}]`)
	g.on("GET", "/repos/acme/shop/deployments/3/statuses", 403, `{"message":"Resource not accessible"}`)
	_, err := g.reader().Deployments(t.Context(), pipeline.DeploymentQuery{})
	fails(t, err, pipeline.KindForbidden, "cannot read the statuses of deployment 3")
}

func TestStatusesAreRememberedOnceTheyAreOld(t *testing.T) {
	tests := []struct {
		name     string
		updated  time.Duration // ago
		state    string
		uncached bool
		asked    int // times in two listings
	}{
		{"ended long ago", time.Hour, "success", false, 1},
		{"inactive", time.Hour, "inactive", false, 1},
		{"failed", time.Hour, "failure", false, 1},
		{"just now", time.Second, "success", false, 2},
		{"moving, a moment ago", time.Second, "in_progress", false, 2},
		{"moving, left alone", time.Hour, "in_progress", false, 1},
		{"none yet", time.Hour, "", false, 2},
		{"re-check", time.Hour, "success", true, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRegistry(t)
			updated := time.Now().Add(-tt.updated).UTC().Format(time.RFC3339)
			g.get("/deployments", fmt.Sprintf(`[{"id":3,"updated_at":%q}]`, updated)).always()
			statuses := `[]`
			if tt.state != "" {
				statuses = fmt.Sprintf(`[{"state":%q}]`, tt.state)
			}
			g.get("/deployments/3/statuses", statuses).always()
			r, ctx := g.reader(), t.Context()
			if tt.uncached {
				ctx = pipeline.Uncached(ctx)
			}
			for range 2 {
				got, err := r.Deployments(ctx, pipeline.DeploymentQuery{})
				if err != nil || got[0].State() != tt.state {
					t.Fatalf("got %+v, %v", got, err)
				}
			}
			if asked := g.count() - 2; asked != tt.asked {
				t.Errorf("asked %d times, want %d", asked, tt.asked)
			}
		})
	}
}

// What goes on is not relied on for long, even where its updated_at stays.
func TestStatusMemoryDoubts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newStatusMemory()
		d := pipeline.Deployment{ID: 1, Updated: time.Now().Add(-time.Hour), Statuses: []pipeline.DeploymentStatus{{State: "in_progress"}}}
		m.remember(d)
		time.Sleep(relied - time.Second)
		if _, ok := m.recall(d); !ok {
			t.Error("forgotten at once")
		}
		time.Sleep(time.Second)
		if _, ok := m.recall(d); ok {
			t.Error("relied on for too long")
		}
	})
}

func TestStatusMemoryForgets(t *testing.T) {
	m := newStatusMemory()
	old := time.Now().Add(-time.Hour)
	d := pipeline.Deployment{ID: 1, Updated: old, Statuses: []pipeline.DeploymentStatus{{State: "success"}}}
	m.remember(d)
	got, ok := m.recall(d)
	if !ok || len(got) != 1 {
		t.Fatal("not remembered")
	}
	got[0].State = "changed"
	if again, _ := m.recall(d); again[0].State != "success" {
		t.Error("a caller can change what is remembered")
	}
	d.Updated = old.Add(time.Second)
	if _, ok := m.recall(d); ok {
		t.Error("a changed deployment is remembered as it was")
	}
	for i := range int64(statusesKept) {
		m.remember(pipeline.Deployment{ID: i + 2, Updated: old, Statuses: d.Statuses})
	}
	if len(m.known) > statusesKept {
		t.Errorf("%d remembered", len(m.known))
	}
}

func TestReleases(t *testing.T) {
	g := newRegistry(t)
	g.get("/releases?per_page=1", `[{"tag_name":"v1.42.0","name":"v1.42.0","body":"## New\r\n* a\u001b[31mb","target_commitish":"main","html_url":"https://x",
		"draft":false,"prerelease":true,"created_at":"2026-11-22T10:00:00Z","published_at":null},{"tag_name":"v1.41.0"}]`)
	got, err := g.reader().Releases(t.Context(), 1)
	want := []pipeline.PublishedRelease{{
		Tag: "v1.42.0", Name: "v1.42.0", Body: "## New\n* ab", Target: "main", URL: "https://x", Prerelease: true, Created: at(t, "2026-11-22T10:00:00Z"),
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}
