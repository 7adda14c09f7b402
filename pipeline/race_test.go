//go:build race

package pipeline

// The race detector makes a walk ten times as dear: fewer of them look for
// races, and a run without it takes them all.
const interleavings = 150

// RaceDetector leaves out what only reads many worlds, one after the other.
const RaceDetector = true
