package cmd

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/aws"
	"github.com/deployctl/gh-deployctl/pipeline"
)

// Where AWS does not answer, doctor waits for all identities at once, and says of
// each environment that it is not known.
func TestDoctorDoesNotWaitForEachIdentity(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": "http://aws.sandbox", "AWS_ACCESS_KEY_ID": "AKIASANDBOX000000000", "AWS_SECRET_ACCESS_KEY": "sandbox",
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_DEFAULT_PROFILE": "", "HTTP_PROXY": "", "http_proxy": "",
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"),
	} {
		t.Setenv(name, value)
	}
	var c pipeline.Configuration
	for _, region := range []string{"eu-central-1", "eu-west-1", "us-east-1", "ap-south-1"} {
		c.Environments = append(c.Environments, pipeline.Environment{Name: region, Clusters: []pipeline.Cluster{
			{Name: "shop", Region: region}, {Name: "shop-blue", Region: region},
		}})
	}
	synctest.Test(t, func(t *testing.T) {
		dials, over := make(chan struct{}, 100), make(chan struct{})
		defer close(over) // a transport dials on when the request has given up
		cloud, err := aws.New(t.Context(), aws.Options{DialContext: func(context.Context, string, string) (net.Conn, error) {
			dials <- struct{}{}
			<-over
			return nil, net.ErrClosed
		}})
		if err != nil {
			t.Fatal(err)
		}
		d := &doctor{session: &session{globals: &globals{}, cloud: cloud}}
		began := time.Now()
		d.clusters(t.Context(), c)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
		if n := d.count(unknown); n != 8 {
			t.Errorf("%d of 8 clusters are unknown: %+v", n, d.findings)
		}
		if len(dials) != len(c.Environments) {
			t.Errorf("%d connections were tried for %d identities", len(dials), len(c.Environments))
		}
	})
}
