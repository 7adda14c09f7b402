package sandbox

import (
	"embed"
	"io/fs"
	"math/rand/v2"
	"strings"
	"time"
)

//go:embed all:repository
var repositoryFiles embed.FS

// origin is how long before the start the world's memory begins.
const origin = 78 * day

// newWorld makes a scenario's world: it begins in the past with one release
// everywhere, and lives through the history at its natural speed.
func newWorld(options Options, now time.Time) (*World, error) {
	chosen, err := scenarioNamed(options.Scenario)
	if err != nil {
		return nil, err
	}
	w := &World{
		now: now.Add(-origin), start: now, speed: 1, seed: options.Seed, logRate: options.LogRate,
		random: rand.New(rand.NewPCG(options.Seed, 0x5b0c5)), ids: firstIDs(),
		broken: map[string]bool{}, unlucky: map[string]bool{}, parsed: map[string]*workflowFile{}, scenario: chosen,
	}
	w.Hub = newHub(w.now)
	w.Cloud = newCloud(w.now)
	if err := w.foundRepository(options.Files); err != nil {
		return nil, err
	}
	w.foundServices()
	w.planHistory(options.Young)
	chosen.prepare(w)
	logs := 30 * time.Minute // how far back they reach without a gap
	if options.Young {
		logs = 12 * time.Minute
	}
	w.plan(now.Add(-logs), w.chatter)
	w.plan(now.Add(-30*time.Minute), w.beat)
	w.advance(now)
	w.speed, w.external = options.Speed, options.Runner == External
	if chosen.fleet {
		w.foundPast(pastOfFleet)
		w.foundFleet()
	}
	if chosen.neighbours > 0 {
		if err := w.foundNeighbours(chosen.neighbours); err != nil {
			return nil, err
		}
	}
	if chosen.finish != nil {
		chosen.finish(w)
	}
	return w, nil
}

// planHistory plans the releases that every scenario has behind it, with the
// logs around the faulty one and the one that is live; of a young world's past
// the last one alone, to which there is a way back.
func (w *World) planHistory(young bool) {
	if young {
		w.live(releases[len(releases)-1])
		return
	}
	for _, p := range releases {
		w.live(p)
	}
	w.sketch(w.start.Add(-releaseAge("v1.41.2")+20*time.Minute), 80*time.Minute)
	w.sketch(w.start.Add(-releaseAge("v1.41.3")+20*time.Minute), 50*time.Minute)
}

// firstIDs are where the counters begin, so that ids look like real ones.
func firstIDs() map[string]int64 {
	return map[string]int64{
		"run": 11_820_400_100, "job": 33_010_200_500, "suite": 30_500_100_000, "github-deployment": 9000,
		"deployment-status": 21_000, "environment": 4100, "release": 71_000, "pull": 340, "workflow": 8800,
		"revision": 4_401_700_000_000, "classic": 7_300_100_000_000, "blob": 1,
		"log-event": 38_000_000_000_000, "policy": 610, "review": 900,
	}
}

func newHub(at time.Time) *Hub {
	h := &Hub{
		Repository: &Repository{
			ID: 612_400_100, Owner: "acme", Name: "shop", Description: "Six Django services on Amazon ECS",
			DefaultBranch: "main", Created: at.Add(-400 * day), Pushed: at,
			Commits: map[string]*Commit{}, Trees: map[string]Tree{}, Blobs: map[string]string{}, Refs: map[string]string{},
		},
		Team:     &Team{ID: 501, Slug: "sre", Name: "SRE", Members: []string{"alice", "carol"}},
		Statuses: map[string][]*CommitStatus{},
	}
	for i, person := range []struct{ login, name, role string }{
		{"alice", "Alice Ahrens", "admin"},
		{"bob", "Bob Bakker", "maintain"},
		{"carol", "Carol Costa", "write"},
		{"dave", "Dave Duarte", "write"},
		{"erin", "Erin Eklund", "read"},
	} {
		h.Users = append(h.Users, &User{ID: int64(1001 + i), Login: person.login, Name: person.name, Email: person.login + "@acme.example", Role: person.role})
	}
	h.Users = append(h.Users, &User{ID: 41898282, Login: "github-actions[bot]", Name: "github-actions[bot]", Email: "41898282+github-actions[bot]@users.noreply.github.com", Role: "write", Bot: true})
	h.Environments = []*Environment{
		{ID: 4001, Name: "staging", Created: at, Policies: []BranchPolicy{{601, "develop", "branch"}, {602, "main", "branch"}}, AdminBypass: true},
		{
			ID: 4002, Name: "production", Created: at, Reviewers: []string{"alice", "bob", "team:sre"}, NoSelfReview: true, WaitTimer: 5,
			Policies: []BranchPolicy{{603, "main", "branch"}, {604, "v*", "tag"}},
		},
		{ID: 4003, Name: "production-deploy", Created: at, Policies: []BranchPolicy{{605, "main", "branch"}, {606, "v*", "tag"}}, AdminBypass: true},
	}
	for _, name := range []string{"AWS_ROLE_ARN", "SLACK_WEBHOOK_URL"} {
		h.Secrets = append(h.Secrets, &Secret{Name: name, Created: at, Updated: at})
	}
	h.Variables = []*Variable{{Name: "AWS_REGION", Value: Region, Created: at, Updated: at}}
	for _, name := range []string{"DATABASE_URL", "JWT_SIGNING_KEY", "SECRET_KEY"} {
		h.Environments[2].Secrets = append(h.Environments[2].Secrets, &Secret{Name: name, Created: at, Updated: at})
	}
	h.Environments[2].Variables = []*Variable{{Name: "LOG_LEVEL", Value: "INFO", Created: at, Updated: at}}
	return h
}

// foundRepository commits the embedded files, the generated services and the
// overlay, and lists the workflows found among them.
func (w *World) foundRepository(overlay fs.FS) error {
	content := map[string]string{}
	embedded, err := fs.Sub(repositoryFiles, "repository")
	if err != nil {
		return err
	}
	for _, from := range []fs.FS{embedded, overlay} {
		if from == nil {
			continue
		}
		if err := readFiles(from, content); err != nil {
			return err
		}
	}
	for _, s := range services {
		serviceFiles(s.name, content)
	}
	if w.scenario.direct {
		content[".github/deployctl.yml"] = strings.Replace(content[".github/deployctl.yml"], "direct_aws_writes: false", "direct_aws_writes: true", 1)
	}
	if w.scenario.fleet {
		content[".github/deployctl.yml"] = fleetKnows(content[".github/deployctl.yml"])
	}
	if w.scenario.neighbours > 0 {
		content[".github/deployctl.yml"] += neighboursKnow(w.scenario)
	}
	if err := w.firstCommit(content, "Import the shop"); err != nil {
		return err
	}
	refs := w.Hub.Repository.Refs
	refs["heads/develop"], refs["tags/v1.27.0"] = refs["heads/main"], refs["heads/main"]
	w.startNumbers()
	return nil
}

// startNumbers gives workflows the run numbers of a repository that is older
// than what is remembered of it.
func (w *World) startNumbers() {
	for file, number := range map[string]int{"ci.yml": 1040, "cd-staging.yml": 296, "cd-production.yml": 192, "rollback.yml": 17} {
		if f := w.Hub.workflow(file); f != nil {
			f.runs = number
		}
	}
}

func readFiles(from fs.FS, into map[string]string) error {
	return fs.WalkDir(from, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(from, path)
		into[path] = string(data)
		return err
	})
}

// serviceFiles adds what every Django service has.
func serviceFiles(name string, into map[string]string) {
	root, module := "services/"+name+"/", moduleOf(name)
	for path, text := range map[string]string{
		"Dockerfile":            "FROM python:3.13-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install --no-cache-dir -r requirements.txt\nCOPY . .\nCMD [\"gunicorn\", \"" + module + ".wsgi\", \"--bind\", \"0.0.0.0:8000\"]\n",
		"requirements.txt":      "Django==5.1.3\ngunicorn==22.0.0\npsycopg[binary]==3.2.1\nredis==5.1.0\n",
		"manage.py":             "import os\nimport sys\n\nfrom django.core.management import execute_from_command_line\n\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"" + module + ".settings\")\nexecute_from_command_line(sys.argv)\n",
		module + "/__init__.py": "",
		module + "/wsgi.py":     "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n",
		module + "/views.py":    "\"\"\"The HTTP interface of " + name + ".\"\"\"\n\nfrom django.http import JsonResponse\n\n\ndef respond(request, **fields):\n    \"\"\"A JSON answer that carries the request's id.\"\"\"\n    return JsonResponse({\"request_id\": request.headers.get(\"X-Request-Id\"), **fields})\n",
		module + "/urls.py":     "from django.urls import path\n\nfrom " + module + " import health\n\nurlpatterns = [path(\"health\", health.health), path(\"ready\", health.ready), path(\"version\", health.version)]\n",
		module + "/settings.py": "import os\n\nSECRET_KEY = os.environ[\"SECRET_KEY\"]\nDEBUG = False\nALLOWED_HOSTS = [\"*\"]\nROOT_URLCONF = \"" + module + ".urls\"\nSECURE_HSTS_SECONDS = 31536000\n",
	} {
		if _, given := into[root+path]; !given {
			into[root+path] = text
		}
	}
}
