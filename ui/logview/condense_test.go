package logview

import (
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline/logs"
)

func TestCondense(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", "charge ok amount=12.80", "charge ok amount=12.80"},
		{"time in front", "2026-11-23 19:11:55,151 WARNING users.auth login failed", "WARNING users.auth login failed"},
		{"iso time", "2026-11-23T19:11:55.151Z started", "started"},
		{"bracketed time", "[2026-11-23 19:11:55 +0000] [7] [INFO] Booting worker", "[7] [INFO] Booting worker"},
		{"date alone", "2026-11-23 is a Monday", "2026-11-23 is a Monday"},
		{"json", `{"time":"2026-11-23T19:11:52Z","level":"INFO","event":"charge.succeeded","order":"S-1","amount":133.7}`, "charge.succeeded order=S-1 amount=133.7"},
		{"json warning", `{"level":"warning","msg":"slow","ms":812}`, "WARN slow ms=812"},
		{"broken json", `{"level":`, `{"level":`},
		{"logfmt", `level=warning msg="delivery failed, will retry" attempt=2`, "WARN delivery failed, will retry attempt=2"},
		{"access log", `10.0.8.15 - - [23/Nov/2026:19:11:52 +0000] "GET /cart HTTP/1.1" 200 512 "-" "Mozilla/5.0" req=74 82ms`, "GET /cart 200 512 req=74 82ms"},
		{"not an access log", `queue [orders] "empty"`, `queue [orders] "empty"`},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Condense(&logs.Line{Text: tt.text}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func BenchmarkCondense(b *testing.B) {
	l := &logs.Line{Text: `{"time":"2026-11-23T19:11:52.459Z","level":"INFO","event":"charge.succeeded","request_id":"8070117b","order":"S-47571","amount":"133.70"}`}
	for b.Loop() {
		_ = Condense(l)
	}
}
