package sandbox

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// webPage is the small HTML page behind every html_url; %[1]s is its title,
// %[2]s its text. (The template packages would keep every method of every type
// in the program.)
const webPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>%[1]s</title></head>
<body><h1>%[1]s</h1><p>%[2]s</p><p>This is a page of a simulated GitHub.</p></body></html>
`

// servePages answers for the addresses that people open in a browser.
func (s *Sandbox) servePages(w *answer, r *http.Request) {
	s.countOther()
	if strings.HasPrefix(r.URL.Path, "/api/") {
		s.serveGitHub(w, r)
		return
	}
	rest, ours := strings.CutPrefix(r.URL.Path, "/acme/shop")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	title, text := "acme/shop", s.world.Hub.Repository.Description
	if id, isRun := strings.CutPrefix(rest, "/actions/runs/"); isRun {
		id, _, _ = strings.Cut(id, "/")
		number, _ := strconv.ParseInt(id, 10, 64)
		run := s.world.Hub.run(number)
		if run == nil {
			ours = false
		} else {
			title = fmt.Sprintf("%s #%d", run.Workflow.Name, run.Number)
			text = fmt.Sprintf("%s: %s %s", run.Title, run.Attempt().Status, run.Attempt().Conclusion)
		}
	} else if rest != "" {
		text = strings.TrimPrefix(rest, "/")
	}
	if !ours {
		w.WriteHeader(http.StatusNotFound)
		title, text = "Not found", "There is no such page."
	}
	_, _ = fmt.Fprintf(w, webPage, html.EscapeString(title), html.EscapeString(text))
}

// serveHook takes Slack messages.
func (s *Sandbox) serveHook(w *answer, r *http.Request) {
	s.countOther()
	body, _ := io.ReadAll(r.Body)
	if r.Method != http.MethodPost || !json.Valid(body) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "invalid_payload")
		return
	}
	s.hook = append(s.hook, string(body))
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "ok")
}

// Messages gives the bodies of the Slack messages received, oldest first.
func (s *Sandbox) Messages() []string {
	s.world.Lock()
	defer s.world.Unlock()
	return append([]string(nil), s.hook...)
}

// serveService answers for http://SERVICE.ENVIRONMENT.sandbox: health, ready,
// version, as the tasks that serve would.
func (s *Sandbox) serveService(w *answer, r *http.Request) {
	s.countOther()
	name, rest, _ := strings.Cut(hostOf(r), ".")
	cluster := s.world.clusterOf(strings.TrimSuffix(rest, ".sandbox"))
	if cluster == nil || cluster.Service(name) == nil {
		http.Error(w, "the sandbox knows no host "+hostOf(r), http.StatusBadGateway)
		return
	}
	for name, value := range map[string]string{
		"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Content-Type-Options": "nosniff",
		"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Content-Security-Policy": "default-src 'self'",
		"Content-Type": "application/json", "Server": "gunicorn",
	} {
		w.Header().Set(name, value)
	}
	s.world.serveTask(w, r, cluster.Service(name))
}

// serveTask lets one of the healthy tasks answer.
func (w *World) serveTask(a *answer, r *http.Request, s *Service) {
	var serving []*Task
	for _, t := range s.Tasks {
		if t.Target == "healthy" {
			serving = append(serving, t)
		}
	}
	reply := func(status int, body object) {
		a.WriteHeader(status)
		_ = json.NewEncoder(a).Encode(body)
	}
	if len(serving) == 0 {
		reply(http.StatusServiceUnavailable, object{"message": "no healthy upstream"})
		return
	}
	random := rand.New(rand.NewPCG(w.seed, hashing(s.ARN, w.now.UnixNano())))
	t := pick(random, serving)
	share := w.taskErrorShare(t)
	a.Header().Set("X-Response-Time", w.latency(s, share, random).String())
	status, health := http.StatusOK, "ok"
	switch {
	case random.Float64() < share:
		status, health = http.StatusServiceUnavailable, "failing"
	case share > 0.05:
		health = "degraded"
	}
	version, sha := t.Definition.Env("APP_VERSION"), t.Definition.Env("GIT_SHA")
	switch r.URL.Path {
	case "/health":
		reply(status, object{"status": health, "service": s.Name, "version": version, "checks": object{"database": "ok", "cache": "ok", "errors": fmt.Sprintf("%.1f%%", 100*share)}})
	case "/ready":
		reply(status, object{"ready": status == http.StatusOK})
	case "/version":
		reply(http.StatusOK, object{"service": s.Name, "version": version, "sha": sha, "image": t.Digest, "debug": false})
	default:
		reply(http.StatusNotFound, object{"detail": "Not found."})
	}
}

// latency is how long a request to a service takes now.
func (w *World) latency(s *Service, share float64, random *rand.Rand) time.Duration {
	p := w.point(s, w.now.Truncate(time.Minute), share)
	return time.Duration(p.P50 * (0.7 + 0.6*random.Float64()) * float64(time.Second)).Round(time.Millisecond)
}
