package pipeline

import (
	"slices"
	"testing"
)

func TestPullRequestsOfCommits(t *testing.T) {
	commit := func(title, message string) Commit { return Commit{Title: title, Message: message, Author: "bob"} }
	got := pullRequests([]Commit{
		commit("Fix rounding (#378)", "Fix rounding (#378)\n\nlong"),
		commit("Merge pull request #380 from acme/coupons", "Merge pull request #380 from acme/coupons\n\nAdd coupons"),
		commit("Fix rounding (#378)", ""), // cherry-picked
		commit("See (#12) for more", ""),
		commit("Merge branch 'main'", "Merge branch 'main'"),
	})
	if want := []PullRequest{{378, "Fix rounding", "bob"}, {380, "Add coupons", "bob"}}; !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
