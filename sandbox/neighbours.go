package sandbox

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A neighbour is a small repository beside acme/shop, with workflows of its own
// and no place to deploy to. It has a World for itself, whose cloud is empty.
type neighbour struct {
	name, description string
	files             map[string]string
	changes           []string // titles of its commits, over and over
}

const neighbourCI = `name: CI
on:
  push:
  pull_request:
  workflow_dispatch:
    inputs:
      suite: {description: Which tests, type: choice, options: [all, unit, browser], default: all}
      retries: {description: How often a test may fail, type: number, default: 1}
jobs:
  test:
    name: Test (%[1]s)
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - name: Install
        run: %[2]s
      - name: Test
        run: %[3]s
      - uses: actions/upload-artifact@v4
        with: {name: test-report, path: report/junit.xml, retention-days: 14}
  lint:
    name: Lint
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: %[4]s
`

const neighbourPublish = `name: Publish
on:
  workflow_dispatch:
    inputs:
      channel: {description: Where to, type: choice, options: [next, latest], default: next, required: true}
      note: {description: What is new, type: string}
jobs:
  publish:
    name: Publish
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: %s
`

// neighbours are the repositories that have a face of their own.
var neighbours = []neighbour{
	{
		name: "web", description: "The shop's storefront",
		files: map[string]string{
			"README.md": "# web\n\nThe storefront.\n", "src/cart.ts": "export const total = 0\n",
			".github/workflows/ci.yml":      fmt.Sprintf(neighbourCI, "node 22", "npm ci", "npm test", "npm run lint"),
			".github/workflows/publish.yml": fmt.Sprintf(neighbourPublish, "npm publish"),
		},
		changes: []string{"Round totals half up", "Show the coupon in the cart", "Bump vite to 6.0.1", "Lazy-load product images", "Name the delivery window"},
	},
	{
		name: "infra", description: "Terraform modules that all teams share",
		files: map[string]string{
			"README.md": "# infra\n\nShared modules.\n", "modules/service/main.tf": "# a service\n",
			".github/workflows/ci.yml":      fmt.Sprintf(neighbourCI, "terraform 1.9", "terraform init", "terraform test", "terraform fmt -check"),
			".github/workflows/publish.yml": fmt.Sprintf(neighbourPublish, "./publish.sh"),
		},
		changes: []string{"Tag volumes with their owner", "Allow ARM tasks", "Pin the AWS provider to 5.80", "Drop the NAT gateway of staging"},
	},
}

// neighboursOf are as many repositories; those beyond the ones with a face of
// their own are teams' services.
func neighboursOf(n int) []neighbour {
	all := slices.Clone(neighbours[:min(n, len(neighbours))])
	for i := len(all); i < n; i++ {
		like := neighbours[i%len(neighbours)]
		like.name, like.description = fleetNeighbour(i), "A team's services"
		all = append(all, like)
	}
	return all
}

// fleetNeighbour names the repository of a team: that of a cluster, and of a
// subject where the clusters are all named.
func fleetNeighbour(i int) string {
	name := fleetClusters[i%len(fleetClusters)]
	if i >= len(fleetClusters) {
		name += "-" + fleetSubjects[i%len(fleetSubjects)]
	}
	return name
}

// neighboursKnow is what the configuration of acme/shop says of them: which
// service lives where.
func neighboursKnow(s *Scenario) string {
	known := "\nrepositories:\n  api-gateway: acme/web\n  notifications: acme/infra\n"
	for i := len(neighbours); i < s.neighbours; i++ {
		name := fleetNeighbour(i)
		cluster, _, _ := strings.Cut(name, "-")
		known += "  " + cluster + "-" + fleetSubjects[i%len(fleetSubjects)] + "-api: acme/" + name + "\n"
	}
	return known
}

// settle makes a neighbour's world: it lived ten days, and something moves in it
// now.
func (n neighbour) settle(beside *World, place int) (*World, error) {
	w := &World{
		now: beside.start.Add(-10 * day), start: beside.start, speed: 1, seed: beside.seed + uint64(place),
		random: rand.New(rand.NewPCG(beside.seed, hashing(n.name))), ids: firstIDs(),
		broken: map[string]bool{}, unlucky: map[string]bool{}, parsed: map[string]*workflowFile{}, scenario: beside.scenario,
	}
	for kind := range w.ids {
		w.ids[kind] += int64(place) * 1_000_000
	}
	w.Hub = newHub(w.now)
	w.Cloud = newCloud(w.now)
	w.Hub.Environments, w.Hub.Secrets = nil, nil
	r := w.Hub.Repository
	r.ID, r.Name, r.Description = r.ID+int64(place), n.name, n.description
	if err := w.firstCommit(n.files, "Begin"); err != nil {
		return nil, err
	}
	for at, i := w.now.Add(3*time.Hour), 0; at.Before(beside.start); at, i = at.Add(5*time.Hour+time.Duration(i%7)*41*time.Minute), i+1 {
		w.plan(at, func() { w.change(n.changes[i%len(n.changes)], i, i%6 == 4) })
	}
	w.plan(beside.start.Add(-40*time.Second), func() { w.change(n.changes[0]+" again", 1000, false) })
	return w, nil
}

// change pushes a commit to main; a broken one fails its tests.
func (w *World) change(title string, n int, broken bool) {
	r := w.Hub.Repository
	main := r.resolve("heads/main")
	files := map[string]string{}
	for path, blob := range main.Files {
		files[path] = blob
	}
	files["CHANGES.md"] = r.putBlob(fmt.Sprintf("%d: %s\n", n, title))
	by := w.Hub.Users[1+n%3]
	c := w.commit(files, []string{main.SHA}, by, title)
	w.broken[c.SHA] = broken
	w.push("refs/heads/main", c, by)
}

// firstCommit commits files to main and lists the workflows among them.
func (w *World) firstCommit(content map[string]string, message string) error {
	files := map[string]string{}
	r := w.Hub.Repository
	for path, text := range content {
		files[path] = r.putBlob(text)
	}
	first := w.commit(files, nil, w.Hub.user("alice"), message)
	r.Refs["heads/main"] = first.SHA
	for _, path := range sortedKeys(files) {
		if !strings.HasPrefix(path, ".github/workflows/") {
			continue
		}
		parsed, err := parseWorkflow(content[path])
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		w.parsed[files[path]] = parsed
		w.Hub.Workflows = append(w.Hub.Workflows, &Workflow{
			ID: w.nextID("workflow"), Name: parsed.name(path), Path: path, State: "active", Created: w.now, Updated: w.now,
		})
	}
	return nil
}

// foundNeighbours settles all of them beside a world, and lets them live up to
// its present.
func (w *World) foundNeighbours(count int) error {
	for i, n := range neighboursOf(count) {
		other, err := n.settle(w, i+1)
		if err != nil {
			return err
		}
		other.advance(w.start)
		other.speed = w.speed
		w.neighbours = append(w.neighbours, other)
	}
	return nil
}

// worldOf is the world that a request's repository is in; nil where there is
// none of that name. A request of no repository is for the world itself.
func (s *Sandbox) worldOf(r *http.Request) *World {
	owner, name := r.PathValue("owner"), r.PathValue("repo")
	for _, w := range s.worlds() {
		if owner == "" || strings.EqualFold(owner, w.Hub.Repository.Owner) && strings.EqualFold(name, w.Hub.Repository.Name) {
			return w
		}
	}
	return nil
}

// worlds are the world and its neighbours.
func (s *Sandbox) worlds() []*World { return append([]*World{s.world}, s.world.neighbours...) }
