package ghclient

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cli/go-gh/v2/pkg/api"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// undecodable is an answer that is not what the API documents.
type undecodable struct{ error }

// Unwrap returns the cause.
func (u undecodable) Unwrap() error { return u.error }

// failure makes a pipeline.Error of whatever a request ended in.
func (r *Reader) failure(c call, err error) error {
	e := r.classify(c, err)
	e.Op, e.On, e.Err = c.op, c.on, redacted(err)
	return e
}

// bareError is an error whose text has lost the queries of its addresses.
type bareError struct {
	text  string
	cause error
}

// Error is the text without queries.
func (e *bareError) Error() string { return e.text }

// Unwrap returns the cause as it came.
func (e *bareError) Unwrap() error { return e.cause }

// redacted takes the query off the addresses that an error names: that of a
// job's log is signed. The error itself stays as it is, because requests that
// failed together may share it.
func redacted(err error) error {
	text := err.Error()
	var answer *api.HTTPError
	if errors.As(err, &answer) && answer.RequestURL != nil && answer.RequestURL.RawQuery != "" {
		text = strings.ReplaceAll(text, "?"+answer.RequestURL.RawQuery, "")
	}
	var at *url.Error
	if errors.As(err, &at) {
		if _, query, found := strings.Cut(at.URL, "?"); found {
			text = strings.ReplaceAll(text, "?"+query, "")
		}
	}
	if text == err.Error() {
		return err
	}
	return &bareError{text, err}
}

// sendFailure is failure for actions: an operator must know whether a request
// that got no answer can have had an effect.
func (c *Client) sendFailure(what call, err error) error {
	e := c.classify(what, err)
	e.Op, e.On, e.Err = what.op, what.on, redacted(err)
	if e.Kind != pipeline.KindUnavailable {
		return e
	}
	if mayHaveArrived(err) {
		e.Message += ", and it is not known whether the request took effect"
		e.Hint = "look for its effect before sending it again"
	} else {
		e.Message += "; nothing was sent"
	}
	return e
}

// mayHaveArrived is false only where the connection was never made.
func mayHaveArrived(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") {
		return false
	}
	var handshake *tls.CertificateVerificationError
	return !errors.As(err, &handshake)
}

// classify finds the kind, the reason and the remedy.
func (r *Reader) classify(c call, err error) *pipeline.Error {
	var ours *pipeline.Error
	var answer *api.HTTPError
	var bad undecodable
	switch {
	case errors.As(err, &ours):
		e := *ours
		return &e
	case errors.As(err, &answer):
		return r.refusal(c, answer)
	case errors.As(err, &bad):
		return pipeline.Errorf(pipeline.KindInvalid, "GitHub's answer cannot be understood: %s", sanitise.Text(bad.Error()))
	}
	return unreachable(err, r.host)
}

// refusal explains an answer that is not a success.
func (r *Reader) refusal(c call, answer *api.HTTPError) *pipeline.Error {
	if c.explain != nil {
		if e := c.explain(answer); e != nil {
			return e
		}
	}
	if wait, throttled := throttle(answer.StatusCode, answer.Headers, answer.Message); throttled {
		if wait == 0 {
			wait = secondaryWait
		}
		return &pipeline.Error{
			Kind: pipeline.KindThrottled, RetryAfter: wait,
			Message: "GitHub asks for fewer requests; it answers again in " + wait.Round(time.Second).String(),
		}
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		return &pipeline.Error{Kind: pipeline.KindAuth, Message: "GitHub does not accept the token", Hint: tokenHint(r.host, r.tokenSource)}
	case http.StatusForbidden:
		return r.forbidden(answer)
	case http.StatusNotFound, http.StatusGone:
		return r.notFound(c, answer)
	case http.StatusConflict:
		return pipeline.Errorf(pipeline.KindConflict, "%s", reason(answer))
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		return pipeline.Errorf(pipeline.KindUsage, "%s", reason(answer))
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return &pipeline.Error{
			Kind:    pipeline.KindConflict,
			Message: "the repository has moved, and nothing was done", Hint: "name it by its new name with -R OWNER/NAME",
		}
	}
	e := &pipeline.Error{Kind: pipeline.KindInvalid, Message: "GitHub answered " + status(answer.StatusCode)}
	if answer.StatusCode >= 500 {
		e.Kind, e.RetryAfter = pipeline.KindUnavailable, retryAfter(answer.Headers)
	}
	return e
}

// forbidden says what the token lacks, as far as the headers tell.
func (r *Reader) forbidden(answer *api.HTTPError) *pipeline.Error {
	e := pipeline.Errorf(pipeline.KindForbidden, "%s", reason(answer))
	if sso := answer.Headers.Get("X-Github-Sso"); strings.HasPrefix(sso, "required") {
		e.Message = "the organisation asks for single sign-on, and the token has none"
		if _, address, ok := strings.Cut(sso, "url="); ok {
			e.Hint = "authorise the token at " + sanitise.Text(address)
		}
		return e
	}
	e.Hint = r.permissionHint(answer.Headers)
	if e.Hint == "" {
		e.Hint = "ask an administrator of " + r.fullName() + " for the right, or use a token that has it"
	}
	return e
}

// notFound says what is not there. GitHub also answers 404 to hide what a
// token may not see.
func (r *Reader) notFound(c call, answer *api.HTTPError) *pipeline.Error {
	e := &pipeline.Error{Kind: pipeline.KindNotFound, Message: c.missing, Hint: r.permissionHint(answer.Headers)}
	if e.Message == "" {
		e.Message = r.fullName() + " does not exist, or the token may not see it"
	}
	if e.Hint == "" && c.missing == "" {
		e.Hint = "check the name, and the account with gh auth status --hostname " + sanitise.Text(r.host)
	}
	return e
}

// unprocessableIsMissing explains endpoints that answer 422 where 404 is meant.
func unprocessableIsMissing(sentence string) func(*api.HTTPError) *pipeline.Error {
	return func(answer *api.HTTPError) *pipeline.Error {
		if answer.StatusCode != http.StatusUnprocessableEntity {
			return nil
		}
		return &pipeline.Error{Kind: pipeline.KindNotFound, Message: sentence}
	}
}

// permissionHint names a scope or permission that the endpoint accepts and the
// token lacks; empty where the headers do not say. Classic tokens have scopes,
// fine-grained ones permissions.
func (r *Reader) permissionHint(h http.Header) string {
	if wanted := h.Get("X-Accepted-Github-Permissions"); wanted != "" {
		return "the token needs the permission " + sanitise.Text(wanted)
	}
	accepted := words(h.Get("X-Accepted-Oauth-Scopes"))
	if len(accepted) == 0 || h.Values("X-Oauth-Scopes") == nil {
		return ""
	}
	has := words(h.Get("X-Oauth-Scopes"))
	if slices.ContainsFunc(accepted, func(s string) bool { return slices.Contains(has, s) }) {
		return ""
	}
	scope := accepted[0]
	if slices.Contains(accepted, "repo") {
		scope = "repo"
	}
	return "the token lacks the scope " + scope + ": run gh auth refresh --hostname " + sanitise.Text(r.host) + " --scopes " + scope
}

func words(header string) []string {
	return strings.FieldsFunc(sanitise.Text(header), func(r rune) bool { return r == ',' || r == ' ' })
}

// reason is the server's own message in one line.
func reason(answer *api.HTTPError) string {
	const most = 300 // bytes: a sentence, not a page
	s := sanitise.Text(strings.ReplaceAll(strings.TrimSpace(answer.Message), "\n", ": "))
	s = strings.TrimRight(s, ".")
	if s == "" {
		return "GitHub answered " + status(answer.StatusCode)
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// unreachable explains an error of the network, and names the host.
func unreachable(err error, host string) *pipeline.Error {
	var at *url.Error
	if errors.As(err, &at) {
		if u, parseErr := url.Parse(at.URL); parseErr == nil && u.Host != "" {
			host = u.Host
		}
		err = at.Err
	}
	host = sanitise.Text(host)
	e := &pipeline.Error{Kind: pipeline.KindUnavailable, Hint: "check the network and the proxy settings"}
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		e.Message, e.Hint = "the request was given up", ""
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Message = host + " did not answer in time"
	case errors.As(err, &dns):
		e.Message = "the name " + sanitise.Text(dns.Name) + " cannot be resolved"
	case errors.As(err, &certificate):
		e.Message = "the certificate of " + host + " is not trusted: " + sanitise.Text(certificate.Err.Error())
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Message = host + " refused the connection"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.Message = host + " broke the connection off"
	default:
		e.Message = host + " cannot be reached: " + sanitise.Text(err.Error())
	}
	return e
}
