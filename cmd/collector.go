package cmd

import (
	"os"
	"runtime/debug"
)

// screenGCPercent is how much garbage a screen lets collect before it is
// cleared, in parts of a hundred of what is in use. Nearly all of that is the
// ring of log lines, which stays: with 100,000 lines held and more arriving,
// the console took 178 MB with Go's own 100, 147 MB with 50 and 139 MB with
// 30. A memory limit would do more, and would keep a core busy where what is
// in use comes near it.
const screenGCPercent = 50

// collectEarly sets the collector for a screen, which stays open for days;
// GOGC says otherwise.
func collectEarly() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(screenGCPercent)
	}
}
