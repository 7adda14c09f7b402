package scene

import (
	"strings"

	"github.com/charmbracelet/x/vt"
)

// Drain reads an emulated terminal's answers to the program's questions until
// stop, which also closes it. Closing it while somebody reads from it would be a
// race.
func Drain(em *vt.SafeEmulator) (stop func()) {
	const end = "\x04end\x04"
	done := make(chan struct{})
	go func() {
		defer close(done)
		var all []byte
		buf := make([]byte, 256)
		for !strings.HasSuffix(string(all), end) {
			n, err := em.Read(buf)
			if err != nil {
				return
			}
			all = append(all, buf[:n]...)
		}
	}()
	return func() {
		em.SendText(end)
		<-done
		_ = em.Close()
	}
}
