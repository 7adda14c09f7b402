package sandbox

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// answer is a response that is kept until the world has been unlocked. It may
// be torn, so that only its first half is sent, or late, so that nothing is.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	torn   bool
	late   time.Duration
	gone   <-chan struct{} // closed when the client gives up
}

func newAnswer() *answer { return &answer{header: http.Header{}, status: http.StatusOK} }

// Header gives the headers to set.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader sets the status.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write keeps a part of the body.
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// Flush is there for handlers that stream; there is nothing to push.
func (a *answer) Flush() {}

// send writes the answer. A torn one announces its whole length and breaks
// off; a late one breaks off without a word, when the client has not done so.
func (a *answer) send(w http.ResponseWriter) {
	body := a.body.Bytes()
	switch {
	case a.late > 0:
		select {
		case <-time.After(a.late):
		case <-a.gone:
		}
		panic(http.ErrAbortHandler)
	case a.torn && len(body) < 2:
		panic(http.ErrAbortHandler)
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.torn {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		body = body[:len(body)/2]
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
	if a.torn {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}
