package environments

import (
	"cmp"
	"slices"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// runtime finds the cluster and the services of a stage.
func (i *inference) runtime(e *pipeline.Environment, r rank) {
	if len(i.facts.Clusters) == 0 {
		i.note("No ECS cluster could be listed, so nothing is known of what runs in %s.", e.Name)
		return
	}
	if best := i.clustersOf(e.Name, r); len(best) > 0 {
		chosen := best[0]
		e.Clusters, e.Services = []pipeline.Cluster{clusterOf(chosen)}, servicesOf(chosen, chosen.Services)
		i.note("%s runs in the ECS cluster %s (%s), because of their names.", e.Name, chosen.Name, cmp.Or(chosen.Region, "no region"))
		if len(best) > 1 {
			i.note("The cluster %s fits %s as well and is left out.", describeCluster(best[1]), e.Name)
		}
	} else if chosen, services := i.sharedCluster(e.Name, r); len(services) > 0 {
		e.Clusters, e.Services = []pipeline.Cluster{clusterOf(chosen)}, servicesOf(chosen, services)
		i.note("%s runs in the ECS cluster %s, whose services carry its name.", e.Name, describeCluster(chosen))
	} else if len(i.facts.Clusters) == 1 && len(i.found) == 1 {
		chosen := i.facts.Clusters[0]
		e.Clusters, e.Services = []pipeline.Cluster{clusterOf(chosen)}, servicesOf(chosen, chosen.Services)
		i.note("%s runs in the ECS cluster %s, because there is no other.", e.Name, describeCluster(chosen))
	} else {
		i.note("No ECS cluster has a name that fits %s.", e.Name)
		return
	}
	if len(e.Services) > 1 {
		i.note("The services of %s are deployed in the order of the alphabet.", e.Name)
	}
}

func clusterOf(c ECSCluster) pipeline.Cluster {
	return pipeline.Cluster{Name: c.Name, Region: c.Region, Profile: c.Profile}
}

func describeCluster(c ECSCluster) string {
	return c.Name + " (" + cmp.Or(c.Region, "no region") + ")"
}

// clustersOf returns the clusters that fit a stage, the best first: with all
// words of the stage's name, then with the repository's name, then with the
// most services.
func (i *inference) clustersOf(stage string, r rank) []ECSCluster {
	_, repository, _ := strings.Cut(i.facts.Repository, "/")
	score := func(c ECSCluster) int {
		points := 0
		if containsAll(tokens(c.Name), tokens(stage)) {
			points += 2
		}
		if containsAll(tokens(c.Name), tokens(repository)) {
			points++
		}
		return points
	}
	var fitting []ECSCluster
	for _, c := range i.facts.Clusters {
		if i.fits(c.Name, stage, r) {
			fitting = append(fitting, c)
		}
	}
	slices.SortStableFunc(fitting, func(a, b ECSCluster) int {
		return cmp.Or(
			cmp.Compare(score(b), score(a)),
			cmp.Compare(len(b.Services), len(a.Services)),
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Region, b.Region),
		)
	})
	return fitting
}

// fits reports whether the name of a cluster or service speaks of a stage: with
// its words, or with another word of its rank where no other stage owns that.
func (i *inference) fits(name, stage string, r rank) bool {
	if containsAll(tokens(name), tokens(stage)) {
		return true
	}
	return r != unknownRank && rankOf(name) == r && !slices.ContainsFunc(i.found, func(other candidate) bool {
		return containsAll(tokens(name), tokens(other.name))
	})
}

func containsAll(all, some []string) bool {
	return len(some) > 0 && !slices.ContainsFunc(some, func(word string) bool { return !slices.Contains(all, word) })
}

// sharedCluster finds the cluster without a stage in its name that runs a
// stage's services beside those of others: orders-staging, orders-production.
func (i *inference) sharedCluster(stage string, r rank) (ECSCluster, []string) {
	var chosen ECSCluster
	var services []string
	for _, c := range i.facts.Clusters {
		if rankOf(c.Name) != unknownRank {
			continue
		}
		var own []string
		for _, s := range c.Services {
			if i.fits(s, stage, r) {
				own = append(own, s)
			}
		}
		if len(own) > len(services) {
			chosen, services = c, own
		}
	}
	return chosen, services
}

// servicesOf lists services by the short names that people use: those of ECS
// without the cluster's name and the stage's, where they stay distinct.
func servicesOf(c ECSCluster, inECS []string) []pipeline.Service {
	names := slices.Compact(slices.Sorted(slices.Values(inECS)))
	names = slices.DeleteFunc(names, func(n string) bool { return !serviceForm.MatchString(n) })
	short := map[string]string{}
	taken := map[string]int{}
	for _, n := range names {
		short[n] = shortServiceName(n, c.Name)
		taken[short[n]]++
	}
	var services []pipeline.Service
	for _, n := range names {
		service := pipeline.Service{Name: n}
		if s := short[n]; taken[s] == 1 && !slices.Contains(names, s) {
			service = pipeline.Service{Name: s, ECSName: n}
		}
		services = append(services, service)
	}
	slices.SortFunc(services, func(a, b pipeline.Service) int { return strings.Compare(a.Name, b.Name) })
	return services
}

// shortServiceName takes the cluster's name or a stage's word off a service's.
func shortServiceName(service, cluster string) string {
	if rest, found := strings.CutPrefix(service, cluster+"-"); found && serviceForm.MatchString(rest) {
		return rest
	}
	parts := strings.Split(service, "-")
	kept := slices.DeleteFunc(slices.Clone(parts), func(part string) bool {
		r := rankOf(part)
		return r == rankOf(service) && r != unknownRank
	})
	if rest := strings.Join(kept, "-"); serviceForm.MatchString(rest) && strings.Trim(rest, "-") != "" {
		return rest
	}
	return service
}
