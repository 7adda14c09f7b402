package sandbox

import "testing"

func TestLogPattern(t *testing.T) {
	const event = `{"level":"ERROR","status":502,"ok":false,"who":null,"request":{"path":"/api/orders/7/","tags":["a","b"]},"ms":31.5}`
	const line = `10.0.2.7 - alice [23/Nov/2026:18:32:54 +0000] "GET /api/orders/S-84812/ HTTP/1.1" 500 3491`
	tests := []struct {
		pattern, message string
		want             bool
	}{
		{``, line, true},
		{`alice`, line, true},
		{`Alice`, line, false},
		{`alice GET`, line, true},
		{`alice POST`, line, false},
		{`"GET /api"`, line, true},
		{`"GET /cart"`, line, false},
		{`alice -GET`, line, false},
		{`alice -POST`, line, true},
		{`?POST ?GET`, line, true},
		{`?POST ?PUT`, line, false},
		{`?POST alice`, line, true},
		{`%S-\d{5}%`, line, true},
		{`%S-\d{9}%`, line, false},
		{`-"GET /cart"`, line, true},
		{`{ $.level = "ERROR" }`, event, true},
		{`{$.level = ERR*}`, event, true},
		{`{ $.level != "ERROR" }`, event, false},
		{`{ $.status = 502 }`, event, true},
		{`{ $.status >= 500 && $.level = "INFO" }`, event, false},
		{`{ $.status >= 500 && ($.level = "INFO" || $.ms < 40) }`, event, true},
		{`{ $.ms > 31.5 }`, event, false},
		{`{ $.request.path = "/api/*" }`, event, true},
		{`{ $.request.path = %orders/\d+% }`, event, true},
		{`{ $.request.tags[1] = "b" }`, event, true},
		{`{ $.request.tags[2] = "b" }`, event, false},
		{`{ $.who IS NULL }`, event, true},
		{`{ $.ok IS FALSE }`, event, true},
		{`{ $.nobody NOT EXISTS }`, event, true},
		{`{ $.level NOT EXISTS }`, event, false},
		{`{ $.level = "ERROR" }`, line, false},
		{`[ip, _, user, time, request, status = 5*, size]`, line, true},
		{`[ip, _, user = bob, ...]`, line, false},
		{`[..., status = 500, size > 3000]`, line, true},
		{`[..., size < 3000]`, line, false},
		{`[ip, user]`, line, false},
	}
	for _, test := range tests {
		matches, err := parseLogPattern(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		if got := matches(test.message); got != test.want {
			t.Errorf("%s matches %s: %t", test.pattern, test.message, got)
		}
	}
}

func TestLogPatternRefused(t *testing.T) {
	for _, pattern := range []string{
		`a-b`, `/api`, `"open`, `%(%`, `{ $.a = 1`, `{ a = 1 }`, `{ $.a }`, `{ $.a > x }`, `{ ($.a = 1 }`, `{ $.a = 1 } }`,
		`{ $.a IS 4 }`, `[a, b`, `[a > x]`, `-`, `?`,
	} {
		if _, err := parseLogPattern(pattern); err == nil {
			t.Errorf("%s is taken", pattern)
		}
	}
}

func FuzzLogPattern(f *testing.F) {
	for _, seed := range []string{`a "b c" -d ?e %f%`, `{ $.a[0].b = "x" && ($.c IS NULL || $.d < 4) }`, `[a, ..., b=4*]`, `{$['a b'] != %x%}`} {
		f.Add(seed, `{"a":[{"b":"x"}]}`)
	}
	f.Fuzz(func(_ *testing.T, pattern, message string) {
		if matches, err := parseLogPattern(pattern); err == nil {
			matches(message)
		}
	})
}
