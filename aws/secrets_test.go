package aws

import (
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/sandbox"
)

// checkSecrets looks up what a task definition may name: secrets and parameters
// that are there, that are not, and that nobody asks about from here.
func checkSecrets(t *testing.T, c *Cloud, w *sandbox.World) {
	t.Helper()
	w.Lock()
	there, marked := w.Cloud.Secrets[0].ARN, w.Cloud.Secrets[1]
	was := marked.Deleted
	marked.Deleted = w.Now()
	parameter := w.Cloud.Parameters[0]
	w.Unlock()
	elsewhere := strings.Replace(there, "eu-central-1", "eu-west-1", 1)
	none := strings.Replace(there, ":secret:", ":secret:no-", 1)
	refs := []string{there, there + ":password::", marked.ARN, none, elsewhere, parameter.Name, parameter.ARN, "/no/such/parameter"}
	got, err := c.Secrets(t.Context(), pipeline.Cluster{Name: "shop-production"}, refs)
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]bool{there: true, there + ":password::": true, marked.ARN: true, none: false, parameter.Name: true, parameter.ARN: true, "/no/such/parameter": false} {
		if state, known := got[ref]; !known || state.Present != want || state.Deleted.IsZero() != (ref != marked.ARN) {
			t.Errorf("%s: %t, %+v", ref, known, state)
		}
	}
	if state, known := got[elsewhere]; known {
		t.Errorf("a secret of another region was looked up in this one: %+v", state)
	}
	w.Lock()
	marked.Deleted = was
	w.Unlock()
	w.Lock()
	w.Intercept(func(request string) bool { return request == "DescribeSecret" })
	w.Unlock()
	if _, err := c.Secrets(t.Context(), pipeline.Cluster{Name: "shop-production"}, refs); pipeline.KindOf(err) != pipeline.KindUnavailable {
		t.Errorf("with Secrets Manager down: %v", err)
	}
	w.Lock()
	w.Intercept(nil)
	w.Unlock()
}

// A session that only reads sends nothing to these services but what is on its list.
func TestSecretsAreOnlyLookedUp(t *testing.T) {
	s := &session{}
	for service, operation := range map[string]string{"Secrets Manager": "GetSecretValue", "SSM": "PutParameter"} {
		if err := s.look(t.Context(), service, operation, nil, nil); pipeline.KindOf(err) != pipeline.KindRefused {
			t.Errorf("%s %s: %v", service, operation, err)
		}
	}
}
