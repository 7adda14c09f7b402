package ui

import (
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/ui/internal/scene"
	"github.com/deployctl/gh-deployctl/ui/theme"
)

// The mark of the return path says more than whether images are there: a way
// back past a migration is none to take without a look.
func TestTheMarkOfTheReturnPath(t *testing.T) {
	tests := map[string]struct {
		class   pipeline.MigrationClass
		verdict pipeline.Verdict
		want    theme.State
	}{
		"open":             {"", pipeline.Pass, theme.Passed},
		"additive":         {pipeline.MigrationAdditive, pipeline.Pass, theme.Passed},
		"past a migration": {pipeline.MigrationDestructive, pipeline.Pass, theme.Attention},
		"not decided":      {"", pipeline.Unknown, theme.Unknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := scene.Bad().Environment("production")
			e.Return.Best.Verdict = tt.verdict
			if tt.class != "" {
				e.Return.Best.Migrations.Value = []pipeline.Migration{{Name: "orders.0058_drop", Class: tt.class}}
			}
			if got, _ := returnState(e, theme.New(theme.Options{})); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
