package sandbox

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// memoryListener accepts connections that never touch a socket.
type memoryListener struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func newMemoryListener() *memoryListener {
	return &memoryListener{connections: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept waits for the next connection.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case connection := <-l.connections:
		return connection, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial.
func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr names the listener.
func (l *memoryListener) Addr() net.Addr { return memoryAddress{} }

func (l *memoryListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.connections <- server:
		return newPostedConn(client), nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// postedConn is a pipe's end that does not wait for its writes to be read, as a
// socket does not: an HTTP client that is told that its request was read while
// it is still busy sending it takes the quick answer for a fault.
type postedConn struct {
	net.Conn
	letters chan []byte
	once    sync.Once
	closed  chan struct{}
}

func newPostedConn(c net.Conn) *postedConn {
	p := &postedConn{Conn: c, letters: make(chan []byte, 64), closed: make(chan struct{})}
	go p.post()
	return p
}

// post delivers what was written until the connection ends.
func (p *postedConn) post() {
	for {
		select {
		case letter := <-p.letters:
			if _, err := p.Conn.Write(letter); err != nil {
				_ = p.Close()
				return
			}
		case <-p.closed:
			return
		}
	}
}

// Write takes the bytes and returns at once, unless many writes are unread.
func (p *postedConn) Write(b []byte) (int, error) {
	select {
	case p.letters <- slices.Clone(b):
		return len(b), nil
	case <-p.closed:
		return 0, net.ErrClosed
	}
}

// Close ends both directions.
func (p *postedConn) Close() error {
	p.once.Do(func() { close(p.closed) })
	return p.Conn.Close()
}

type memoryAddress struct{}

// Network is "memory".
func (memoryAddress) Network() string { return "memory" }

// String is "sandbox".
func (memoryAddress) String() string { return "sandbox" }

// Listen serves the sandbox over in-memory connections and returns their
// listener; closing it (or the sandbox) ends the server. It works inside
// testing/synctest, where sockets would hold up the virtual clock.
func (s *Sandbox) Listen() net.Listener {
	s.listener.Do(func() {
		s.memory = newMemoryListener()
		s.server = &http.Server{Handler: s}
		go func() { _ = s.server.Serve(s.memory) }()
	})
	return s.memory
}

// DialContext connects to the in-memory server whatever the address, in the
// form that http.Transport wants.
func (s *Sandbox) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	s.Listen()
	return s.memory.dial(ctx)
}

// Transport is a fresh transport that reaches the sandbox in memory, for every
// host name. Close its idle connections when done.
func (s *Sandbox) Transport() *http.Transport {
	return &http.Transport{DialContext: s.DialContext}
}

// Close ends the in-memory server, where one was started.
func (s *Sandbox) Close() error {
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}
