package environments

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// unresolve is the inverse of resolve: the shortest file that means the
// configuration.
func unresolve(c pipeline.Configuration) document {
	file := document{
		Version:  1,
		Defaults: defaults{Environment: name(c.Default)},
		Workflows: workflows{
			CI:         workflowFile(c.Workflows.CI),
			Staging:    workflowFile(c.Workflows.Staging),
			Production: workflowFile(c.Workflows.Production),
			Rollback:   workflowFile(c.Workflows.Rollback),
		},
		Policy: policy{
			FourEyes:        fourEyes(cmp.Or(c.Policy.FourEyes, defaultFourEyes)),
			DirectAWSWrites: c.Policy.DirectAWSWrites,
			Metrics:         metricsMode(cmp.Or(c.Policy.Metrics, defaultMetrics)),
			MaxApprovalAge:  positivePeriod(cmp.Or(c.Policy.MaxApprovalAge, defaultMaxApprovalAge)),
			Hotfix:          typed[text](c.Policy.Hotfix),
			Holds:           holds{Max: positivePeriod(c.Policy.MaxHold)},
			RecordCopy:      recordCopy(c.Policy.RecordCopy),
		},
	}
	for _, f := range c.Policy.Freezes {
		file.Policy.Freezes = append(file.Policy.Freezes, freeze{From: moment(f.From), Until: moment(f.Until), Reason: text(f.Reason)})
	}
	for _, e := range c.Environments {
		file.Environments = append(file.Environments, unresolveEnvironment(e))
	}
	for service, where := range c.Repositories {
		if file.Repositories == nil {
			file.Repositories = map[name]repository{}
		}
		file.Repositories[name(service)] = repository(where)
	}
	return file
}

func unresolveEnvironment(e pipeline.Environment) stage {
	s := stage{
		Name:              name(e.Name),
		GitHubEnvironment: environmentName(e.GitHubEnvironment),
		GateEnvironment:   environmentName(e.GateEnvironment),
		DeployEnvironment: environmentName(e.DeployEnvironment),
		After:             name(e.After),
		Production:        e.Production,
		Branches:          typed[refPattern](e.Branches),
		Tags:              typed[refPattern](e.Tags),
		Workflow:          workflowFile(e.Workflow),
		Soak:              nonNegativePeriod(e.Soak),
		Terraform:         filePath(e.Terraform),
		EnvFile:           filePath(e.EnvFile),
		Health: health{
			URL:     urlTemplate(sharedURL(e.Services, func(s pipeline.Service) string { return s.HealthURL })),
			Version: urlTemplate(sharedURL(e.Services, func(s pipeline.Service) string { return s.VersionURL })),
			Smoke:   typed[urlPath](sharedPaths(e.Services)),
		},
		Database: database{
			Instance:         databaseName(e.Database.Instance),
			MigrationService: serviceName(e.Database.MigrationService),
			MigrationCommand: typed[text](e.Database.MigrationCommand),
		},
	}
	if e.GateEnvironment == "" && e.DeployEnvironment == e.GitHubEnvironment {
		s.DeployEnvironment = "" // the default
	}
	if len(e.Clusters) == 1 {
		c := e.Clusters[0]
		s.Cluster = clusterName(c.Name)
		s.AWS = identity{Region: region(c.Region), Profile: text(c.Profile), Role: roleName(c.Role)}
	} else {
		for _, c := range e.Clusters {
			s.Clusters = append(s.Clusters, cluster{clusterName(c.Name), region(c.Region), text(c.Profile), roleName(c.Role)})
		}
	}
	for _, running := range e.Services {
		s.Services = append(s.Services, unresolveService(running, s.Health))
	}
	return s
}

// unresolveService writes out what the stage's own addresses do not give.
func unresolveService(s pipeline.Service, h health) service {
	plain := service{
		Name:      serviceName(s.Name),
		ECSName:   serviceName(s.ECSName),
		Cluster:   clusterName(s.Cluster),
		LogGroups: typed[logGroup](s.LogGroups),
		Alarms:    typed[alarmSelector](s.Alarms),
	}
	given := resolveService(plain, h)
	if own := optionalURL(s.HealthURL); s.HealthURL != given.HealthURL {
		plain.HealthURL = &own
	}
	if own := optionalURL(s.VersionURL); s.VersionURL != given.VersionURL {
		plain.VersionURL = &own
	}
	if !slices.Equal(s.SmokePaths, given.SmokePaths) {
		own := typed[urlPath](s.SmokePaths)
		plain.SmokePaths = &own
	}
	return plain
}

// sharedURL returns the template that gives the first service its address;
// services to which it gives another one write theirs out.
func sharedURL(services []pipeline.Service, address func(pipeline.Service) string) string {
	first := slices.IndexFunc(services, func(s pipeline.Service) bool { return address(s) != "" })
	if first < 0 {
		return ""
	}
	literal := address(services[first])
	word := regexp.MustCompile(`\b` + regexp.QuoteMeta(services[first].Name) + `\b`)
	template := word.ReplaceAllLiteralString(literal, servicePlaceholder)
	if checkURL(template) != nil {
		return literal
	}
	return template
}

// sharedPaths returns the smoke paths of the stage, where all services have
// the same.
func sharedPaths(services []pipeline.Service) []string {
	for _, s := range services {
		if !slices.Equal(s.SmokePaths, services[0].SmokePaths) {
			return nil
		}
	}
	if len(services) == 0 {
		return nil
	}
	return services[0].SmokePaths
}

// typed is the inverse of words.
func typed[T ~string](plain []string) []T {
	var list []T
	for _, item := range plain {
		list = append(list, T(item))
	}
	return list
}

// periodText writes a duration without the zeros behind it: 24h, not 24h0m0s.
func periodText(nanoseconds int64) string {
	full := time.Duration(nanoseconds).String()
	if short, found := strings.CutSuffix(full, "m0s"); found {
		full = short + "m"
	}
	if short, found := strings.CutSuffix(full, "h0m"); found {
		full = short + "h"
	}
	return full
}

func (v moment) text() string { return time.Time(v).UTC().Format(time.RFC3339Nano) }

func sortedKeys(table reflect.Value) []reflect.Value {
	return slices.SortedFunc(slices.Values(table.MapKeys()), func(a, b reflect.Value) int {
		return strings.Compare(a.String(), b.String())
	})
}
