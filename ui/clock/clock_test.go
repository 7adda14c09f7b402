package clock_test

import (
	"testing"
	"time"

	"github.com/deployctl/gh-deployctl/ui/clock"
)

func TestAge(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		d          time.Duration
		age, short string
	}{
		{-time.Second, "<1m", "<1m"},
		{59 * time.Second, "<1m", "<1m"},
		{3 * time.Minute, "3m", "3m"},
		{time.Hour, "1h", "1h"},
		{65 * time.Minute, "1h 5m", "1h"},
		{52 * time.Hour, "2d 4h", "2d"},
		{20 * day, "2w", "2w"},
		{800 * day, "2y", "2y"},
	}
	for _, tt := range tests {
		if got := clock.Age(tt.d); got != tt.age {
			t.Errorf("Age(%v) = %q, want %q", tt.d, got, tt.age)
		}
		if got := clock.Short(tt.d); got != tt.short {
			t.Errorf("Short(%v) = %q, want %q", tt.d, got, tt.short)
		}
	}
}

func TestDurations(t *testing.T) {
	tests := []struct {
		d                   time.Duration
		elapsed, ago, about string
	}{
		{42 * time.Second, "0:42", "42 s ago", "42 s"},
		{725 * time.Second, "12:05", "12 min ago", "12 min"},
		{3723 * time.Second, "1:02:03", "62 min ago", "1 h 2 min"},
		{-time.Second, "0:00", "0 s ago", "-1 s"},
	}
	for _, tt := range tests {
		if got := clock.Elapsed(tt.d); got != tt.elapsed {
			t.Errorf("Elapsed(%v) = %q, want %q", tt.d, got, tt.elapsed)
		}
		if got := clock.Ago(tt.d); got != tt.ago {
			t.Errorf("Ago(%v) = %q, want %q", tt.d, got, tt.ago)
		}
		if got := clock.About(tt.d); got != tt.about && tt.d > 0 {
			t.Errorf("About(%v) = %q, want %q", tt.d, got, tt.about)
		}
	}
}
