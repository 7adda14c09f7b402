package ghclient

import (
	"bytes"
	"io"
	"net/http"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// maxBody bounds what one answer may hold in memory. The largest are job logs.
const maxBody = 64 << 20

// heldBody is a body that was read whole.
type heldBody struct {
	*bytes.Reader
	bytes []byte
}

// Close does nothing: the connection was given back when the body was read.
func (heldBody) Close() error { return nil }

func hold(b []byte) heldBody { return heldBody{bytes.NewReader(b), b} }

// tornOff is a body that ended before its end. The protocols have errors of
// their own for it.
type tornOff struct{ error }

// Unwrap returns the cause.
func (t tornOff) Unwrap() error { return t.error }

// Is makes every torn body an unexpected end.
func (t tornOff) Is(target error) bool { return target == io.ErrUnexpectedEOF }

// readWhole replaces a body by its bytes, so that a torn one is noticed while
// the request can still be repeated, and the connection is free. On error the
// response keeps what was read.
func readWhole(resp *http.Response) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	_ = resp.Body.Close() // what matters was read
	switch {
	case err != nil:
		err = tornOff{err}
	case len(b) > maxBody:
		err = pipeline.Errorf(pipeline.KindInvalid, "the answer is larger than %d MB", maxBody>>20)
	}
	resp.Body = hold(b)
	return b, err
}

// bodyBytes are the bytes of a body, which stays readable.
func bodyBytes(resp *http.Response) ([]byte, error) {
	if held, ok := resp.Body.(heldBody); ok {
		return held.bytes, nil
	}
	return readWhole(resp)
}
