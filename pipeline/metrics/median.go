package metrics

import (
	"slices"
	"time"
)

// quantile picks a part in a hundred of sorted values, of which there is at
// least one. Definitions differ in what they take where no value divides them so.
type quantile func(sorted []float64, percent int) float64

// occurring takes the smallest value that at least so many are not above: no
// value that never occurred.
func occurring(sorted []float64, percent int) float64 {
	return sorted[(len(sorted)*percent+99)/100-1]
}

// continuous interpolates, as SQL's PERCENTILE_CONT does.
func continuous(sorted []float64, percent int) float64 {
	at := float64((len(sorted)-1)*percent) / 100
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// lower takes the greatest value of a percent rank that is not above.
func lower(sorted []float64, percent int) float64 {
	return sorted[(len(sorted)-1)*percent/100]
}

// spans summarises durations.
func spans(list []time.Duration, of quantile) Spans {
	if len(list) == 0 {
		return Spans{}
	}
	sorted := make([]float64, len(list))
	for i, d := range list {
		sorted[i] = float64(d)
	}
	slices.Sort(sorted)
	return Spans{Count: len(list), Median: time.Duration(of(sorted, 50)), P90: time.Duration(of(sorted, 90))}
}

const week = 7 * 24 * time.Hour

// frequency counts deployments by when they went live.
func frequency(at []time.Time, since, until time.Time, of quantile) Frequency {
	f := Frequency{Count: len(at)}
	if weeks := until.Sub(since).Hours() / week.Hours(); weeks > 0 {
		f.PerWeek = float64(f.Count) / weeks
	}
	days := distinctDays(at)
	f.Days = len(days)
	f.Median = medianDays(days, since, until, week, of)
	return f
}

// distinctDays are the begins of the days, in UTC.
func distinctDays(at []time.Time) []time.Time {
	var days []time.Time
	for _, t := range at {
		if day := t.UTC().Truncate(24 * time.Hour); !slices.ContainsFunc(days, day.Equal) {
			days = append(days, day)
		}
	}
	return days
}

// medianDays is the median over the stretches of a period, the last of which
// ends with it, of the days with a deployment in each. A stretch without one
// counts as 0; one that the period does not fill counts for nothing, unless
// there is no other.
func medianDays(days []time.Time, since, until time.Time, stretch time.Duration, of quantile) float64 {
	var counts []float64
	for end := until; ; end = end.Add(-stretch) {
		begin := end.Add(-stretch)
		if begin.Before(since) && len(counts) > 0 {
			break
		}
		n := 0.0
		for _, day := range days {
			if middle := day.Add(12 * time.Hour); middle.After(begin) && !middle.After(end) {
				n++
			}
		}
		counts = append(counts, n)
	}
	slices.Sort(counts)
	return of(counts, 50)
}
