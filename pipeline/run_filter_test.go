package pipeline

import (
	"strings"
	"testing"
)

func TestRunFilter(t *testing.T) {
	run := &Run{
		ID: 7, Workflow: "ci.yml", Name: "CI", Branch: "feat/tax", SHA: "77c0de1aaaa", Actor: "dave", TriggeringActor: "alice", Event: "push",
		Status: StatusCompleted, Conclusion: ConclusionTimedOut, Title: "Tax by region", Number: 1180,
	}
	for text, want := range map[string]bool{
		"": true, "workflow:ci": true, "w:CI.YML": true, "workflow:cd": false, "branch:tax": true, "branch:main": false,
		"actor:dave": true, "actor:alice": true, "actor:dav": false, "event:push": true, "event:pull": false,
		"status:timed_out": true, "conclusion:timed_out": true, "status:failed": true, "status:completed": true, "status:running": false, "status:active": false,
		"sha:77c0": true, "sha:c0de": false, "repo:shop": true, "repo:web": false,
		"workflow:ci branch:tax actor:dave status:failed event:push region": true,
		"workflow:ci branch:tax actor:bob":                                  false,
		"tax region":                                                        true, "tax nothing": false, "#1180": true, "workflow:": true, "status:ti": false, "http://x": false,
		"actor:bob actor:dave": true,
	} {
		if got := ParseRunFilter(text).Match(run, "acme/shop"); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
	if s := ParseRunFilter("cart  w:ci   status:failed").String(); s != "workflow:ci status:failed cart" {
		t.Errorf("written as %q", s)
	}
}

func TestFiltersAreCompleted(t *testing.T) {
	known := []Run{
		{Workflow: "ci.yml", Branch: "domain", Actor: "bob", TriggeringActor: "alice", Event: "push", Status: StatusCompleted, Conclusion: ConclusionSuccess},
		{Workflow: "ci.yml", Branch: "maintenance", Actor: "bob", TriggeringActor: "bob", Event: "push", Status: StatusInProgress},
		{Workflow: "cd-staging.yml", Branch: "main", Actor: "carol", Event: "workflow_dispatch", Status: StatusQueued, Repository: "acme/web"},
		{Workflow: "cd-staging.yml", Branch: "main", Actor: "carol", Event: "push", Status: StatusCompleted, Conclusion: ConclusionFailure},
	}
	for text, want := range map[string]string{
		"":                    "",
		"bra":                 "branch:",
		"s":                   "status: sha:",
		"cart":                "",
		"branch:main":         "branch:main branch:maintenance branch:domain",
		"event:push b:MAIN":   "b:main b:maintenance b:domain",
		"Workflow:":           "Workflow:cd-staging.yml Workflow:ci.yml",
		"actor:":              "actor:bob actor:carol actor:alice",
		"event:work":          "event:workflow_dispatch",
		"status:f":            "status:failure",
		"repo:":               "repo:acme/web",
		"sha:9f":              "",
		"http://x":            "",
		"branch:main actor:b": "actor:bob",
		"branch:main ":        "",
	} {
		if got := strings.Join(CompleteRunFilter(text, known), " "); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestRunFilterQuery(t *testing.T) {
	known := []Run{{Workflow: "ci.yml", Branch: "main"}, {Workflow: "cd-staging.yml", Branch: "maintenance"}, {Workflow: "cd-production.yml", Branch: "develop"}}
	for text, want := range map[string]RunQuery{
		"":                          {},
		"cart":                      {},
		"workflow:ci branch:main":   {Workflow: "ci.yml", Branch: "main"},
		"workflow:cd branch:mai":    {}, // several could be meant
		"branch:dev":                {Branch: "develop"},
		"actor:bob status:failed":   {Actor: "bob", Status: "failure"},
		"status:active event:push":  {Event: "push"},
		"status:running repo:web x": {Status: "in_progress"},
		"sha:77c0de1":               {}, // GitHub wants all 40 digits
	} {
		if got := ParseRunFilter(text).Query(known); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}
