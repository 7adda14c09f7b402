package ghclient

import (
	"encoding/json"
	"testing"
)

func TestTextDecoding(t *testing.T) {
	var w struct {
		Line  text          `json:"line"`
		Lines prose         `json:"lines"`
		Null  text          `json:"null"`
		Keys  map[text]text `json:"keys"`
	}
	in := `{"line":"a\u001b[31m\nb\r","lines":"a\u0007\r\nb\u202e\n","null":null,"keys":{"k\u001b[0m":"v\u0000"}}`
	if err := json.Unmarshal([]byte(in), &w); err != nil {
		t.Fatal(err)
	}
	if w.Line != "a b" || w.Lines != "a\nb" || w.Null != "" || w.Keys["k"] != "v" {
		t.Errorf("got %+v", w)
	}
	if err := json.Unmarshal([]byte(`{"line":7}`), &w); err == nil {
		t.Error("a number passed for a text")
	}
}

func TestAccountName(t *testing.T) {
	tests := []struct {
		account *account
		want    string
	}{
		{nil, ""},
		{&account{Login: "alice", Name: "Alice"}, "alice"},
		{&account{Slug: "release", Name: "Release team"}, "release"},
		{&account{Name: "Release team"}, "Release team"},
	}
	for _, tt := range tests {
		if got := tt.account.name(); got != tt.want {
			t.Errorf("%+v: got %q", tt.account, got)
		}
	}
}
