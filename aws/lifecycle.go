package aws

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// lifecycleRule is a rule of a repository's lifecycle policy.
type lifecycleRule struct {
	Priority  int `json:"rulePriority"`
	Selection struct {
		TagStatus string   `json:"tagStatus"` // tagged, untagged, any
		Prefixes  []string `json:"tagPrefixList"`
		Patterns  []string `json:"tagPatternList"`
		Class     string   `json:"storageClass"` // standard, archive; empty: standard
		CountType string   `json:"countType"`    // imageCountMoreThan, sinceImagePushed, sinceImagePulled, sinceImageTransitioned
		Count     int      `json:"countNumber"`
	} `json:"selection"`
}

// Expiries says when the lifecycle policies of ECR will remove images, by
// digest. An image that is not in the registry, or not in ECR, is not in the
// answer.
func (c *Cloud) Expiries(ctx context.Context, cluster pipeline.Cluster, refs []pipeline.Image) (map[string]pipeline.Expiry, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	digests := map[registry][]string{}
	var order []registry
	for _, image := range refs {
		if repository, ok := repositoryOf(image); ok && image.Digest != "" {
			if digests[repository] == nil {
				order = append(order, repository)
			}
			digests[repository] = append(digests[repository], image.Digest)
		}
	}
	answers, err := each(ctx, order, func(ctx context.Context, repository registry) (map[string]pipeline.Expiry, error) {
		found, err := s.expiries(ctx, repository, digests[repository])
		return found, s.classify("read the lifecycle policy", "repository "+repository.name, err)
	})
	if err != nil {
		return nil, err
	}
	out := map[string]pipeline.Expiry{}
	for _, answer := range answers {
		for digest, e := range answer {
			out[digest] = e
		}
	}
	return out, nil
}

func (s *session) expiries(ctx context.Context, repository registry, digests []string) (map[string]pipeline.Expiry, error) {
	rules, err := s.lifecycleRules(ctx, repository)
	if err != nil {
		return nil, err
	}
	out := map[string]pipeline.Expiry{}
	if len(rules) == 0 {
		for _, digest := range digests {
			out[digest] = pipeline.Expiry{}
		}
		return out, nil
	}
	images, err := pages(func(token *string) ([]ecrtypes.ImageDetail, *string, error) {
		page, err := s.registry(repository.region).DescribeImages(ctx, &ecr.DescribeImagesInput{
			RegistryId: &repository.account, RepositoryName: &repository.name, NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return page.ImageDetails, page.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	// An archived image cannot be pulled any more, and the rules do not count it.
	images = slices.DeleteFunc(images, archived)
	slices.SortStableFunc(images, func(a, b ecrtypes.ImageDetail) int { return moment(b.ImagePushedAt).Compare(moment(a.ImagePushedAt)) })
	for _, image := range images {
		if digest := text(image.ImageDigest); slices.Contains(digests, digest) {
			out[digest] = expiry(rules, images, image)
		}
	}
	return out, nil
}

// lifecycleRules reads a repository's rules in the order of their priority. A
// repository without a policy has none.
func (s *session) lifecycleRules(ctx context.Context, repository registry) ([]lifecycleRule, error) {
	out, err := s.registry(repository.region).GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{
		RegistryId: &repository.account, RepositoryName: &repository.name,
	})
	if _, none := errors.AsType[*ecrtypes.LifecyclePolicyNotFoundException](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var policy struct {
		Rules []lifecycleRule `json:"rules"`
	}
	if out.LifecyclePolicyText != nil {
		if err := json.Unmarshal([]byte(*out.LifecyclePolicyText), &policy); err != nil {
			return nil, &pipeline.Error{Kind: pipeline.KindInvalid, Message: "the lifecycle policy of " + repository.name + " is not JSON", Err: err}
		}
	}
	slices.SortStableFunc(policy.Rules, func(a, b lifecycleRule) int { return a.Priority - b.Priority })
	return policy.Rules, nil
}

// expiry applies the first rule that selects an image: no later one can expire
// it. The images come newest first. A rule that moves images to the archive
// takes them away as well: there they cannot be pulled.
func expiry(rules []lifecycleRule, images []ecrtypes.ImageDetail, image ecrtypes.ImageDetail) pipeline.Expiry {
	for _, rule := range rules {
		if rule.Selection.Class == "archive" || !rule.selects(image.ImageTags) {
			continue
		}
		e := pipeline.Expiry{Rule: rule.Priority}
		life := time.Duration(rule.Selection.Count) * 24 * time.Hour
		switch rule.Selection.CountType {
		case "sinceImagePushed":
			e.At = moment(image.ImagePushedAt).Add(life)
		case "sinceImagePulled":
			e.At = moment(cmp.Or(image.LastRecordedPullTime, image.ImagePushedAt)).Add(life)
		default:
			newer := 0
			for _, other := range images {
				if text(other.ImageDigest) == text(image.ImageDigest) {
					break
				}
				if rule.selects(other.ImageTags) {
					newer++
				}
			}
			e.Spare = rule.Selection.Count - newer - 1
		}
		return e
	}
	return pipeline.Expiry{}
}

// selects reports whether an image with these tags is the rule's concern. All
// of the rule's prefixes or patterns have to be met, as ECR documents.
func (r lifecycleRule) selects(tags []string) bool {
	switch r.Selection.TagStatus {
	case "untagged":
		return len(tags) == 0
	case "tagged":
		if len(tags) == 0 {
			return false
		}
	}
	for _, prefix := range r.Selection.Prefixes {
		if !slices.ContainsFunc(tags, func(tag string) bool { return strings.HasPrefix(tag, prefix) }) {
			return false
		}
	}
	for _, pattern := range r.Selection.Patterns {
		if !slices.ContainsFunc(tags, func(tag string) bool { ok, err := path.Match(pattern, tag); return ok && err == nil }) {
			return false
		}
	}
	return true
}
