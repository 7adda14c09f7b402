package sandbox

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"time"
)

// eventsKept bounds what a log group remembers.
const eventsKept = 100_000

// hashing makes a stable number of texts and numbers.
func hashing(parts ...any) uint64 {
	h := fnv.New64a()
	var number [8]byte
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			_, _ = io.WriteString(h, part)
		case int64:
			_, _ = h.Write(binary.LittleEndian.AppendUint64(number[:0], uint64(part)))
		case uint64:
			_, _ = h.Write(binary.LittleEndian.AppendUint64(number[:0], part))
		default:
			_, _ = fmt.Fprint(h, part)
		}
	}
	return h.Sum64()
}

// write adds a line to a task's stream. Lines that come in late, with an older
// timestamp, are put where they belong.
func (w *World) write(t *Task, at time.Time, message string) {
	group := w.Cloud.LogGroup(t.Definition.LogGroup)
	if group == nil {
		return
	}
	stream := w.stream(group, t)
	if stream.First.IsZero() {
		stream.First = at
	}
	if at.After(stream.Last) {
		stream.Last = at
	}
	e := LogEvent{ID: fmt.Sprintf("%056d", w.nextID("log-event")), Stream: stream, Timestamp: at, Ingested: w.now, Message: message}
	group.insert(e)
}

func (g *LogGroup) insert(e LogEvent) {
	i := len(g.Events)
	for i > 0 && g.Events[i-1].Timestamp.After(e.Timestamp) {
		i--
	}
	g.Events = slices.Insert(g.Events, i, e)
	if len(g.Events) > eventsKept+eventsKept/8 {
		drop := len(g.Events) - eventsKept
		g.dropped += drop
		g.Events = slices.Clone(g.Events[drop:])
	}
}

// stream gives or makes the stream of a task.
func (w *World) stream(g *LogGroup, t *Task) *LogStream {
	if t.stream != nil {
		return t.stream
	}
	prefix := t.Definition.LogPrefix
	if t.Service != nil {
		prefix += "/" + t.Service.Name
	} else {
		prefix += "/" + t.Definition.Container
	}
	name := prefix + "/" + t.ID
	t.stream = &LogStream{Name: name, ARN: g.ARN + ":log-stream:" + name, Created: w.now}
	g.Streams = append(g.Streams, t.stream)
	return t.stream
}

// writeLine adds a line of the present.
func (w *World) writeLine(t *Task, message string) { w.write(t, w.now, message) }

// writeBoot adds what Gunicorn and the application say when they start.
func (w *World) writeBoot(t *Task) {
	stamp := w.now.UTC().Format("2006-01-02 15:04:05 +0000")
	version, sha := t.Definition.Env("APP_VERSION"), t.Definition.Env("GIT_SHA")
	for i, line := range []string{
		fmt.Sprintf("[%s] [1] [INFO] Starting gunicorn 23.0.0", stamp),
		fmt.Sprintf("[%s] [1] [INFO] Listening at: http://0.0.0.0:8000 (1)", stamp),
		fmt.Sprintf("[%s] [1] [INFO] Using worker: gthread", stamp),
		fmt.Sprintf("[%s] [7] [INFO] Booting worker with pid: 7", stamp),
		fmt.Sprintf(`{"level":"INFO","event":"application.started","service":%q,"version":%q,"sha":%q}`, t.Service.Name, version, short(sha)),
	} {
		w.write(t, w.now.Add(time.Duration(i)*11*time.Millisecond), line)
	}
}

func short(sha string) string { return sha[:min(7, len(sha))] }

// chatter is the second's beat of the logs: every service with healthy tasks
// writes what it did in this second.
func (w *World) chatter() {
	current := time.Since(w.now) < 5*time.Minute
	for _, cluster := range w.Cloud.Clusters {
		for _, s := range cluster.Services {
			w.writeSecond(s, 1, current)
		}
	}
	w.plan(w.now.Add(time.Second), w.chatter)
}

// sketch lets production write logs and its alarms be judged for a while of
// the past, thinly.
func (w *World) sketch(from time.Time, length time.Duration) {
	for at := from; at.Before(from.Add(length)); at = at.Add(5 * time.Second) {
		w.plan(at, func() {
			for _, s := range w.clusterOf("production").Services {
				w.writeSecond(s, 1, false)
			}
		})
	}
	for at := from; at.Before(from.Add(length)); at = at.Add(10 * time.Second) {
		w.plan(at, func() {
			for _, a := range w.Cloud.Alarms {
				if a.Environment == "production" {
					w.judge(a)
				}
			}
		})
	}
}

// writeSecond writes one second of a service's log. Density thins it out where
// the past is only sketched.
func (w *World) writeSecond(s *Service, density float64, current bool) {
	var serving []*Task
	for _, t := range s.Tasks {
		if t.Target == "healthy" || t.Target == "unhealthy" {
			serving = append(serving, t)
		}
	}
	if len(serving) == 0 {
		return
	}
	random := rand.New(rand.NewPCG(w.seed, hashing(s.ARN, w.now.UnixNano())))
	usual := 0.9
	if s.Cluster.Environment == "staging" {
		usual = 0.12
	}
	if s.Cluster.fleet {
		usual = 0.02
	}
	for range draw(random, usual*density) {
		w.writeRequest(s, pick(random, serving), random, false)
	}
	w.writeLookups(s, serving, random, density)
	if share := w.errorShare(s); share > 0 {
		for range draw(random, 6*share*density) {
			w.writeRequest(s, pick(random, serving), random, true)
		}
	}
	if current && s.Cluster.Environment == "production" && !s.Cluster.fleet {
		for range draw(random, float64(w.logRate)/float64(len(services))) {
			w.writeRequest(s, pick(random, serving), random, false)
		}
	}
}

// writeLookups writes that orders does not get an answer of payments: callers
// find the tasks of payments in Cloud Map, and the few that are left there have
// to answer for all.
func (w *World) writeLookups(s *Service, serving []*Task, random *rand.Rand, density float64) {
	payments := s.Cluster.Service("payments")
	if s.Name != "orders" || payments == nil {
		return
	}
	lost := 0
	for _, t := range payments.Tasks {
		if t.Registered != "" && t.Status == "RUNNING" {
			lost++
		}
	}
	for range draw(random, 0.2*float64(lost)*density) {
		at := w.now.Add(-time.Duration(random.IntN(1000)) * time.Millisecond)
		w.write(pick(random, serving), at, fmt.Sprintf("%s ERROR orders.payments [req=%08x] order S-%d is not charged: HTTPConnectionPool(host='payments.%s', port=8000): Read timed out. (read timeout=8)",
			at.UTC().Format("2006-01-02 15:04:05,000"), random.Uint32(), 10000+random.IntN(89999), namespaceName(s.Cluster)))
	}
}

// draw turns an expected number into a count.
func draw(random *rand.Rand, expected float64) int {
	n := int(expected)
	if random.Float64() < expected-float64(n) {
		n++
	}
	return n
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

// writeRequest writes the lines of one request, somewhere in this second. One
// line in a few hundred arrives late, as lines do.
func (w *World) writeRequest(s *Service, t *Task, random *rand.Rand, failing bool) {
	at := w.now.Add(-time.Duration(random.IntN(1000)) * time.Millisecond)
	if random.IntN(400) == 0 {
		at = at.Add(-time.Duration(2+random.IntN(6)) * time.Second)
	}
	id := fmt.Sprintf("%08x", random.Uint32())
	if failing {
		w.writeFailure(s, t, random, at, id)
		return
	}
	for _, line := range requestLines(s.Name, random, at, id) {
		w.write(t, at, line)
	}
}

// writeFailure writes a request that ends in a traceback.
func (w *World) writeFailure(s *Service, t *Task, random *rand.Rand, at time.Time, id string) {
	b := w.buildWith(s.Name, t.Digest)
	if b == nil || b.fault.service != s.Name {
		return
	}
	path, trace := "/api/checkout/", skuTraceback
	switch b.fault.signature {
	case faultStalePrices.signature:
		path, trace = "/api/catalog/products/", priceTraceback
	case faultLostSessions.signature:
		path, trace = "/api/users/me/", sessionTraceback
	case faultKeptConnections.signature:
		path, trace = "/api/users/me/", connectionTraceback
	}
	stamp := at.UTC().Format("2006-01-02 15:04:05,000")
	w.write(t, at, fmt.Sprintf("%s ERROR django.request [req=%s] Internal Server Error: %s", stamp, id, path)+"\n"+trace+b.fault.signature)
	w.write(t, at.Add(time.Millisecond), accessLine(random, at, "POST", path, 500, 31+random.IntN(40), id))
}

// What Django logs for the faults, without the last line.
const (
	crashTraceback = `[ERROR] Exception in worker process
Traceback (most recent call last):
  File "/usr/local/lib/python3.13/site-packages/gunicorn/arbiter.py", line 609, in spawn_worker
    worker.init_process()
  File "/app/payments/settings.py", line 9, in <module>
    ACQUIRER_REGION = os.environ["ACQUIRER_REGION"]
                      ~~~~~~~~~~^^^^^^^^^^^^^^^^^^^
`
	skuTraceback = `Traceback (most recent call last):
  File "/usr/local/lib/python3.13/site-packages/django/core/handlers/exception.py", line 55, in inner
    response = get_response(request)
  File "/app/checkout/views.py", line 41, in post
    total = cart.total()
  File "/app/checkout/cart.py", line 59, in total
    return (self.subtotal() - self.discount()).quantize(Decimal("0.01"), ROUND_HALF_UP)
  File "/app/checkout/cart.py", line 50, in subtotal
    total += self.price_of(line) * line["quantity"]
  File "/app/checkout/cart.py", line 55, in price_of
    return Product.objects.get(sku=line["sku"]).price
                                   ~~~~^^^^^^^
`
	priceTraceback = `Traceback (most recent call last):
  File "/usr/local/lib/python3.13/site-packages/django/core/handlers/exception.py", line 55, in inner
    response = get_response(request)
  File "/app/catalog/prices.py", line 26, in price
    return Decimal(cache.get(key))
`
	sessionTraceback = `Traceback (most recent call last):
  File "/usr/local/lib/python3.13/site-packages/django/core/handlers/exception.py", line 55, in inner
    response = get_response(request)
  File "/usr/local/lib/python3.13/site-packages/redis/connection.py", line 385, in connect
    raise ConnectionError(self._error_message(e))
`
	connectionTraceback = `Traceback (most recent call last):
  File "/usr/local/lib/python3.13/site-packages/django/db/backends/base/base.py", line 279, in ensure_connection
    self.connect()
  File "/usr/local/lib/python3.13/site-packages/psycopg/connection.py", line 119, in connect
    raise last_ex.with_traceback(None)
`
)

// requestLines are the lines of a request that went well, in the form that the
// service uses: Django text, JSON or logfmt beside Gunicorn's access line.
func requestLines(service string, random *rand.Rand, at time.Time, id string) []string {
	stamp := at.UTC().Format("2006-01-02 15:04:05,000")
	millis := 4 + random.IntN(90)
	number := 10000 + random.IntN(89999)
	switch service {
	case "payments":
		level, event := "INFO", "charge.succeeded"
		if random.IntN(60) == 0 {
			level, event = "WARNING", "charge.retried"
		}
		return []string{fmt.Sprintf(`{"time":%q,"level":%q,"event":%q,"request_id":%q,"order":"S-%d","amount":"%d.%02d","currency":"EUR","duration_ms":%d}`,
			at.UTC().Format("2006-01-02T15:04:05.000Z"), level, event, id, number, 5+random.IntN(180), random.IntN(100), millis)}
	case "notifications":
		if random.IntN(25) == 0 {
			return []string{fmt.Sprintf("level=warning msg=\"delivery failed, will retry\" channel=webhook attempt=%d request_id=%s", 1+random.IntN(4), id)}
		}
		return []string{fmt.Sprintf("level=info msg=delivered channel=%s template=%s request_id=%s duration_ms=%d",
			pick(random, []string{"email", "push", "webhook"}), pick(random, []string{"order-placed", "order-shipped", "password-reset"}), id, millis)}
	case "orders":
		lines := []string{accessLine(random, at, pick(random, []string{"GET", "POST"}), pick(random, []string{"/api/cart/", "/api/checkout/", fmt.Sprintf("/api/orders/S-%d/", number)}), 200, millis, id)}
		if random.IntN(4) == 0 {
			lines = append(lines, fmt.Sprintf("%s INFO orders.checkout [req=%s] order S-%d placed for customer %d", stamp, id, number, random.IntN(99999)))
		}
		return lines
	case "users":
		if random.IntN(30) == 0 {
			return []string{fmt.Sprintf("%s WARNING users.auth [req=%s] login failed for id=%d: wrong password", stamp, id, number)}
		}
		return []string{fmt.Sprintf("%s INFO users.auth [req=%s] login ok id=%d", stamp, id, number)}
	case "catalog":
		return []string{accessLine(random, at, "GET", pick(random, []string{"/api/catalog/products/", fmt.Sprintf("/api/catalog/products/%d/", number), "/api/catalog/search/?q=lamp"}), 200, millis, id)}
	}
	status := 200
	if random.IntN(40) == 0 {
		status = 404
	}
	return []string{accessLine(random, at, "GET", pick(random, []string{"/", "/api/cart/", "/api/catalog/products/", "/api/orders/", "/health"}), status, millis, id)}
}

// accessLine is Gunicorn's access log with the request id and the duration.
func accessLine(random *rand.Rand, at time.Time, method, path string, status, millis int, id string) string {
	return fmt.Sprintf(`10.0.%d.%d - - [%s] "%s %s HTTP/1.1" %d %d "-" "Mozilla/5.0" req=%s %dms`,
		random.IntN(32), 2+random.IntN(250), at.UTC().Format("02/Jan/2006:15:04:05 +0000"), method, path, status, 120+random.IntN(8000), id, millis)
}
