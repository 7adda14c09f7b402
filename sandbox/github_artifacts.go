package sandbox

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/rhysd/actionlint"
)

var artifactRoutes = []route{
	{"GET " + inRepository + "/actions/runs/{run}/artifacts", "read", withRun(listArtifacts)},
	{"GET " + inRepository + "/actions/artifacts", "read", listAllArtifacts},
	{"GET " + inRepository + "/actions/artifacts/{artifact}", "read", withArtifact(func(c *call, a artifact) reply { return ok(c.artifactJSON(a)) })},
	{"GET " + inRepository + "/actions/artifacts/{artifact}/{format}", "read", withArtifact(redirectToArtifact)},
}

// artifact is what a step of actions/upload-artifact left behind.
type artifact struct {
	id      int64
	name    string
	job     *Job
	step    *Step
	expires time.Time
}

// stepsPerJob is how many artifacts of one job have ids of their own.
const stepsPerJob = 100

// artifacts are what the steps of a job uploaded.
func (j *Job) artifacts() []artifact {
	var list []artifact
	for _, step := range j.Steps {
		if !strings.HasPrefix(step.Uses, "actions/upload-artifact@") || step.Conclusion != "success" {
			continue
		}
		days, err := strconv.Atoi(j.input(step, "retention-days"))
		if err != nil {
			days = 90
		}
		name := j.input(step, "name")
		if name == "" {
			name = "artifact"
		}
		list = append(list, artifact{
			id: j.ID*stepsPerJob + int64(step.Number), name: name, job: j, step: step, expires: step.Completed.Add(time.Duration(days) * day),
		})
	}
	return list
}

// input is what a step's `with` says, expanded; empty where it says nothing.
func (j *Job) input(step *Step, name string) string {
	if step.spec == nil {
		return ""
	}
	action, ok := step.spec.Exec.(*actionlint.ExecAction)
	if !ok || action.Inputs[name] == nil {
		return ""
	}
	return j.scope.expand(action.Inputs[name].Value.Value)
}

// artifacts are what all attempts of a run left behind.
func (r *Run) artifacts() []artifact {
	var list []artifact
	for _, a := range r.Attempts {
		for _, j := range a.Jobs {
			if j.Attempt == a.Number { // jobs that a later attempt took over were counted before
				list = append(list, j.artifacts()...)
			}
		}
	}
	return list
}

// archive is the artifact as a zip: one file for each path that was uploaded.
func (a artifact) archive() []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, line := range strings.Fields(a.job.input(a.step, "path")) {
		name := path.Base(strings.Trim(strings.NewReplacer("*", "", "!", "").Replace(line), "/"))
		if f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: a.step.Completed}); err == nil {
			_, _ = fmt.Fprintf(f, "%s of %s, attempt %d, at %s\n", a.name, a.job.Name, a.job.Attempt, a.job.Run.SHA)
		}
	}
	_ = z.Close()
	return out.Bytes()
}

func listArtifacts(c *call, r *Run) reply { return c.artifactsReply(r.artifacts()) }

func listAllArtifacts(c *call) reply {
	var all []artifact
	for i := len(c.w.Hub.Runs) - 1; i >= 0; i-- {
		all = append(all, c.w.Hub.Runs[i].artifacts()...)
	}
	return c.artifactsReply(all)
}

func (c *call) artifactsReply(all []artifact) reply {
	if name := c.r.URL.Query().Get("name"); name != "" {
		var of []artifact
		for _, a := range all {
			if a.name == name {
				of = append(of, a)
			}
		}
		all = of
	}
	part, header := page(c, all, 30, 100)
	return reply{status: 200, header: header, body: object{"total_count": len(all), "artifacts": collect(part, c.artifactJSON)}}
}

func (c *call) artifactJSON(a artifact) object {
	content := a.archive()
	sum := sha256.Sum256(content)
	return object{
		"id": a.id, "node_id": fmt.Sprintf("A_%d", a.id), "name": a.name, "size_in_bytes": len(content),
		"url": c.api("/actions/artifacts/%d", a.id), "archive_download_url": c.api("/actions/artifacts/%d/zip", a.id),
		"expired": !c.w.now.Before(a.expires), "digest": "sha256:" + hex.EncodeToString(sum[:]),
		"created_at": stamp(a.step.Completed), "updated_at": stamp(a.step.Completed), "expires_at": stamp(a.expires),
		"workflow_run": object{"id": a.job.Run.ID, "head_branch": a.job.Run.Branch, "head_sha": a.job.Run.SHA, "repository_id": c.w.Hub.Repository.ID},
	}
}

func withArtifact(answer func(*call, artifact) reply) func(*call) reply {
	return func(c *call) reply {
		a, found := c.w.Hub.artifact(c.pathID("artifact"))
		if !found {
			return notFound()
		}
		return answer(c, a)
	}
}

// artifact finds an artifact by id.
func (h *Hub) artifact(id int64) (artifact, bool) {
	if j := h.job(id / stepsPerJob); j != nil {
		for _, a := range j.artifacts() {
			if a.id == id {
				return a, true
			}
		}
	}
	return artifact{}, false
}

// redirectToArtifact leads to the archive, which GitHub keeps elsewhere, unless
// it has deleted it.
func redirectToArtifact(c *call, a artifact) reply {
	switch {
	case c.r.PathValue("format") != "zip":
		return notFound()
	case !c.w.now.Before(a.expires):
		return refusal(http.StatusGone, "Artifact has expired")
	}
	return redirect(c.blobURL("/artifacts/%d", a.id))
}
