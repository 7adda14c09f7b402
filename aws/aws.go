// Package aws reads what runs, and whether it is good, from Amazon ECS,
// CloudWatch, CloudWatch Logs, Elastic Load Balancing, ECR, RDS and STS. It
// implements pipeline.Cloud and logs.Source.
//
// It reads only. The SDK of every session refuses operations that are not on
// the list in readonly.go before a request is built, so that no defect
// elsewhere can turn into a change. Every error is a *pipeline.Error whose
// sentence names the fix, and every text from AWS is sanitised where it enters.
//
// A [Cloud] serves any number of clusters, regions and identities at once.
package aws

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/aws/smithy-go/middleware"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Options says who asks, where, and where the SDK writes what it has to say.
type Options struct {
	Region  string       // for clusters that name none; empty: the profile's or the environment's
	Profile string       // for clusters that name none; empty: the environment's
	Log     *slog.Logger // the SDK's log; nil: discarded, never stderr
	Version string       // of this program, for the user agent; empty: dev

	// CacheDir is where facts that never change are kept for the next start; empty:
	// nowhere.
	CacheDir string

	// DialContext opens connections in the place of the network; nil: the network.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Cloud reads AWS for the engine. It is safe for concurrent use.
type Cloud struct {
	options Options
	http    httpClient
	guard   func(*middleware.Stack) error // refuses what its sessions may not send
	kept    *definitionCache

	mu       sync.Mutex
	sessions map[identity]*slot
}

var _ pipeline.Cloud = (*Cloud)(nil)

// New returns a Cloud. It makes no request and reads no file: a session begins
// with the first call that needs it. The proxy is read from the environment now.
func New(_ context.Context, o Options) (*Cloud, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	return &Cloud{options: o, http: newHTTPClient(o), guard: readOnly, kept: newDefinitionCache(o.CacheDir), sessions: map[identity]*slot{}}, nil
}

// identity is what makes one session differ from another.
type identity struct{ region, profile, role string }

// slot holds one session once it has begun. A failed start is tried again by
// the next call, so that a login elsewhere heals it.
type slot struct {
	mu      sync.Mutex
	session *session
}

// session returns the session that serves a cluster, and begins it if need be.
func (c *Cloud) session(ctx context.Context, cluster pipeline.Cluster) (*session, error) {
	who := c.identity(cluster)
	c.mu.Lock()
	place, ok := c.sessions[who]
	if !ok {
		place = &slot{}
		c.sessions[who] = place
	}
	c.mu.Unlock()

	place.mu.Lock()
	defer place.mu.Unlock()
	if place.session == nil {
		s, err := c.begin(ctx, who)
		if err != nil {
			return nil, err
		}
		place.session = s
	}
	return place.session, nil
}

// identity is who serves a cluster. A cluster that is named by its ARN says its
// region itself.
func (c *Cloud) identity(cluster pipeline.Cluster) identity {
	who := identity{region: cluster.Region, profile: cluster.Profile, role: cluster.Role}
	if who.region == "" {
		who.region = regionOfARN(cluster.Name)
	}
	if who.region == "" {
		who.region = c.options.Region
	}
	if who.profile == "" {
		who.profile = c.options.Profile
	}
	return who
}

// regionOfARN is the region part of arn:partition:service:region:account:…; empty where s is no ARN.
func regionOfARN(s string) string {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[3]
}

// lastOfARN is what follows the last slash: a task's ID, a cluster's name.
func lastOfARN(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
