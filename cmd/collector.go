package cmd

import (
	"os"
	"runtime/debug"
	"time"
)

// screenGCPercent is how much garbage a screen lets collect before it is
// cleared, in parts of a hundred of what is in use. Nearly all of that is the
// ring of log lines, which stays: with 100,000 lines held and more arriving,
// the console took 178 MB with Go's own 100, 147 MB with 50 and 139 MB with
// 30. A memory limit would do more, and would keep a core busy where what is
// in use comes near it.
const screenGCPercent = 50

// startGCPercent, startMemory and startSpan are for the time in which a screen
// comes up: what it reads then is small and nearly all of it stays, so that
// collecting it ten times over only takes the processor from the first frame.
// Where a lot is read, 500 services or a flood of lines, startMemory bounds what
// that costs: without it the start took 180 MB.
const (
	startGCPercent = 400
	startMemory    = 80 << 20
	startSpan      = 2 * time.Second
)

// collectEarly sets the collector for a screen, which stays open for days;
// GOGC says otherwise.
func collectEarly() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(startGCPercent)
	before := debug.SetMemoryLimit(-1) // reads it: GOMEMLIMIT, or none
	debug.SetMemoryLimit(min(startMemory, before))
	time.AfterFunc(startSpan, func() {
		debug.SetGCPercent(screenGCPercent)
		debug.SetMemoryLimit(before)
		debug.FreeOSMemory() // else the room of the start stays taken for minutes
	})
}
