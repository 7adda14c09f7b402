package pipeline

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// titled matches a title that begins with a version: "Release v1.42.0: fix cart
// rounding", "Deploy v1.42.0 to production". A version further on in a sentence
// is one that the commit is about, not the one that it is.
var titled = regexp.MustCompile(`^(?i:chore(?:\([a-z]+\))?: ?)?(?i:(?:release|deploy|version) )?(v\d+(?:\.\d+)+(?:[-+][0-9A-Za-z.]+)?)\b`)

// versionLike matches a tag that names a version.
var versionLike = regexp.MustCompile(`^v?\d+(\.\d+)+`)

// index gathers what commits are called and which images were deployed of them.
func (d *deriving) index() {
	d.images, d.recorded, d.versions = map[string]string{}, map[string]string{}, map[string]string{}
	for _, c := range d.commits {
		if c.Tree != "" {
			d.byTree[c.Tree] = append(d.byTree[c.Tree], c.SHA)
		}
	}
	// Production is indexed last: where develop and main share a digest, the
	// release is known by its commit on main.
	for _, env := range d.config.Value.Environments {
		for _, dep := range slices.Backward(d.deployments[env.Name].Value) {
			if dep.Payload.Kind == "rollback" {
				continue
			}
			if dep.Payload.Version != "" {
				d.recorded[dep.SHA] = dep.Payload.Version
			}
			for _, t := range dep.Payload.Services {
				if t.Image != "" {
					d.images[t.Image] = dep.SHA
				}
			}
		}
	}
}

// version is the best name that a release has under any of its SHAs: a tag, the
// version that a deployment recorded, the one that the title of its commit or
// run begins with, and last a version that was only computed from date and
// commit.
func (d *deriving) version(sha string) string {
	if v, known := d.versions[sha]; known {
		return v
	}
	shas := []string{sha}
	for _, alias := range d.byTree[d.commits[sha].Tree] {
		if alias != sha {
			shas = append(shas, alias)
		}
	}
	slices.Sort(shas[1:]) // the commits come out of a map, and a name must not change by itself
	given := func(sha string) string {
		if v := d.recorded[sha]; !computed(v, sha) {
			return v
		}
		return ""
	}
	version := ""
	for _, name := range []func(string) string{d.tag, given, d.title, func(sha string) string { return d.recorded[sha] }} {
		for _, sha := range shas {
			if version == "" {
				version = name(sha)
			}
		}
	}
	d.versions[sha] = version
	return version
}

// computed reports whether a version was made of a commit's date and short SHA,
// for want of a tag.
func computed(version, sha string) bool {
	return len(sha) >= 7 && strings.HasSuffix(version, "-"+Short(sha))
}

// tag is the tag that names a commit's release: of several one with a GitHub
// release, then the longest, because v1 and v1.42 move on from v1.42.0.
func (d *deriving) tag(sha string) string {
	best, rank := "", 0
	for _, tag := range d.tags.Value[sha] {
		of := len(tag)
		if d.names(tag) {
			of += 1000
		}
		if _, published := d.published(tag); published {
			of += 500
		} else if !d.names(tag) {
			continue
		}
		if of > rank {
			best, rank = tag, of
		}
	}
	return best
}

// names reports whether a tag is of the kind that names releases: one that an
// environment deploys, or a version.
func (d *deriving) names(tag string) bool {
	if versionLike.MatchString(tag) {
		return true
	}
	return slices.ContainsFunc(d.config.Value.Environments, func(e Environment) bool {
		return slices.ContainsFunc(e.Tags, func(pattern string) bool {
			ok, err := path.Match(pattern, tag)
			return err == nil && ok
		})
	})
}

// published is the GitHub release of a tag. A draft is none yet.
func (d *deriving) published(tag string) (PublishedRelease, bool) {
	for _, r := range d.releases.Value {
		if r.Tag == tag && !r.Draft {
			return r, true
		}
	}
	return PublishedRelease{}, false
}

// title is the version that the title of a commit, or of a run of it, begins
// with, or the tag that a run is of.
func (d *deriving) title(sha string) string {
	if m := titled.FindStringSubmatch(d.commits[sha].Title); m != nil {
		return m[1]
	}
	for _, r := range d.allRuns() {
		if r.SHA != sha || !d.delivers(r.Workflow) {
			continue
		}
		for _, text := range []string{r.Branch, r.Title} {
			if m := titled.FindStringSubmatch(text); m != nil {
				return m[1]
			}
		}
	}
	return ""
}

// tagged are the tags of each commit.
func tagged(refs []Ref) map[string][]string {
	out := map[string][]string{}
	for _, r := range refs {
		if r.Tag {
			out[r.SHA] = append(out[r.SHA], r.Name)
		}
	}
	return out
}
