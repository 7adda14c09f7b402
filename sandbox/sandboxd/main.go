// Command sandboxd serves a sandbox behind a recording proxy, for a test in
// another process: a test with the race detector would be slowed by both.
//
//	sandboxd OPTIONS [FILES]
//
// OPTIONS are sandbox.Options as JSON; the files of the directory FILES lie over
// those of the simulated repository. It prints what sandbox.Environment says, and
// then in a comment where a recording.Remote reaches the proxy. It ends with its
// standard input, so that it does not outlive the test.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/deployctl/gh-deployctl/sandbox"
	"github.com/deployctl/gh-deployctl/sandbox/recording"
)

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sandboxd:", err)
		os.Exit(1)
	}
}

// serve serves until the standard input ends.
func serve(args []string) error {
	var o sandbox.Options
	if len(args) == 0 {
		return fmt.Errorf("the options are missing")
	}
	if err := json.Unmarshal([]byte(args[0]), &o); err != nil {
		return err
	}
	if len(args) > 1 {
		o.Files = os.DirFS(args[1])
	}
	s, err := sandbox.New(o)
	if err != nil {
		return err
	}
	proxy := recording.New(s)
	ended := make(chan error, 3)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- err
	}()
	world, err := listen(proxy, ended)
	if err != nil {
		return err
	}
	remote, err := listen(proxy.Handler(), ended)
	if err != nil {
		return err
	}
	for _, line := range s.Environment(world) {
		fmt.Println(line)
	}
	fmt.Println("# ready " + remote)
	return <-ended
}

// listen serves on a free port of the loopback interface.
func listen(h http.Handler, ended chan<- error) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { ended <- server.Serve(l) }()
	return l.Addr().String(), nil
}
