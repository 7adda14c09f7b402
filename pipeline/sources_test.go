package pipeline

import (
	"slices"
	"testing"
)

func TestAlarmsNamed(t *testing.T) {
	alarms := []Alarm{{Name: "orders-5xx"}, {Name: "orders-latency"}, {Name: "payments-5xx"}}
	for _, tt := range []struct {
		names, want []string
	}{
		{[]string{"payments-5xx"}, []string{"payments-5xx"}},
		{[]string{"orders-*"}, []string{"orders-5xx", "orders-latency"}},
		{[]string{"orders-latency", "orders-*"}, []string{"orders-latency", "orders-5xx"}},
		{[]string{"orders"}, nil},
		{nil, nil},
	} {
		var got []string
		for _, a := range alarmsNamed(alarms, tt.names) {
			got = append(got, a.Name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: got %v, want %v", tt.names, got, tt.want)
		}
	}
}
