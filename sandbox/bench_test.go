package sandbox

import "testing"

// BenchmarkNew measures how long it takes to live through the whole history.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Options{Scenario: "bad-release", Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
