package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var releaseRoutes = []route{
	{"GET " + inRepository + "/releases", "read", listReleases},
	{"GET " + inRepository + "/releases/latest", "read", latestRelease},
	{"GET " + inRepository + "/releases/tags/{tag}", "read", releaseByTag},
	{"GET " + inRepository + "/releases/{release}", "read", withRelease(func(c *call, r *Release) reply { return ok(c.releaseJSON(r)) })},
	{"POST " + inRepository + "/releases", "write", createRelease},
	{"POST " + inRepository + "/releases/generate-notes", "write", generateNotes},
	{"PATCH " + inRepository + "/releases/{release}", "write", withRelease(updateRelease)},
	{"DELETE " + inRepository + "/releases/{release}", "write", withRelease(deleteRelease)},
}

func withRelease(answer func(*call, *Release) reply) func(*call) reply {
	return func(c *call) reply {
		for _, r := range c.w.Hub.Releases {
			if r.ID == c.pathID("release") {
				return answer(c, r)
			}
		}
		return notFound()
	}
}

func (c *call) releaseJSON(r *Release) object {
	return object{
		"id": r.ID, "node_id": fmt.Sprintf("RE_%d", r.ID), "tag_name": r.Tag, "target_commitish": r.Target, "name": r.Name, "body": r.Body,
		"draft": r.Draft, "prerelease": r.Prerelease, "immutable": false, "author": c.userJSON(r.Author),
		"created_at": stamp(r.Created), "published_at": stamp(r.Published), "assets": []object{},
		"url": c.api("/releases/%d", r.ID), "html_url": c.web("/releases/tag/%s", r.Tag),
		"assets_url": c.api("/releases/%d/assets", r.ID), "upload_url": c.api("/releases/%d/assets{?name,label}", r.ID),
		"tarball_url": c.api("/tarball/%s", r.Tag), "zipball_url": c.api("/zipball/%s", r.Tag),
	}
}

// newestReleases lists releases newest first.
func (h *Hub) newestReleases() []*Release {
	list := slices.Clone(h.Releases)
	slices.Reverse(list)
	return list
}

func listReleases(c *call) reply {
	part, header := page(c, c.w.Hub.newestReleases(), 30, 100)
	return reply{status: 200, header: header, body: collect(part, c.releaseJSON)}
}

// latestRelease is the newest one, unless it was published to count by its
// version (make_latest: legacy) and another has a higher one.
func (h *Hub) latestRelease() (latest *Release) {
	for _, r := range h.newestReleases() {
		switch {
		case r.Draft || r.Prerelease:
		case latest == nil:
			latest = r
		case latest.ByVersion && higher(r.Tag, latest.Tag):
			latest = r
		}
	}
	return latest
}

// higher compares two versions such as v1.42.0 number by number.
func higher(a, b string) bool {
	as, bs := strings.Split(strings.TrimPrefix(a, "v"), "."), strings.Split(strings.TrimPrefix(b, "v"), ".")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.Atoi(as[i])
		y, errY := strconv.Atoi(bs[i])
		if errX != nil || errY != nil || x != y {
			return errX == nil && errY == nil && x > y
		}
	}
	return false
}

func latestRelease(c *call) reply {
	if r := c.w.Hub.latestRelease(); r != nil {
		return ok(c.releaseJSON(r))
	}
	return notFound()
}

func releaseByTag(c *call) reply {
	for _, r := range c.w.Hub.Releases {
		if r.Tag == c.r.PathValue("tag") && !r.Draft {
			return ok(c.releaseJSON(r))
		}
	}
	return notFound()
}

// createRelease files a release; a tag that does not exist is made at the
// target.
func createRelease(c *call) reply {
	tag := textOf(c.body["tag_name"])
	if tag == "" {
		return unprocessable("Invalid request.\n\n\"tag_name\" wasn't supplied.")
	}
	if slices.ContainsFunc(c.w.Hub.Releases, func(r *Release) bool { return r.Tag == tag && !r.Draft }) {
		return reply{status: 422, body: object{
			"message": "Validation Failed", "errors": []object{{"resource": "Release", "code": "already_exists", "field": "tag_name"}},
			"documentation_url": "https://docs.github.com/rest/releases/releases#create-a-release", "status": "422",
		}}
	}
	target := textOf(c.body["target_commitish"])
	if target == "" {
		target = c.w.Hub.Repository.DefaultBranch
	}
	commit := c.w.Hub.Repository.resolve("tags/" + tag)
	if commit == nil {
		commit = c.w.Hub.Repository.resolve(target)
	}
	if commit == nil {
		return unprocessable("Validation Failed: target_commitish is invalid")
	}
	r := &Release{
		ID: c.w.nextID("release"), Tag: tag, Target: target, Name: textOf(c.body["name"]), Body: textOf(c.body["body"]),
		Draft: truthy(c.body["draft"]), Prerelease: truthy(c.body["prerelease"]), Author: c.user, Created: c.w.now,
		ByVersion: textOf(c.body["make_latest"]) == "legacy",
	}
	if truthy(c.body["generate_release_notes"]) {
		r.Body = c.w.notes(tag, commit, "")
	}
	if r.Name == "" {
		r.Name = tag
	}
	if !r.Draft {
		c.publish(r, commit)
	}
	c.w.Hub.Releases = append(c.w.Hub.Releases, r)
	return created(c.releaseJSON(r))
}

func (c *call) publish(r *Release, commit *Commit) {
	r.Published = c.w.now
	if _, tagged := c.w.Hub.Repository.Refs["tags/"+r.Tag]; !tagged {
		c.move("tags/"+r.Tag, commit.SHA)
	}
}

func updateRelease(c *call, r *Release) reply {
	for name, field := range map[string]*string{"name": &r.Name, "body": &r.Body, "tag_name": &r.Tag, "target_commitish": &r.Target} {
		if value, given := c.body[name].(string); given {
			*field = value
		}
	}
	if value, given := c.body["prerelease"].(bool); given {
		r.Prerelease = value
	}
	if value, given := c.body["draft"].(bool); given {
		r.Draft = value
		if commit := c.w.Hub.Repository.resolve(r.Target); !value && r.Published.IsZero() && commit != nil {
			c.publish(r, commit)
		}
	}
	return ok(c.releaseJSON(r))
}

func deleteRelease(c *call, r *Release) reply {
	c.w.Hub.Releases = slices.DeleteFunc(c.w.Hub.Releases, func(other *Release) bool { return other == r })
	return nothing()
}

func generateNotes(c *call) reply {
	tag := textOf(c.body["tag_name"])
	if tag == "" {
		return unprocessable("Invalid request.\n\n\"tag_name\" wasn't supplied.")
	}
	r := c.w.Hub.Repository
	commit := r.resolve("tags/" + tag)
	if commit == nil {
		target := textOf(c.body["target_commitish"])
		if target == "" {
			target = r.DefaultBranch
		}
		commit = r.resolve(target)
	}
	if commit == nil {
		return notFound()
	}
	return ok(object{"name": tag, "body": c.w.notes(tag, commit, textOf(c.body["previous_tag_name"]))})
}
