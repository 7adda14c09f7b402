//go:build race

package steps_test

// raceDetector reports whether the tests run with the race detector.
const raceDetector = true
