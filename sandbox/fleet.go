package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// The fleet is what a company of many teams has beside the shop: nine clusters,
// four of them in the shop's account and five in another account and region.
// Its services stand still until somebody asks ECS for something.
var fleetClusters = []string{"billing", "fulfilment", "identity", "inventory", "logistics", "marketing", "merchants", "pricing", "search"}

// fleetAtHome is how many of the clusters are in the shop's account.
const fleetAtHome = 4

// pastOfFleet is how many runs the repository has behind it.
const pastOfFleet = 2000

// fleetSize is how many services the fleet and the shop have together.
const fleetSize = 500

var (
	fleetSubjects = []string{"accounts", "audit", "batches", "events", "exports", "imports", "ledger", "quotas", "reports", "rules", "sessions"}
	fleetKinds    = []string{"api", "admin", "worker", "cron", "sync"}
)

// The second account. Its names are as long as the shop's own, so that it can be
// served by the same code: in what it is asked and what it answers one name
// stands for the other, whatever the protocol.
const (
	abroadRegion  = "ca-central-1"
	abroadAccount = "210987654321"
	abroadRole    = "arn:aws:iam::" + abroadAccount + ":role/deployctl-read"
)

// foundFleet adds the clusters, services, tasks and log groups, as they are
// after weeks in which nothing happened to them.
func (w *World) foundFleet() {
	w.abroad = &World{
		now: w.now, start: w.start, speed: w.speed, seed: w.seed + 1, random: rand.New(rand.NewPCG(w.seed, 0xab)), ids: firstIDs(),
		Hub: w.Hub, Cloud: &Cloud{TaskDefinitions: map[string][]*TaskDefinition{}, Images: w.Cloud.Images, LifecyclePolicy: w.Cloud.LifecyclePolicy, Buckets: map[string]*Bucket{}},
	}
	w.abroad.plan(w.now.Add(time.Second), w.abroad.chatter)
	commit := w.Hub.Repository.resolve("heads/main")
	for i, name := range fleetClusters {
		world := w
		if i >= fleetAtHome {
			world = w.abroad
		}
		cluster := &Cluster{Name: name, ARN: arn("ecs", "cluster/"+name), Environment: "production", fleet: true}
		world.Cloud.Clusters = append(world.Cloud.Clusters, cluster)
		for n := range fleetServicesOf(i) {
			world.foundFleetService(cluster, n, commit)
		}
	}
}

// fleetServicesOf is how many services the ith cluster has.
func fleetServicesOf(i int) int {
	all := fleetSize - len(services)
	return (all + i) / len(fleetClusters)
}

// fleetService names the nth service of a cluster: its team, what it is about,
// and what kind of program it is.
func fleetService(cluster string, n int) (name, subject, kind string) {
	subject, kind = fleetSubjects[n%len(fleetSubjects)], fleetKinds[n/len(fleetSubjects)%len(fleetKinds)]
	return cluster + "-" + subject + "-" + kind, subject, kind
}

// foundFleetService adds the nth service of a fleet's cluster, with two tasks
// that have run for days; one service in eighty has lost one of them.
func (w *World) foundFleetService(cluster *Cluster, n int, commit *Commit) {
	name, subject, kind := fleetService(cluster.Name, n)
	born := w.start.Add(-time.Duration(2+hashing(name)%40) * day)
	digest := w.fleetImage()
	definition := &TaskDefinition{
		Family: name, Revision: 1 + int(hashing(name, "revision")%60), Status: "ACTIVE", Registered: born,
		Container: "app", CPU: "512", Memory: "1024", Port: 8000,
		Image:       fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/shop/orders@%s", Account, Region, digest),
		Environment: []Pair{{"APP_VERSION", "v3." + fmt.Sprint(hashing(name)%40) + ".0"}, {"GIT_SHA", commit.SHA}, {"ENVIRONMENT", "production"}},
		LogGroup:    "/ecs/" + cluster.Name + "/" + subject, LogPrefix: "app",
	}
	if kind != "api" && kind != "admin" {
		definition.LogGroup += "-jobs"
	}
	definition.ARN = arn("ecs", fmt.Sprintf("task-definition/%s:%d", name, definition.Revision))
	w.Cloud.TaskDefinitions[name] = []*TaskDefinition{definition}
	s := &Service{
		Name: name, ARN: arn("ecs", "service/"+cluster.Name+"/"+name), Cluster: cluster, Status: "ACTIVE",
		Desired: 2, Created: born, LogGroup: w.fleetLogGroup(definition.LogGroup, born), MinHealthy: 100, MaxPercent: 200, MinCapacity: 2, MaxCapacity: 6,
	}
	s.TargetGroup = &TargetGroup{
		Name: name, Port: 8000, HealthPath: "/health", Service: s,
		ARN:         arn("elasticloadbalancing", fmt.Sprintf("targetgroup/%.32s/%016x", name, hashing(name))),
		ListenerARN: arn("elasticloadbalancing", "listener/app/"+cluster.Name+"/50dc6c495c0c9188/f2f7dc8efc522ab2"),
	}
	w.Cloud.TargetGroups = append(w.Cloud.TargetGroups, s.TargetGroup)
	cluster.Services = append(cluster.Services, s)
	d := w.newServiceDeployment(s, nil, w.newRevision(s, definition))
	w.finishDeployment(d, DeploymentSuccessful, "")
	d.Created, d.Started, d.Traffic, d.Updated, d.Finished, d.Target.Created = born, born, born, born, born, born
	w.serviceEvent(s, "has reached a steady state.")
	for i := range s.Desired {
		t := w.newTask(cluster, definition)
		t.Service, t.Deployment, t.Revision, t.StartedBy, t.Created, t.Started, t.Digest = s, d, d.Target, d.ClassicID, born, born, digest
		t.Status, t.Health, t.Target = "RUNNING", "HEALTHY", "healthy"
		if i == 1 && hashing(name)%80 == 7 {
			w.losesTask(t)
		}
		s.Tasks = append(s.Tasks, t)
	}
}

// losesTask lets a task have run out of memory a while ago, with nothing in its
// place yet.
func (w *World) losesTask(t *Task) {
	code := 137
	t.Status, t.Desired, t.Target, t.Health, t.Exit = "STOPPED", "STOPPED", "unused", "UNKNOWN", &code
	t.Stopping, t.Stopped = w.now.Add(-10*time.Minute), w.now.Add(-10*time.Minute)
	t.StopCode, t.StopReason = "EssentialContainerExited", "Essential container in task exited"
	w.serviceEvent(t.Service, "was unable to place a task because no container instance met all of its requirements.")
}

// fleetImage is the image that the fleet runs: one that the registry has.
func (w *World) fleetImage() string {
	images := w.Cloud.Images["shop/orders"]
	return images[len(images)-1].Digest
}

func (w *World) fleetLogGroup(name string, at time.Time) *LogGroup {
	if g := w.Cloud.LogGroup(name); g != nil {
		return g
	}
	g := &LogGroup{Name: name, ARN: arn("logs", "log-group:"+name), Created: at, Retention: 30}
	w.Cloud.LogGroups = append(w.Cloud.LogGroups, g)
	return g
}

// fleetKnows is the configuration of acme/shop with the whole fleet in
// production.
func fleetKnows(config string) string {
	var b strings.Builder
	b.WriteString("    clusters:\n      - {name: shop-production, region: " + Region + "}\n")
	for i, name := range fleetClusters {
		where := "region: " + Region
		if i >= fleetAtHome {
			where = "region: " + abroadRegion + ", role: \"" + abroadRole + "\""
		}
		b.WriteString("      - {name: " + name + ", " + where + "}\n")
	}
	b.WriteString("    services:\n")
	for _, s := range services {
		b.WriteString("      - {name: " + s.name + ", cluster: shop-production}\n")
	}
	for i, cluster := range fleetClusters {
		for n := range fleetServicesOf(i) {
			name, _, _ := fleetService(cluster, n)
			b.WriteString("      - {name: " + name + ", cluster: " + cluster + "}\n")
		}
	}
	shop := "    cluster: shop-production\n    services: [api-gateway, catalog, notifications, orders, payments, users]\n"
	return strings.Replace(config, shop, b.String(), 1)
}

// foundPast puts earlier checks before the first run, as many as make total
// runs: what a busy repository has behind it. They are the known ones again,
// moved into the past.
func (w *World) foundPast(total int) {
	var checks []*Run
	for _, r := range w.Hub.Runs {
		if r.Workflow.File() == "ci.yml" && r.Attempt().Status == "completed" {
			checks = append(checks, r)
		}
	}
	if len(checks) == 0 {
		return
	}
	var older []*Run
	span := w.start.Sub(checks[0].Created)
	for n := total - len(w.Hub.Runs); n > 0; n-- {
		from := checks[len(checks)-1-n%len(checks)]
		older = append(older, from.before(time.Duration(n/len(checks)+1)*span, int64(n)))
	}
	w.Hub.Runs = append(older, w.Hub.Runs...)
}

// before is the run again, so much earlier, with ids of its own.
func (r *Run) before(earlier time.Duration, n int64) *Run {
	again, attempt := *r, *r.Attempt()
	back := func(at *time.Time) {
		if !at.IsZero() {
			*at = at.Add(-earlier)
		}
	}
	again.ID, again.Number = r.ID-n*1_000, max(1, 1040-int(n)%1039)
	attempt.Number = 1
	for _, at := range []*time.Time{&again.Created, &again.Updated, &attempt.Started, &attempt.Updated} {
		back(at)
	}
	attempt.Jobs = nil
	for _, j := range r.Attempt().Jobs {
		job := *j
		job.ID, job.Run, job.Attempt, job.Steps = j.ID-n*10_000, &again, 1, nil
		for _, at := range []*time.Time{&job.Created, &job.Started, &job.Completed} {
			back(at)
		}
		for _, s := range j.Steps {
			step := *s
			step.Output = nil
			back(&step.Started)
			back(&step.Completed)
			job.Steps = append(job.Steps, &step)
		}
		attempt.Jobs = append(attempt.Jobs, &job)
	}
	again.Attempts, again.Reviews = []*Attempt{&attempt}, nil
	return &again
}

// regionOf is the region that a request to AWS was signed for; empty where it
// was not signed.
func regionOf(r *http.Request) string {
	credential, err := signedCredential(r)
	if err != nil {
		return ""
	}
	if scope := credentialScope.FindStringSubmatch(credential); scope != nil {
		return scope[2]
	}
	return ""
}

// serveAbroad answers for the second account: what it is asked is put into the
// first one's names, and what it answers into its own.
func (a *awsAPI) serveAbroad(w http.ResponseWriter, r *http.Request) {
	body, err := readAWSBody(r)
	if err != nil {
		refuseAWS(w, r, asAWSError(err))
		return
	}
	body = bytes.ReplaceAll(body, []byte(abroadRegion), []byte(Region))
	body = bytes.ReplaceAll(body, []byte(abroadAccount), []byte(Account))
	r.Header.Del("Content-Encoding")
	r.Body = io.NopCloser(bytes.NewReader(body))
	a.serve(abroadWriter{w}, r)
}

// abroadWriter puts answers into the second account's names.
type abroadWriter struct{ http.ResponseWriter }

// Write translates a part of the body; the names are never cut in two, because
// answers are written whole.
func (w abroadWriter) Write(p []byte) (int, error) {
	out := bytes.ReplaceAll(p, []byte(Region), []byte(abroadRegion))
	out = bytes.ReplaceAll(out, []byte(Account), []byte(abroadAccount))
	return w.ResponseWriter.Write(out)
}
