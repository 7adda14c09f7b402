package logs

import (
	"testing"
	"time"
)

func TestRecognise(t *testing.T) {
	tests := []struct {
		text    string
		level   Level
		request string
		status  int
	}{
		{`{"level": "error", "request_id": "8f1c-22", "message": "no"}`, LevelError, "8f1c-22", 0},
		{`{"ctx":{"level":"debug"},"levelname":"WARNING","msg":"level=error"}`, LevelWarn, "", 0},
		{`{"severity":"Critical"}`, LevelCritical, "", 0},
		{`{"lvl":"info","x-request-id":"abcd1234"}`, LevelInfo, "abcd1234", 0},
		{`{"level":50,"msg":"pino"}`, LevelCritical, "", 0},
		{`{"level":30}`, LevelWarn, "", 0},
		{`{"status":503,"method":"GET","path":"/x"}`, LevelError, "", 503},
		{`{"level":"info","status_code":404}`, LevelWarn, "", 404},
		{`{"level":"info","status":"active"}`, LevelInfo, "", 0},
		{`{"msg":"a \"level\":\"error\" quoted","level":"info"}`, LevelInfo, "", 0},
		{`{"level":"error","msg":"cut off he`, LevelError, "", 0},
		{`{}`, LevelUnknown, "", 0},
		{`ts=2026-11-23T14:03:22Z level=warn msg="slow ERROR" req=8f1c22`, LevelWarn, "8f1c22", 0},
		{`lvl="error" request_id="aa-bb-cc" msg=x`, LevelError, "aa-bb-cc", 0},
		{`method=GET path=/cart status=500 duration=12ms`, LevelError, "", 500},
		{`ERROR 2026-11-23 14:03:22,123 views 12 140 Internal Server Error: /cart`, LevelError, "", 0},
		{`2026-11-23 14:03:22,123 WARNING orders.views retry 2/5`, LevelWarn, "", 0},
		{`WARNING:django.request:Not Found: /favicon.ico`, LevelWarn, "", 0},
		{`[2026-11-23 14:03:22 +0000] [7] [INFO] Booting worker with pid: 7`, LevelInfo, "", 0},
		{`[2026-11-23 14:03:22 +0000] [1] [CRITICAL] WORKER TIMEOUT (pid:7)`, LevelCritical, "", 0},
		{`2026/11/23 14:03:22 [error] 31#31: *1 connect() failed`, LevelError, "", 0},
		{`2026-11-23 14:03:22.123 UTC [7] FATAL:  password authentication failed`, LevelCritical, "", 0},
		{`error: unable to open file`, LevelError, "", 0},
		{`Warning: something`, LevelWarn, "", 0},
		{`DEBUG`, LevelDebug, "", 0},
		{`the ERRORS are many, errors everywhere`, LevelUnknown, "", 0},
		{`no error here`, LevelUnknown, "", 0},
		{`10.0.3.17 - - [23/Nov/2026:14:03:22 +0000] "GET /api/v1/cart HTTP/1.1" 502 512 "-" "curl"`, LevelError, "", 502},
		{`[23/Nov/2026 14:03:22] "POST /pay HTTP/1.1" 404 88`, LevelWarn, "", 404},
		{`GET /cart 200 12ms`, LevelInfo, "", 200},
		{`"GET http://x/y HTTP/1.1" 301`, LevelInfo, "", 301},
		{`INFO GET /cart 500 12ms`, LevelError, "", 500},
		{`GET /cart -> 404`, LevelWarn, "", 404},
		{`PUT it there 500`, LevelUnknown, "", 0},
		{`handled X-Request-ID: 6ba7b810-9dad-11d1 in 3 ms`, LevelUnknown, "6ba7b810-9dad-11d1", 0},
		{`[req 12345] [req=12345678] start`, LevelUnknown, "12345678", 0},
		{`request finished: GET it`, LevelUnknown, "", 0},
		{`prereq=12345 requestId=abcd9 `, LevelUnknown, "abcd9", 0},
		{`req=ab`, LevelUnknown, "", 0},
		{``, LevelUnknown, "", 0},
		{`żądanie ERROR`, LevelError, "", 0},
	}
	for _, tt := range tests {
		got := recognise(tt.text)
		if got.level != tt.level || got.request != tt.request || got.access.status != tt.status {
			t.Errorf("recognise(%q) = %v %q %d, want %v %q %d", tt.text, got.level, got.request, got.access.status, tt.level, tt.request, tt.status)
		}
	}
}

func TestParseLevel(t *testing.T) {
	for name, want := range map[string]Level{"warning": LevelWarn, "ERR": LevelError, "fatal": LevelCritical, "unknown": LevelUnknown, "info": LevelInfo} {
		if got, err := ParseLevel(name); got != want || err != nil {
			t.Errorf("ParseLevel(%q) = %v, %v", name, got, err)
		}
	}
	if _, err := ParseLevel("loud"); err == nil {
		t.Error("no error for a name that is none")
	}
	if Level(99).String() != "unknown" || LevelWarn.String() != "warn" {
		t.Error("names")
	}
}

// message is a line of a stream, ms after the epoch.
type message struct {
	stream string
	ms     int
	text   string
}

func assembled(messages []message) []*Line {
	a := newAssembler(Group{Name: "/ecs/orders", Service: "orders"})
	var lines []*Line
	for i, m := range messages {
		at := epoch.Add(time.Duration(m.ms) * time.Millisecond)
		lines = a.append(lines, &Event{ID: string(rune('a' + i)), Stream: m.stream, Timestamp: at, Ingested: at, Message: m.text}, at)
	}
	ring := NewRing(0, 0)
	ring.Add(lines)
	return ring.Snapshot()
}

func TestTracebacksStayTogether(t *testing.T) {
	const s1, s2 = "app/orders/1", "app/orders/2"
	lines := assembled([]message{
		{s1, 0, "ERROR Internal Server Error: /cart req=12345678"},
		{s2, 0, "GET /health 200"},
		{s1, 1, "Traceback (most recent call last):"},
		{s2, 1, "GET /health 201"},
		{s1, 2, `  File "/app/checkout/cart.py", line 88, in total`},
		{s1, 2, "    price = item['sku']"},
		{s2, 3, "GET /health 202"},
		{s1, 3, "KeyError: 'sku'"},
		{s1, 4, ""},
		{s1, 4, "During handling of the above exception, another exception occurred:"},
		{s1, 4, ""},
		{s1, 4, "Traceback (most recent call last):"},
		{s1, 4, `  File "/app/checkout/views.py", line 12, in get`},
		{s1, 5, "django.db.utils.DataError: value too long"},
		{s1, 5, "DETAIL:  too long"},
		{s1, 6, "INFO next request"},
	})
	head := []string{"ERROR Internal Server Error: /cart req=12345678", "Traceback (most recent call last):"}
	for i, want := range head {
		if lines[i].Text != want {
			t.Fatalf("line %d is %q", i, lines[i].Text)
		}
	}
	for i, line := range lines[:12] {
		if line.Stream != s1 || line.Level != LevelError || line.Request != "12345678" || line.Continuation != (i > 0) {
			t.Errorf("line %d of the block: %q %v %q continuation %v", i, line.Text, line.Level, line.Request, line.Continuation)
		}
	}
	if last := lines[len(lines)-1]; last.Text != "INFO next request" || last.Continuation || last.Level != LevelInfo {
		t.Errorf("after the block: %+v", last)
	}
	kinds := map[kind]int{}
	for _, line := range lines {
		kinds[line.kind]++
	}
	if kinds[traceback] != 2 || kinds[exception] != 2 {
		t.Errorf("kinds are %v", kinds)
	}
}

func TestAssembler(t *testing.T) {
	const s = "app/orders/1"
	tests := []struct {
		name     string
		messages []message
		want     []bool // continuation, in time order
		level    Level  // of the last line
	}{
		{
			"traceback without a message",
			[]message{{s, 0, "INFO before"}, {s, 1, "Traceback (most recent call last):"}, {s, 1, "  File"}, {s, 2, "ValueError"}},
			[]bool{false, false, true, true},
			LevelError,
		},
		{"one event of several lines", []message{{s, 0, "WARN a\n  b\nc\n"}, {s, 0, "d"}}, []bool{false, true, true, false}, LevelUnknown},
		{"several lines that go on a block", []message{{s, 0, "ERROR a"}, {s, 1, "  b\nc"}}, []bool{false, true, true}, LevelError},
		{"indented lines", []message{{s, 0, "ERROR boom"}, {s, 1, "\tat com.acme.Main"}, {s, 1, "Caused by: x"}}, []bool{false, true, true}, LevelError},
		{"too late to belong", []message{{s, 0, "ERROR boom"}, {s, 1002, "  indented"}}, []bool{false, false}, LevelUnknown},
		{"traceback that breaks off", []message{{s, 0, "Traceback (most recent call last):"}, {s, 0, "  File"}, {s, 1, "INFO something else"}}, []bool{false, true, false}, LevelInfo},
		{"another stream", []message{{s, 0, "ERROR boom"}, {"app/orders/2", 1, "  indented"}}, []bool{false, false}, LevelUnknown},
		{"late block does not close the newest", []message{
			{s, 5000, "ERROR new"}, {s, 0, "ERROR late"}, {s, 1, "  of late"}, {s, 5001, "  of new"},
		}, []bool{false, true, false, true}, LevelError},
		{"empty message", []message{{s, 0, ""}, {s, 1, "\n"}}, []bool{false, false}, LevelUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := assembled(tt.messages)
			if len(lines) != len(tt.want) {
				t.Fatalf("%d lines: %q", len(lines), ringTexts(lines))
			}
			for i, line := range lines {
				if line.Continuation != tt.want[i] {
					t.Errorf("line %d %q: continuation %v", i, line.Text, line.Continuation)
				}
			}
			if last := lines[len(lines)-1]; last.Level != tt.level {
				t.Errorf("last line is %v", last.Level)
			}
		})
	}
}

func TestLineFields(t *testing.T) {
	at := epoch.Add(time.Minute)
	line := newAssembler(Group{Name: "/ecs/orders", Service: "orders"}).append(nil, &Event{
		ID: "1", Stream: "app/orders/0a1b2c", Timestamp: at, Ingested: at.Add(time.Second), Message: "\x1b[31m日本\x1b[0m",
	}, at)[0]
	if line.Task != "0a1b2c" || line.Service != "orders" || line.Group != "/ecs/orders" || line.Text != "日本" || line.ASCII || line.Width != 4 || !line.At().Equal(at) {
		t.Errorf("line = %+v", line)
	}
	if taskOf("ecs/web") != "" || taskOf("i-0123") != "" {
		t.Error("a stream without a task has one")
	}
}

func TestExpanded(t *testing.T) {
	for text, want := range map[string][]string{
		"plain":              {"plain"},
		`{"a":1,"b":{"c":2}`: {`{"a":1,"b":{"c":2}`},
		`{"a":"<x>","b":[]}`: {"{", `  "a": "<x>",`, `  "b": []`, "}"},
		`INFO got {"a":1}`:   {"INFO got", "{", `  "a": 1`, "}"},
	} {
		got := (&Line{Text: text}).Expanded()
		if len(got) != len(want) {
			t.Errorf("%q expands to %q", text, got)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%q expands to %q", text, got)
			}
		}
	}
}

func FuzzRecognise(f *testing.F) {
	for _, seed := range []string{`{"level":"error","status":500`, `level="`, `"GET / HTTP/1.1" 500`, `req=`, `[x`, `{"a":[{"b":"]"}],`, "request_id:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		a := newAssembler(Group{Name: "g"})
		for _, line := range a.append(nil, &Event{Stream: "s", Timestamp: epoch, Message: message}, epoch) {
			if line.Level > LevelCritical || len(line.Request) > 128 {
				t.Errorf("%q: level %d, request %q", line.Text, line.Level, line.Request)
			}
			line.Expanded()
		}
	})
}
