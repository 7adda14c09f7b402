package releases_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/keys"
	"github.com/deployctl/gh-deployctl/ui/panel"
	"github.com/deployctl/gh-deployctl/ui/releases"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

func context(s *pipeline.Snapshot, width int) panel.Context {
	return panel.Context{
		Snapshot: s, Styles: theme.New(theme.Options{}), Zone: time.UTC, Now: scene.Now,
		Width: width, Height: 4, Focused: true, Environment: "production",
	}
}

func TestStagesStandOneBelowTheOther(t *testing.T) {
	for _, width := range []int{80, 120, 160, 200} {
		var p releases.Panel
		at := -1
		for _, l := range p.Lines(context(scene.Rollout(), width)) {
			i := strings.Index(ansi.Strip(l), "production")
			cells := ansi.StringWidth(ansi.Strip(l)[:max(i, 0)])
			if i < 0 || at >= 0 && cells != at {
				t.Errorf("at %d columns production stands at %d and %d", width, at, cells)
			}
			at = cells
		}
	}
}

func TestWideScreensSayMore(t *testing.T) {
	tests := []struct {
		width int
		want  []string
	}{
		{80, []string{"v1.42.0", "a1b2c3d", "production ◐ updating"}},
		{160, []string{"(bob)", "CI ✓ 9m12s", "staging ● soaked 22m", "updating 3 of 6, 7m of about 19m"}},
	}
	for _, tt := range tests {
		var p releases.Panel
		got := ansi.Strip(strings.Join(p.Lines(context(scene.Rollout(), tt.width)), "\n"))
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("at %d columns no %q in\n%s", tt.width, want, got)
			}
		}
	}
}

// What has a GitHub release says so beside its version, in the same column as
// what has none; a version that only repeats the commit says nothing.
func TestReleasesOnGitHubAreMarked(t *testing.T) {
	s := *scene.Rollout()
	s.Trains = slices.Clone(s.Trains)
	s.Trains[1].Published = pipeline.PublishedRelease{Tag: s.Trains[1].Release.Version}
	s.Trains[2].Release.Version = "2026.11.20-" + pipeline.Short(s.Trains[2].Release.SHA)
	for _, width := range []int{80, 120, 200} {
		var p releases.Panel
		for i, l := range p.Lines(context(&s, width))[:3] {
			release := s.Trains[i].Release
			want := []string{release.Version + "  ", release.Version + "★ ", "         "}[i] + pipeline.Short(release.SHA)
			if got := strings.TrimPrefix(ansi.Strip(l), " "); !strings.HasPrefix(got, want) {
				t.Errorf("at %d columns %q, want it to begin with %q", width, got, want)
			}
		}
	}
}

func TestSelectingJoinsTheRelease(t *testing.T) {
	var p releases.Panel
	c := context(scene.Waiting(), 120)
	p.Lines(c)
	a, _ := p.Key("j")
	got, ok := a.(panel.Selected)
	if !ok || got.Join != (panel.Join{From: keys.Releases, SHA: scene.Bump.SHA}) {
		t.Errorf("got %+v", a)
	}
}
