//go:build !race

package scene

// RaceDetector reports whether the tests run with the race detector, under
// which the drawing of thousands of screens by one goroutine is slow.
const RaceDetector = false
