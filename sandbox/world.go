package sandbox

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// World is the one simulated world behind both surfaces. Every request locks
// it, brings it up to the present with advance, and reads or changes it; it
// has no goroutines of its own, so that a virtual clock can drive it.
type World struct {
	mu      sync.Mutex
	now     time.Time // the present: of the request, or of the event that is happening
	start   time.Time
	speed   float64
	seed    uint64
	logRate int
	random  *rand.Rand
	agenda  agenda
	planned int
	ids     map[string]int64

	Hub   *Hub
	Cloud *Cloud
	// neighbours are the worlds of other small repositories; this world's lock
	// guards them too.
	neighbours []*World
	// abroad is another AWS account in another region; nil where there is none.
	abroad *World

	builds   []*build                 // every tree that was built, oldest first
	broken   map[string]bool          // SHAs whose tests fail
	unlucky  map[string]bool          // SHAs whose tests fail at the first attempt
	parsed   map[string]*workflowFile // by blob
	scenario *Scenario
	// credulous makes deploy steps take a stable service for a deployed one, as
	// older actions do: their runs are green although ECS went back.
	credulous bool
	intercept func(request string) (fails bool)
	external  bool // runs that begin now wait for a runner outside of the world
}

// Lock locks the world and brings it up to the present. The caller unlocks it.
func (w *World) Lock() {
	w.mu.Lock()
	now := time.Now()
	w.advance(now)
	for _, n := range w.neighbours {
		n.advance(now)
	}
	if w.abroad != nil {
		w.abroad.advance(now)
	}
}

// Unlock ends what Lock began.
func (w *World) Unlock() { w.mu.Unlock() }

// Now is the world's present: host time of the request or event.
func (w *World) Now() time.Time { return w.now }

// nextID counts up per kind, from a start that looks like the real thing.
func (w *World) nextID(kind string) int64 {
	w.ids[kind]++
	return w.ids[kind]
}

// hash40 is a stable 40-digit name for the parts: the same for a seed whenever
// the sandbox is started, so that tests and pictures can name it.
func (w *World) hash40(parts ...any) string {
	sum := sha1.Sum([]byte(fmt.Sprint(append([]any{w.seed}, parts...)...)))
	return hex.EncodeToString(sum[:])
}

// digest is a stable image digest for the parts.
func (w *World) digest(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(append([]any{w.seed}, parts...)...)))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// hex draws n hexadecimal digits.
func (w *World) hex(n int) string {
	digits := make([]byte, n)
	for i := range digits {
		digits[i] = "0123456789abcdef"[w.random.IntN(16)]
	}
	return string(digits)
}
