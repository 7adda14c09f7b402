//go:build !race

package sandbox

// raceDetector reports whether the tests run with the race detector.
const raceDetector = false
