package cmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// sandboxFlags describe a simulated world.
type sandboxFlags struct {
	scenario string
	speed    float64
	seed     uint64
	logRate  int
	faults   float64
}

func (f *sandboxFlags) register(c *cobra.Command, scenario string, speed float64) {
	fl := c.Flags()
	fl.StringVar(&f.scenario, "scenario", scenario, "which `NAME`d world; gh deployctl demo --list names them")
	fl.Float64Var(&f.speed, "speed", speed, "how many times faster jobs, rollouts and timers are")
	fl.Uint64Var(&f.seed, "seed", 1, "names, ids and noise of the world")
	fl.IntVar(&f.logRate, "log-rate", 0, "log lines a second beyond the usual ones")
	fl.Float64Var(&f.faults, "faults", 0, "the part of requests that fail, 0 to 1")
}

func (f *sandboxFlags) world(c *cobra.Command) (*sandbox.Sandbox, error) {
	switch {
	case f.speed <= 0:
		return nil, usage(c, "--speed is more than 0")
	case f.faults < 0 || f.faults > 1:
		return nil, usage(c, "--faults is between 0 and 1")
	case f.logRate < 0:
		return nil, usage(c, "--log-rate is 0 or more")
	}
	if names := scenarioNames(); !slices.Contains(names, f.scenario) {
		return nil, pipeline.NoSuch("scenario", f.scenario, names)
	}
	s, err := sandbox.New(sandbox.Options{Scenario: f.scenario, Speed: f.speed, Seed: f.seed, LogRate: f.logRate, Faults: f.faults})
	if err != nil {
		return nil, &pipeline.Error{Kind: pipeline.KindUsage, Message: err.Error()}
	}
	return s, nil
}

func newSandbox(g *globals) *cobra.Command {
	var f sandboxFlags
	var listen string
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve a simulated GitHub and AWS for any client",
		Long: "sandbox serves one simulated world on one loopback port and prints the shell lines that point any\n" +
			"client at it: gh, the aws command line, this program. It ends with Ctrl-C.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			world, err := f.world(c)
			if err != nil {
				return err
			}
			served, err := serve(c.Context(), listen, world)
			if err != nil {
				return err
			}
			for _, line := range world.Environment(served.address) {
				fmt.Fprintln(g.Out, line)
			}
			fmt.Fprintln(g.Out, "# ready")
			<-c.Context().Done()
			return served.close()
		},
	}
	f.register(c, "calm", 1)
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "loopback `ADDRESS`; port 0 takes a free one")
	return c
}

// served is a sandbox on a port.
type served struct {
	address string
	server  *http.Server
	done    chan error
}

// serve listens on a loopback address and serves until it is closed.
func serve(ctx context.Context, address string, h http.Handler) (*served, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return nil, &pipeline.Error{Kind: pipeline.KindUsage, Message: fmt.Sprintf("%q is not a loopback address", address), Hint: "use 127.0.0.1:PORT"}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, &pipeline.Error{Kind: pipeline.KindUsage, Op: "listen", Message: err.Error(), Hint: "choose another port with --listen", Err: err}
	}
	s := &served{
		address: l.Addr().String(),
		server:  &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second},
		done:    make(chan error, 1),
	}
	go func() { s.done <- s.server.Serve(l) }()
	return s, nil
}

// close ends the server and the connections that are open.
func (s *served) close() error {
	_ = s.server.Close() // open connections of followers end with us
	if err := <-s.done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
