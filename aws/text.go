package aws

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// text is a string of AWS made safe; empty where there is none.
func text[S ~string](s *S) string {
	if s == nil {
		return ""
	}
	return sanitise.Text(string(*s))
}

// texts makes every string safe.
func texts(all []string) []string {
	safe := make([]string, 0, len(all))
	for _, s := range all {
		safe = append(safe, sanitise.Text(s))
	}
	return safe
}

func textf(format string, v ...any) string { return sanitise.Text(fmt.Sprintf(format, v...)) }

// moment is a time of AWS; zero where there is none.
func moment(t *time.Time) time.Time { return awssdk.ToTime(t) }

var (
	fullSHA     = regexp.MustCompile(`^[0-9a-f]{40}$`)
	imageDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// parseImage splits an image reference: registry/name:tag@sha256:…. A tag is
// kept beside a digest.
func parseImage(reference string) pipeline.Image {
	var image pipeline.Image
	name, digest, _ := strings.Cut(reference, "@")
	if imageDigest.MatchString(digest) {
		image.Digest = digest
	}
	image.Repository = name
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		image.Repository, image.Tag = name[:colon], name[colon+1:]
	}
	return image
}
