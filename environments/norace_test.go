//go:build !race

package environments

// raceDetector reports whether the tests run with the race detector.
const raceDetector = false
