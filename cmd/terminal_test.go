package cmd_test

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// terminal is a program in a terminal of its own: a tmux server that nobody
// else knows, which shows the screen as a person would see it. It is spoken to
// over one client in control mode: a process a look would cost more than what is
// looked at.
type terminal struct {
	t       testing.TB
	ask     io.Writer
	answers *bufio.Reader
}

// tmux is the terminal's program; a test that needs one fails without it.
func tmux(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("tmux")
	if err != nil {
		t.Fatal("this test looks at the program in a terminal and needs tmux; install it (apt-get install tmux)")
	}
	return path
}

// open starts a program in a terminal of a size, as the client. The shell
// before it gives the options time to be set; the one after it keeps what the
// program left behind.
func (c *client) open(width, height int, args ...string) *terminal {
	c.t.Helper()
	socket := filepath.Join(c.t.TempDir(), "s")
	script := `read -r go; "$@"; echo "ended with $?"; exec cat`
	start := exec.Command(tmux(c.t), append([]string{
		"-S", socket, "-f", "/dev/null", "new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height), "sh", "-c", script, "sh",
	}, args...)...)
	start.Env, start.Dir = c.env, c.dir
	if out, err := start.CombinedOutput(); err != nil {
		c.t.Fatalf("tmux: %v\n%s", err, out)
	}
	tm := control(c.t, socket)
	tm.sequence([]string{"set", "-g", "default-terminal", "tmux-256color"}, []string{"set", "-g", "status", "off"}, []string{"set", "-g", "escape-time", "0"})
	tm.resize(width, height)
	tm.keys("Enter")
	return tm
}

// control attaches a client in control mode to a server, which ends with the test.
func control(t testing.TB, socket string) *terminal {
	t.Helper()
	client := exec.Command(tmux(t), "-u", "-S", socket, "-C", "attach", "-f", "no-output,ignore-size")
	t.Cleanup(func() {
		_ = exec.Command(tmux(t), "-S", socket, "kill-server").Run() // it may have ended by itself
		_ = client.Wait()                                            // likewise
	})
	ask, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := client.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	return &terminal{t: t, ask: ask, answers: bufio.NewReader(answers)}
}

// do runs a tmux command and returns what it prints.
func (tm *terminal) do(args ...string) string {
	tm.t.Helper()
	return tm.sequence(args)
}

// sequence runs tmux commands at once, one after the other.
func (tm *terminal) sequence(commands ...[]string) string {
	tm.t.Helper()
	lines := make([]string, len(commands))
	for i, args := range commands {
		for _, arg := range args {
			lines[i] += "'" + strings.ReplaceAll(arg, "'", `'\''`) + "' "
		}
	}
	line := strings.Join(lines, "; ")
	if _, err := io.WriteString(tm.ask, line+"\n"); err != nil {
		tm.t.Fatalf("tmux %s: %v", line, err)
	}
	var out strings.Builder
	for range commands {
		tm.answer(&out, line)
	}
	return out.String()
}

// answer reads what one command prints: the lines between %begin and %end. What
// is told of itself between two answers is nobody's.
func (tm *terminal) answer(out *strings.Builder, asked string) {
	tm.t.Helper()
	block := ""
	for {
		line, err := tm.answers.ReadString('\n')
		if err != nil {
			tm.t.Fatalf("tmux %s: %v", asked, err)
		}
		kind, of, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case block == "" && kind == "%begin" && strings.HasSuffix(of, " 1"): // it answers a client's command
			block = of
		case block == "":
		case kind == "%end" && of == block:
			return
		case kind == "%error" && of == block:
			tm.t.Fatalf("tmux %s: %s", asked, out)
		default:
			out.WriteString(line)
		}
	}
}

func (tm *terminal) resize(width, height int) {
	tm.do("resize-window", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height))
}

// screen is what is seen.
func (tm *terminal) screen() string { return tm.do("capture-pane", "-p") }

// keys presses keys, by tmux's names.
func (tm *terminal) keys(keys ...string) { tm.do(append([]string{"send-keys"}, keys...)...) }

// escapes presses a key and then Escape. A lone escape character would make one
// key of itself and the next; the form of the newer keyboard protocol cannot.
func (tm *terminal) escapes(keys ...string) {
	var commands [][]string
	for _, key := range keys {
		commands = append(commands, []string{"send-keys", key}, []string{"send-keys", "-H", "1b", "5b", "32", "37", "75"})
	}
	tm.sequence(commands...)
}

// types types text.
func (tm *terminal) types(text string) { tm.do("send-keys", "-l", text) }

// sees waits until the screen matches.
func (tm *terminal) sees(pattern string) {
	tm.t.Helper()
	tm.seesWithin(20*time.Second, pattern)
}

func (tm *terminal) seesWithin(limit time.Duration, pattern string) {
	tm.t.Helper()
	re := regexp.MustCompile(pattern)
	eventually(tm.t, limit, "the screen shows "+pattern, func() (bool, string) {
		screen := tm.screen()
		return re.MatchString(screen), screen
	})
}

// presses presses a key until the screen matches: a key may come while the
// screen still changes, and a person would press it again.
func (tm *terminal) presses(key, pattern string) {
	tm.t.Helper()
	tm.pressesOn(``, key, pattern)
}

// pressesOn is presses for a key that is pressed again only while the screen
// matches something: Enter confirms a sheet, and leaves the receipt after it.
func (tm *terminal) pressesOn(offer, key, pattern string) {
	tm.t.Helper()
	re, offers := regexp.MustCompile(pattern), regexp.MustCompile(offer)
	var pressed time.Time
	eventually(tm.t, 20*time.Second, fmt.Sprintf("%s leads to %s", key, pattern), func() (bool, string) {
		screen := tm.screen()
		if re.MatchString(screen) {
			return true, ""
		}
		if time.Since(pressed) > 2*time.Second && offers.MatchString(screen) {
			tm.keys(key)
			pressed = time.Now()
		}
		return false, screen
	})
}

// ended waits until the program has ended well, and checks that the terminal
// is as it was before.
func (tm *terminal) ended() {
	tm.t.Helper()
	tm.sees(`ended with \d+`)
	if !strings.Contains(tm.screen(), "ended with 0") {
		tm.t.Errorf("the program did not end well:\n%s", tm.screen())
	}
	if got := strings.TrimSpace(tm.do("display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_flag}")); got != "0 1 0 0" {
		tm.t.Errorf("the terminal is not as it was: alternate screen, cursor, mouse, keypad are %s", got)
	}
}
