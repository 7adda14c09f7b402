package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// services are the six services, in deployment order, with how many tasks each
// has in production and on staging.
var services = []struct {
	name                string
	production, staging int
	requests            float64 // a second in production
	latency             float64 // median, milliseconds
}{
	{"api-gateway", 4, 2, 42, 18},
	{"catalog", 4, 2, 25, 32},
	{"notifications", 2, 1, 3, 41},
	{"orders", 6, 2, 18, 64},
	{"payments", 3, 1, 7, 120},
	{"users", 3, 1, 12, 26},
}

// build is what ci.yml made of a tree: one image per service. Commits with the
// same tree share a build, so that a merge commit promotes what develop built.
type build struct {
	tree    string
	version string
	commits []string // SHAs with this tree
	digests map[string]string
	fault   fault
	pushed  time.Time
}

// fault is what is wrong with a build, and how much of it is seen.
type fault struct {
	service   string
	signature string        // log message: "KeyError: 'sku'"
	after     time.Duration // from taking traffic to the first error
	ramp      time.Duration // from the first error to the peak
	peak      float64       // share of requests that fail
	crashes   bool          // its tasks exit as soon as they start
}

// buildOf finds the build of a commit; nil when ci has not built it.
func (w *World) buildOf(sha string) *build {
	for _, b := range w.builds {
		if slices.Contains(b.commits, sha) {
			return b
		}
	}
	return nil
}

// buildWith finds the build that an image belongs to; nil when unknown.
func (w *World) buildWith(service, digest string) *build {
	for _, b := range slices.Backward(w.builds) {
		if b.digests[service] == digest {
			return b
		}
	}
	return nil
}

// ensureBuild pushes the images of a commit's tree, tagged with its SHA; the
// same tree gives the same digests.
func (w *World) ensureBuild(c *Commit) *build {
	known := len(w.builds)
	b := w.buildOfTree(c)
	if len(w.builds) > known {
		for _, s := range services {
			w.storeImage(s.name, b)
		}
	}
	w.tagImages(b, c.SHA)
	return b
}

// buildOfTree finds the build of a commit's tree, or begins one whose images are
// not in the registry yet.
func (w *World) buildOfTree(c *Commit) *build {
	for _, b := range w.builds {
		if b.tree == c.TreeSHA {
			return b
		}
	}
	b := &build{tree: c.TreeSHA, digests: map[string]string{}, pushed: w.now, fault: w.faultIn(c)}
	for _, s := range services {
		b.digests[s.name] = w.digest("image", s.name, c.TreeSHA)
	}
	w.builds = append(w.builds, b)
	return b
}

// storeImage puts a service's image of a build into the registry.
func (w *World) storeImage(service string, b *build) *Image {
	repository := "shop/" + service
	image := &Image{
		Repository: repository, Digest: b.digests[service], Pushed: w.now, Size: 148<<20 + int64(len(b.tree)*len(service))<<12,
	}
	w.Cloud.Images[repository] = append(w.Cloud.Images[repository], image)
	return image
}

// faultIn finds the fault that a tree's code has: the faulty versions of
// some files are known, wherever they are committed.
func (w *World) faultIn(c *Commit) fault {
	if cart, _ := w.Hub.Repository.file(c, cartPath); strings.Contains(cart, `line["sku"]).price`) {
		return faultMissingSKU
	}
	if prices, _ := w.Hub.Repository.file(c, pricesPath); strings.Contains(prices, "timeout=None") {
		return faultStalePrices
	}
	if settings, _ := w.Hub.Repository.file(c, settingsPath); strings.Contains(settings, `os.environ["ACQUIRER_REGION"]`) {
		return faultNoRegion
	}
	settings, _ := w.Hub.Repository.file(c, sessionsPath)
	switch {
	case strings.Contains(settings, `"redis://sessions:6379`):
		return faultLostSessions
	case strings.Contains(settings, "CONN_MAX_AGE = None"):
		return faultKeptConnections
	}
	return fault{}
}

// tagImages gives the images of a build one more tag.
func (w *World) tagImages(b *build, tag string) {
	if strings.HasPrefix(tag, "v") {
		b.version = tag
	} else if !slices.Contains(b.commits, tag) {
		b.commits = append(b.commits, tag)
	}
	for service, digest := range b.digests {
		image := w.Cloud.Image("shop/"+service, digest)
		if image != nil && !slices.Contains(image.Tags, tag) {
			image.Tags = append(image.Tags, tag)
		}
	}
}

// versionOf is the tag at a commit, else its build's version, else the date and
// short SHA, which is what `step version` computes.
func (w *World) versionOf(c *Commit) string {
	for _, ref := range sortedKeys(w.Hub.Repository.Refs) {
		if tag, ok := strings.CutPrefix(ref, "tags/"); ok && w.Hub.Repository.Refs[ref] == c.SHA {
			return tag
		}
	}
	if b := w.buildOf(c.SHA); b != nil && b.version != "" {
		return b.version
	}
	return c.Committed.UTC().Format("2006.01.02") + "-" + c.SHA[:7]
}

// definition renders the task definition that runs an image of a service.
func (w *World) definition(cluster *Cluster, service, digest, version, sha string) *TaskDefinition {
	family := cluster.Name + "-" + service
	cpu, memory := "512", "1024"
	if service == "orders" || service == "api-gateway" {
		cpu, memory = "1024", "2048"
	}
	secret := func(name, path string) Pair {
		return Pair{name, w.secretARN(cluster.Name + "/" + path)}
	}
	return &TaskDefinition{
		Family: family, Container: "app", CPU: cpu, Memory: memory, Port: 8000,
		Image: fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/shop/%s@%s", Account, Region, service, digest),
		Environment: []Pair{
			{"APP_VERSION", version},
			{"GIT_SHA", sha},
			{"DJANGO_SETTINGS_MODULE", moduleOf(service) + ".settings"},
			{"ENVIRONMENT", cluster.Environment},
			{"DEBUG", "false"},
			{"GUNICORN_WORKERS", "3"},
			{"LOG_FORMAT", "text"},
		},
		Secrets:  []Pair{secret("DATABASE_URL", "database-url"), secret("SECRET_KEY", "secret-key"), secret("JWT_SIGNING_KEY", "jwt-signing-key")},
		Tags:     []Pair{{"deployctl:sha", sha}, {"deployctl:version", version}},
		LogGroup: "/ecs/" + cluster.Name + "/" + service, LogPrefix: "app",
	}
}

// moduleOf is a service's Python package.
func moduleOf(service string) string { return strings.ReplaceAll(service, "-", "_") }
