package cmd

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// cloudSide looks at AWS: identities, clusters, services, log groups, images.
// Each read that the console makes is made; what only a change would prove is
// named.
func (d *doctor) cloudSide(ctx context.Context, c pipeline.Configuration) {
	if err := d.openCloud(ctx); err != nil {
		d.failed("aws", "", err)
		return
	}
	d.clusters(ctx, c)
}

// clusters looks at what a configuration names in AWS; where it names nothing, at
// the identity alone.
func (d *doctor) clusters(ctx context.Context, c pipeline.Configuration) {
	if len(c.Environments) == 0 {
		d.identity("", pipeline.Cluster{}, d.identities(ctx, []pipeline.Cluster{{}}))
		return
	}
	var all []pipeline.Cluster
	for _, e := range c.Environments {
		all = append(all, e.Clusters...)
	}
	who := d.identities(ctx, all)
	for _, e := range c.Environments {
		if len(e.Clusters) == 0 {
			d.add(broken, "cluster", e.Name, "the configuration names no cluster", "add cluster: to the environment")
		}
		for i, cluster := range e.Clusters {
			caller, ok := d.identity(e.Name, cluster, who)
			if !ok {
				continue
			}
			states := d.cluster(ctx, c, e, cluster, i == 0)
			d.simulate(ctx, c, e, cluster, caller, states)
		}
		if e.Database.Instance != "" && len(e.Clusters) > 0 && who[identifying(e.Clusters[0])].err == nil {
			d.database(ctx, e)
		}
	}
	d.untriedWrites(c.Policy.DirectAWSWrites)
}

// identityTimeout bounds the wait for an AWS that does not answer: all
// identities are asked for at once, so that it is the wait for all.
const identityTimeout = 4 * time.Second

// identified is who the credentials of a cluster are, or why that is not known.
type identified struct {
	pipeline.CloudIdentity
	err error
}

// identifying is what of a cluster makes the identity: region, profile and role.
func identifying(cluster pipeline.Cluster) pipeline.Cluster {
	cluster.Name = ""
	return cluster
}

// identities proves the credentials of clusters, each of them once.
func (d *doctor) identities(ctx context.Context, clusters []pipeline.Cluster) map[pipeline.Cluster]identified {
	ctx, cancel := context.WithTimeout(ctx, identityTimeout)
	defer cancel()
	found := map[pipeline.Cluster]identified{}
	for _, c := range clusters {
		found[identifying(c)] = identified{}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for c := range maps.Clone(found) {
		wg.Go(func() {
			who, err := d.cloud.Identity(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			found[c] = identified{who, err}
		})
	}
	wg.Wait()
	return found
}

// identity says who the credentials of a cluster are.
func (d *doctor) identity(environment string, cluster pipeline.Cluster, all map[pipeline.Cluster]identified) (pipeline.CloudIdentity, bool) {
	who := all[identifying(cluster)]
	if who.err != nil {
		d.failed("aws", environment, who.err)
		return who.CloudIdentity, false
	}
	who.Region = cmp.Or(cluster.Region, who.Region)
	d.add(holds, "aws", environment, fmt.Sprintf("%s in %s", who.ARN, who.Region), "")
	return who.CloudIdentity, true
}

// cluster looks at the services that the configuration expects in a cluster, and
// returns those that are there.
func (d *doctor) cluster(ctx context.Context, c pipeline.Configuration, e pipeline.Environment, cluster pipeline.Cluster, first bool) []pipeline.ServiceState {
	var names []string
	for _, s := range e.Services {
		if s.Cluster == cluster.Name || s.Cluster == "" && first {
			names = append(names, s.ECSServiceName())
		}
	}
	if len(names) == 0 {
		d.add(weak, "services", cluster.Name, "the configuration expects no service there", "add services: to the environment")
		return nil
	}
	states, err := d.cloud.Services(ctx, cluster, names)
	if err != nil {
		d.failed("services", cluster.Name, err)
		if pipeline.KindOf(err) == pipeline.KindForbidden { // what else is missing is told in one go
			d.cloudRights(ctx, cluster, []pipeline.ServiceState{{Key: pipeline.ServiceKey{Service: names[0]}, Status: "ACTIVE"}})
		}
		return nil
	}
	var missing []string
	for i, s := range states {
		if s.Status != "ACTIVE" {
			missing = append(missing, names[i]+" ("+strings.ToLower(cmp.Or(s.Status, "missing"))+")")
		}
	}
	if len(missing) > 0 {
		d.add(broken, "services", cluster.Name, "not there: "+strings.Join(missing, ", "), "create them, or correct services: in the configuration")
	} else {
		d.add(holds, "services", cluster.Name, activeServices(len(names)), "")
	}
	d.logGroups(ctx, cluster, states)
	d.images(ctx, cluster, states)
	d.cloudRights(ctx, cluster, states)
	d.metricsCost(c, e.Name, states)
	return slices.DeleteFunc(slices.Clone(states), func(s pipeline.ServiceState) bool { return s.Status != "ACTIVE" })
}

func activeServices(n int) string {
	if n == 1 {
		return "the service is active"
	}
	return fmt.Sprintf("all %d are active", n)
}

// logGroups looks for the groups that the task definitions write to.
func (d *doctor) logGroups(ctx context.Context, cluster pipeline.Cluster, states []pipeline.ServiceState) {
	found, silent, missing := 0, []string{}, []string{}
	seen := map[string]bool{}
	for _, s := range states {
		if s.Status != "ACTIVE" {
			continue
		}
		if len(s.LogGroups) == 0 {
			silent = append(silent, s.Key.Service)
		}
		for _, group := range s.LogGroups {
			if seen[group.Name] {
				continue
			}
			seen[group.Name] = true
			names, err := d.cloud.LogGroups(ctx, cluster, group.Name)
			if err != nil {
				d.failed("logs", cluster.Name, err)
				return
			}
			if !slices.Contains(names, group.Name) {
				missing = append(missing, group.Name)
				continue
			}
			found++
		}
	}
	switch {
	case len(missing) > 0:
		d.add(broken, "logs", cluster.Name, "log groups that do not exist: "+strings.Join(missing, ", "), "create them, or set awslogs-create-group")
	case len(silent) > 0:
		d.add(weak, "logs", cluster.Name, "without the awslogs driver, so the console shows no logs: "+strings.Join(silent, ", "), "set logConfiguration in the task definition, or log_groups in the configuration")
	default:
		d.add(holds, "logs", cluster.Name, fmt.Sprintf("%d log groups", found), "")
	}
}

// images looks in the registry for what runs: without it no task can be
// replaced.
func (d *doctor) images(ctx context.Context, cluster pipeline.Cluster, states []pipeline.ServiceState) {
	var refs []pipeline.Image
	of := map[string]string{}
	for _, s := range states {
		for _, r := range s.Revisions {
			for _, image := range r.Images {
				if image.Digest != "" {
					refs = append(refs, image)
					of[image.Digest] = s.Key.Service
				}
			}
		}
	}
	if len(refs) == 0 {
		return
	}
	found, err := d.cloud.Images(ctx, cluster, refs)
	if err != nil {
		d.failed("images", cluster.Name, err)
		return
	}
	var gone []string
	for digest, state := range found {
		if !state.Present {
			gone = append(gone, of[digest])
		}
	}
	slices.Sort(gone)
	if len(gone) > 0 {
		d.add(broken, "images", cluster.Name, "what runs is no longer in the registry: "+strings.Join(slices.Compact(gone), ", "), "push it again, and change the lifecycle policy")
		return
	}
	d.add(holds, "images", cluster.Name, fmt.Sprintf("all %d that run are in the registry", len(found)), "")
}

// database looks whether snapshots can be seen.
func (d *doctor) database(ctx context.Context, e pipeline.Environment) {
	list, err := d.cloud.Snapshots(ctx, e.Clusters[0], e.Database.Instance)
	switch {
	case err != nil:
		d.failed("database", e.Database.Instance, err)
	case len(list) == 0:
		d.add(weak, "database", e.Database.Instance, "has no snapshot, so a migration could not be taken back", "the first deployment makes one; or aws rds create-db-snapshot")
	default:
		d.add(holds, "database", e.Database.Instance, fmt.Sprintf("%d snapshots", len(list)), "")
	}
}
