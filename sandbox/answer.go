package sandbox

import (
	"bytes"
	"net/http"
	"strconv"
)

// answer is a response that is kept until the world has been unlocked. A
// handler may also tear it: then only the first bytes are sent.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	torn   bool
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

// send writes the answer. A torn one announces its whole length and breaks off.
func (a *answer) send(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	body := a.body.Bytes()
	if a.torn {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.status)
	if a.torn {
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}
