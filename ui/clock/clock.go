// Package clock writes times, ages and durations the way the console shows
// them. An age is coarse (minutes at best) because it is read, not measured: a
// screen on which nothing happens changes once a minute. A duration of
// something that moves counts seconds.
package clock

import (
	"fmt"
	"time"
)

const day = 24 * time.Hour

// Age is how long ago something was: "<1m", "3m", "1h 5m", "2d 4h", "6w".
func Age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "<1m"
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < day:
		return pair(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "m")
	case d < 14*day:
		return pair(int(d/day), "d", int(d%day/time.Hour), "h")
	case d < 365*day:
		return fmt.Sprintf("%dw", d/(7*day))
	}
	return fmt.Sprintf("%dy", d/(365*day))
}

// Short is an age of one unit, at most four cells: "<1m", "3m", "5h", "2d".
func Short(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "<1m"
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < day:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d < 14*day:
		return fmt.Sprintf("%dd", d/day)
	case d < 365*day:
		return fmt.Sprintf("%dw", d/(7*day))
	}
	return fmt.Sprintf("%dy", d/(365*day))
}

func pair(a int, unitA string, b int, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d%s", a, unitA)
	}
	return fmt.Sprintf("%d%s %d%s", a, unitA, b, unitB)
}

// Since is the age of a moment; empty for the zero time.
func Since(now, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Age(now.Sub(t))
}

// Elapsed is a duration as a stopwatch shows it: "0:42", "12:05", "1:02:03".
func Elapsed(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	s := int(d / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// Ago is an age in seconds for evidence that is about to be acted on: "4 s
// ago", "2 min ago", "3 h ago".
func Ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", max(d, 0)/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	}
	return fmt.Sprintf("%d h ago", d/time.Hour)
}

// About is an expected duration: "45 s", "19 min", "1 h 5 min".
func About(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", (d+30*time.Second)/time.Minute)
	}
	return pair(int(d/time.Hour), " h", int(d%time.Hour/time.Minute), " min")
}
