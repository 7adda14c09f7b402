//go:build !race

package pipeline

// interleavings is how many random walks TestInterleavings takes.
const interleavings = 10_000

const RaceDetector = false
