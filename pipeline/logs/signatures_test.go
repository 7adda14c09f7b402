package logs

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func TestTemplate(t *testing.T) {
	tests := []struct{ text, want string }{
		{"KeyError: 'sku'", "KeyError: 'sku'"},
		{"KeyError: 'sku-8812'", "KeyError: '#'"},
		{"ERROR 2026-11-23 14:03:22,123 views 12 140 Internal Server Error: /cart/88", "ERROR # views # Internal Server Error: /cart/#"},
		{"[2026-11-23T14:03:22.123Z] [7] ERROR boom", "[#] [#] ERROR boom"},
		{"order 6ba7b810-dead-beef-80b4-00c04fd430c8 failed", "order # failed"},
		{"at 0x7f3a9c in worker7", "at # in worker#"},
		{"connect to 10.0.3.17:5432 failed after 12ms", "connect to # failed after #ms"},
		{"mail to bob.smith@example.com bounced", "mail to # bounced"},
		{"token eyJhbGciOiJIUzI1NiJ9abc rejected", "token # rejected"},
		{"sha a1b2c3d and beef", "sha # and beef"},
		{"[req=eaaefeaa] failed", "[req=#] failed"},
		{`invalid value "this is a long text of somebody's own"`, `invalid value "#"`},
		{"can't do 'it' isn't", "can't do 'it' isn't"},
		{"don't 'end", "don't 'end"},
		{"a  b   c", "a b c"},
		{`10.0.3.17 - - [23/Nov/2026:14:03:22 +0000] "GET /cart/88?q=1 HTTP/1.1" 502 512`, "GET /cart/#?q=# 502"},
		{`{"level":"error","msg":"cart 88 failed","ts":"2026"}`, "cart # failed"},
		{`{"level":"error","message":"boom","exc_info":"Traceback\n  File\nKeyError: 'sku'"}`, "boom KeyError: 'sku'"},
		{`{"level":"error","code":12}`, `{"level":"error","code":#}`},
		{"", ""},
		{strings.Repeat("é", 150), strings.Repeat("é", 100)},
		{"a" + strings.Repeat("é", 150), "a" + strings.Repeat("é", 99)},
	}
	for _, tt := range tests {
		if got := Template(&Line{Text: tt.text}); got != tt.want {
			t.Errorf("Template(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"a1@b2", "'1'", "12T34Z", "0x", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "{\"msg\":\"\\n\"}", "é1日", "0 0é0@0", "GET /1 500"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		for _, line := range newAssembler(Group{}).append(nil, &Event{Message: message}, epoch) {
			got := Template(line)
			if !utf8.ValidString(got) || len(got) > longestTemplate+20 {
				t.Errorf("Template(%q) = %q", line.Text, got)
			}
			if digits := strings.ContainsAny(got, "0123456789"); digits && recognise(line.Text).access.status == 0 {
				t.Errorf("Template(%q) = %q holds digits", line.Text, got)
			}
		}
	})
}

func TestSignatures(t *testing.T) {
	s := NewSignatures(LevelError)
	at := func(seconds int) int { return 1000 * seconds }
	s.Add([]*Line{
		made("orders", at(10), "ERROR cart 1 failed"),
		made("orders", at(200), "ERROR cart 2 failed"),
		made("users", at(201), "ERROR cart 3 failed"),
		made("orders", at(202), "INFO cart 4 is fine"),
	})
	s.Add(assembled([]message{
		{"app/orders/1", at(300), "Traceback (most recent call last):"}, {"app/orders/1", at(300), "  File x"}, {"app/orders/1", at(300), "KeyError: 'sku'"},
	}))
	got := s.Since(epoch.Add(100 * time.Second))
	var summary []string
	for _, sig := range got {
		summary = append(summary, fmt.Sprint(sig.Service, " ", sig.Template, " ", sig.Before, "/", sig.After, " ", sig.New()))
	}
	want := "orders KeyError: 'sku' 0/1 true; users ERROR cart # failed 0/1 true; orders ERROR cart # failed 1/1 false"
	if strings.Join(summary, "; ") != want {
		t.Errorf("signatures are\n%s, want\n%s", strings.Join(summary, "; "), want)
	}
	if old := got[2]; !old.First.Equal(epoch.Add(10*time.Second)) || !old.Last.Equal(epoch.Add(200*time.Second)) || old.Example.Text != "ERROR cart 2 failed" {
		t.Errorf("signature = %+v", old)
	}
	if all := s.Since(time.Time{}); all[0].After != 2 || all[0].Before != 0 {
		t.Errorf("of all times: %+v", all[0])
	}
	if !s.Oldest().Equal(epoch.Add(10 * time.Second)) {
		t.Errorf("Oldest = %v", s.Oldest())
	}
	s.Remove("/ecs/orders")
	if got := s.Since(time.Time{}); len(got) != 1 || got[0].Service != "users" {
		t.Errorf("after Remove: %+v", got)
	}
}

func TestSignaturesAreBounded(t *testing.T) {
	s := NewSignatures(LevelError)
	for i := range 2 * mostSeconds {
		s.Add([]*Line{made("a", 1000*i, "ERROR often")})
	}
	s.Add([]*Line{made("a", 0, "ERROR often")})
	for i := range mostSignatures + 10 {
		word := strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprint(i))
		s.Add([]*Line{made("a", 1000*2*mostSeconds+i, "ERROR "+word)})
	}
	if n := len(s.tallies); n > mostSignatures {
		t.Errorf("%d signatures", n)
	}
	s.Remove("/ecs/a")
	for i := range 2 * mostSeconds {
		s.Add([]*Line{made("a", 1000*i, "ERROR often")})
	}
	got := s.Since(epoch.Add((2*mostSeconds - 10) * time.Second))[0]
	if got.After != 10 || got.Before != 2*mostSeconds-10 {
		t.Errorf("before %d, after %d", got.Before, got.After)
	}
	if n := len(s.tallies[signatureKey{"/ecs/a", "ERROR often"}].seconds); n > mostSeconds {
		t.Errorf("%d seconds are kept", n)
	}
}

func TestCompare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{pageSize: 5}
		s.answer = func(n int, q Query) (Page, error, bool) {
			if q.Pattern != ErrorPattern {
				t.Errorf("asked without a pattern: %+v", q)
			}
			switch n {
			case 2:
				return Page{}, refusal{throttled: true}, true
			case 4:
				return Page{}, errTorn, true
			}
			return Page{}, nil, false
		}
		moved := time.Now().Add(-20 * time.Minute)
		put := func(text string, offset time.Duration) {
			s.put("/ecs/orders", "app/orders/1", text, offset-20*time.Minute)
		}
		for i := range 100 {
			put("ERROR old trouble", -time.Duration(i+1)*5*time.Second)
		}
		put("ERROR old trouble", time.Minute)
		put("ERROR new trouble", 2*time.Minute)
		put("ERROR new trouble", 0)
		put("ERROR not in the sample", 11*time.Minute)
		groups := []Group{{Name: "/ecs/orders", Service: "orders"}}
		evidence, err := Compare(t.Context(), s, Comparison{Groups: groups, At: moved})
		if err != nil || len(evidence.Signatures) != 2 {
			t.Fatalf("evidence = %+v, %v", evidence, err)
		}
		first, second := evidence.Signatures[0], evidence.Signatures[1]
		if first.Template != "ERROR new trouble" || !first.New() || first.After != 2 || second.Before != 15 || second.After != 1 {
			t.Errorf("signatures = %+v", evidence.Signatures)
		}
		if evidence.Before != 75*time.Second || evidence.After != 10*time.Minute {
			t.Errorf("covers %v before, %v after", evidence.Before, evidence.After)
		}
		s.answer = func(int, Query) (Page, error, bool) { return Page{}, refusal{permanent: true}, true }
		asked := s.count()
		if _, err := Compare(t.Context(), s, Comparison{Groups: groups, At: moved}); !errors.As(err, new(refusal)) || s.count() != asked+1 {
			t.Errorf("a permanent error: %v after %d requests", err, s.count()-asked)
		}
	})
}
