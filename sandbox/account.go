package sandbox

import (
	"fmt"
	"time"
)

// newCloud makes the account with everything that exists before the first
// rollout: clusters, empty services, target groups, log groups and alarms.
func newCloud(at time.Time) *Cloud {
	c := &Cloud{
		TaskDefinitions: map[string][]*TaskDefinition{}, Images: map[string][]*Image{}, LifecyclePolicy: LifecyclePolicyKeeping(50),
		Buckets: map[string]*Bucket{"shop-backups": {Name: "shop-backups", Created: at, Objects: map[string]*Object{}}},
	}
	for _, environment := range []string{"staging", "production"} {
		name := "shop-" + environment
		cluster := &Cluster{Name: name, ARN: arn("ecs", "cluster/"+name), Environment: environment}
		c.Clusters = append(c.Clusters, cluster)
		for _, s := range services {
			tasks := s.production
			if environment == "staging" {
				tasks = s.staging
			}
			c.addService(cluster, s.name, tasks, at)
		}
		c.Databases = append(c.Databases, &Database{
			ID: name, ARN: arn("rds", "db:"+name), Engine: "postgres", Version: "16.4", Class: "db.r6g.large",
			Status: "available", Created: at.Add(-300 * day), SizeGiB: 200,
		})
		c.addSecrets(name, at)
	}
	return c
}

func (c *Cloud) addService(cluster *Cluster, name string, tasks int, at time.Time) {
	group := &LogGroup{Name: "/ecs/" + cluster.Name + "/" + name, Created: at.Add(-300 * day), Retention: 30}
	group.ARN = arn("logs", "log-group:"+group.Name)
	c.LogGroups = append(c.LogGroups, group)
	balancer := fmt.Sprintf("app/%s/%s", cluster.Name, "50dc6c495c0c9188")
	target := &TargetGroup{
		Name: cluster.Name + "-" + name, Port: 8000, HealthPath: "/health",
		ARN:         arn("elasticloadbalancing", fmt.Sprintf("targetgroup/%s-%s/%016x", cluster.Name, name, hashing(cluster.Name, name))),
		ListenerARN: arn("elasticloadbalancing", "listener/"+balancer+"/f2f7dc8efc522ab2"),
	}
	s := &Service{
		Name: name, ARN: arn("ecs", "service/"+cluster.Name+"/"+name), Cluster: cluster, Status: "ACTIVE",
		Desired: tasks, Created: at.Add(-300 * day), TargetGroup: target, LogGroup: group, MinHealthy: 100, MaxPercent: 200,
		MinCapacity: tasks, MaxCapacity: tasks * 3, Connects: name == "orders",
	}
	target.Service = s
	c.TargetGroups = append(c.TargetGroups, target)
	cluster.Services = append(cluster.Services, s)
	c.addAlarms(s, at)
}

// addAlarms gives a service its alarms; production's 5xx alarm also watches
// its deployments.
func (c *Cloud) addAlarms(s *Service, at time.Time) {
	rate := 1.0
	latency := 30.0
	for _, spec := range services {
		if spec.name == s.Name {
			rate, latency = spec.requests, spec.latency
		}
	}
	if s.Cluster.Environment == "staging" {
		rate /= 30
	}
	for _, a := range []*Alarm{
		{
			Name: s.Cluster.Name + "-" + s.Name + "-5xx", Metric: "HTTPCode_Target_5XX_Count", Namespace: "AWS/ApplicationELB", Statistic: "Sum",
			Threshold: max(10, rate*60*0.05), Description: "more than 5 % of the requests to " + s.Name + " fail", Period: 60, Evaluations: 1,
		},
		{
			Name: s.Cluster.Name + "-" + s.Name + "-latency", Metric: "TargetResponseTime", Namespace: "AWS/ApplicationELB", Statistic: "p95",
			Threshold: latency / 1000 * 5, Description: s.Name + " is slow", Period: 60, Evaluations: 2,
		},
	} {
		a.ARN = arn("cloudwatch", "alarm:"+a.Name)
		a.Environment, a.Service, a.Comparison = s.Cluster.Environment, s.Name, "GreaterThanThreshold"
		a.State, a.Updated, a.Reason = "OK", at, "Threshold not crossed"
		c.Alarms = append(c.Alarms, a)
		if s.Cluster.Environment == "production" && a.Metric == "HTTPCode_Target_5XX_Count" {
			s.Alarms = []string{a.Name}
		}
	}
}

func (c *Cloud) addSecrets(cluster string, at time.Time) {
	for _, name := range []string{"database-url", "secret-key", "jwt-signing-key"} {
		id := cluster + "/" + name
		c.Secrets = append(c.Secrets, &CloudSecret{Name: id, Created: at, Changed: at})
	}
	for _, p := range []Pair{{"log-level", "INFO"}, {"feature-flags", "{}"}} {
		c.Parameters = append(c.Parameters, &Parameter{
			Name: "/" + cluster + "/" + p.Name, ARN: arn("ssm", "parameter/"+cluster+"/"+p.Name), Type: "String", Value: p.Value, Version: 1, Changed: at,
		})
	}
}

// foundServices puts the first release everywhere: its images, a completed
// deployment of every service with healthy tasks, and its GitHub deployments.
func (w *World) foundServices() {
	first := w.Hub.Repository.resolve("heads/main")
	b := w.ensureBuild(first)
	w.tagImages(b, "v1.27.0")
	for _, cluster := range w.Cloud.Clusters {
		for _, secret := range w.Cloud.Secrets {
			if secret.ARN == "" {
				secret.ARN = w.secretARN(secret.Name)
			}
		}
		for _, s := range cluster.Services {
			w.foundService(s, b, first)
		}
		w.foundDeployment(cluster, first, b)
	}
	w.newRelease("v1.27.0", first, w.bot())
}

func (w *World) foundService(s *Service, b *build, c *Commit) {
	definition := w.RegisterTaskDefinition(w.definition(s.Cluster, s.Name, b.digests[s.Name], "v1.27.0", c.SHA))
	d := w.newServiceDeployment(s, nil, w.newRevision(s, definition))
	d.Started, d.Traffic = w.now, w.now
	for range s.Desired {
		t := w.newTask(s.Cluster, definition)
		t.Service, t.Deployment, t.Revision, t.StartedBy = s, d, d.Target, d.ClassicID
		t.Status, t.Started, t.Health, t.Target, t.Digest = "RUNNING", w.now, "HEALTHY", "healthy", b.digests[s.Name]
		s.Tasks = append(s.Tasks, t)
	}
	w.finishDeployment(d, DeploymentSuccessful, "")
	w.serviceEvent(s, "has reached a steady state.")
}

// foundDeployment files the rollout of the first release.
func (w *World) foundDeployment(cluster *Cluster, c *Commit, b *build) {
	o := &rollout{kind: "deploy", cluster: cluster, commit: c, version: "v1.27.0", digests: b.digests}
	run := &Run{Attempts: []*Attempt{{Number: 1}}}
	d := w.newDeployment("deployctl", cluster.Environment, "main", c.SHA, w.payload(run, o), w.bot())
	w.deploymentStatus(d, "success", "deploy v1.27.0 verified", w.bot())
}

// secretARN is a secret's ARN, with the six characters that AWS adds.
func (w *World) secretARN(name string) string {
	return arn("secretsmanager", "secret:"+name+"-"+w.hash40(name)[:6])
}
