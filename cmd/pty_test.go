//go:build linux

package cmd_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"golang.org/x/sys/unix"
)

// screenProgram is the program on a pseudo-terminal, whose output is looked at
// as it comes: a terminal between would be measured too.
type screenProgram struct {
	t        testing.TB
	command  *exec.Cmd
	terminal *os.File
	began    time.Time
	ended    chan struct{}
	answered chan struct{} // the terminal answers no more

	mu     sync.Mutex
	screen *vt.Emulator
	bytes  int
	output []byte        // the first of what the program wrote, at most outputKept
	looked chan struct{} // cap 1: the screen changed
}

// outputKept bounds what is remembered of a program's output as it came.
const outputKept = 1 << 20

// inPTY starts the program on a terminal of a size.
func (c *client) inPTY(width, height int, args ...string) *screenProgram {
	c.t.Helper()
	outer, inner, err := openPTY(width, height)
	if err != nil {
		c.t.Fatal(err)
	}
	p := &screenProgram{
		t: c.t, terminal: outer, screen: vt.NewEmulator(width, height),
		command: exec.Command(built(c.t), args...), ended: make(chan struct{}), answered: make(chan struct{}), looked: make(chan struct{}, 1),
	}
	p.command.Env, p.command.Dir = append(c.env, "TERM=xterm-256color"), c.dir
	p.command.Stdin, p.command.Stdout, p.command.Stderr = inner, inner, inner
	p.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	go p.answer()
	p.began = time.Now()
	if err := p.command.Start(); err != nil {
		c.t.Fatal(err)
	}
	_ = inner.Close() // the program has its own
	go p.read()
	return p
}

// openPTY makes a pseudo-terminal.
func openPTY(width, height int) (outer, inner *os.File, err error) {
	outer, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	number, err := unix.IoctlGetInt(int(outer.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(outer.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		inner, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(inner.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(height), Col: uint16(width)})
	}
	return outer, inner, err
}

// answer sends what the terminal is asked for, such as its background.
func (p *screenProgram) answer() {
	defer close(p.answered)
	buffer := make([]byte, 256)
	for {
		n, err := p.screen.Read(buffer)
		if err != nil {
			return
		}
		if _, err := p.terminal.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *screenProgram) read() {
	defer close(p.ended)
	buffer := make([]byte, 64<<10)
	for {
		n, err := p.terminal.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.bytes += n
		p.output = append(p.output, buffer[:min(n, outputKept-len(p.output))]...)
		_, _ = p.screen.Write(buffer[:n]) // it never fails
		p.mu.Unlock()
		select {
		case p.looked <- struct{}{}:
		default:
		}
	}
}

// shows waits until the screen matches all patterns, and returns how long that
// took from the start.
func (p *screenProgram) shows(patterns ...string) time.Duration {
	p.t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		text := p.text()
		at, all := time.Since(p.began), true
		for _, pattern := range patterns {
			all = all && regexp.MustCompile(pattern).MatchString(text)
		}
		if all {
			return at
		}
		select {
		case <-p.looked:
		case <-limit:
			p.t.Fatalf("never on the screen: %q\n%s", patterns, text)
		}
	}
}

// types sends what a person types.
func (p *screenProgram) types(text string) {
	p.t.Helper()
	if _, err := p.terminal.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// wrote is what the program wrote so far, as it came.
func (p *screenProgram) wrote() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.output)
}

// text is what the screen shows.
func (p *screenProgram) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return ansi.Strip(p.screen.Render())
}

// written is how many bytes the program wrote so far.
func (p *screenProgram) written() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}

// memory is the resident memory of the program, in MB.
func (p *screenProgram) memory(t testing.TB) float64 {
	t.Helper()
	for line := range strings.Lines(p.proc(t, "status")) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes / 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// processor is the time that the program ran for.
func (p *screenProgram) processor(t testing.TB) time.Duration {
	t.Helper()
	stat := p.proc(t, "stat")
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	ticks := 0
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100) // USER_HZ
}

func (p *screenProgram) proc(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.command.Process.Pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// quit ends the program as a hangup does, and waits for it.
func (p *screenProgram) quit() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	_ = p.command.Wait() // ended by a signal
	_ = p.terminal.Close()
	<-p.ended
	if pipe, ok := p.screen.InputPipe().(io.Closer); ok { // Close alone would race with whoever reads
		_ = pipe.Close()
		<-p.answered
	}
	_ = p.screen.Close()
}
