package pipeline

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A configuration may name fewer services than the deployments did. What it
// does not name cannot be judged, which is said and not waited for.
func TestServicesThatTheConfigurationDoesNotName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now())
		c := testConfiguration()
		w.services["shop-production"] = w.services["shop-production"][:1]
		w.services["shop-staging"] = w.services["shop-staging"][:1]
		for i := range c.Environments {
			c.Environments[i].Services = []Service{{Name: "orders"}}
		}
		e := NewEngine(Options{GitHub: w, Cloud: w, Configure: func(context.Context) (Configuration, error) { return c, nil }})
		e.Start(t.Context())
		defer func() { _ = e.Close() }()
		began := time.Now()
		s := e.Settle(t.Context())
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("settled after %s", took)
		}
		rp := s.Environment("production").Return
		if len(rp.Candidates) == 0 || rp.Candidates[0].Verdict != Unknown || !strings.Contains(strings.Join(rp.Candidates[0].Reasons, ";"), "users: not a service of this configuration") {
			t.Errorf("candidates %+v", rp.Candidates)
		}
	})
}
