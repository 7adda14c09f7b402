package aws

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

func TestExpiriesFollowTheFirstRuleThatSelects(t *testing.T) {
	now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	image := func(digest string, days int, tags ...string) ecrtypes.ImageDetail {
		at := now.AddDate(0, 0, -days)
		return ecrtypes.ImageDetail{ImageDigest: &digest, ImagePushedAt: &at, ImageTags: tags}
	}
	target, stored, pulled := image("sha256:target", 10, "v2"), image("sha256:archived", 5, "v0"), now.AddDate(0, 0, -2)
	target.LastRecordedPullTime, stored.ImageStatus = &pulled, ecrtypes.ImageStatusArchived
	const keepThree = `{"rulePriority":2,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":3},"action":{"type":"expire"}}`
	const oldReleases = `{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPrefixList":["v"],"countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}}`
	tests := map[string]struct {
		policy string // rules; empty: no policy
		want   pipeline.Expiry
	}{
		"no policy":      {"", pipeline.Expiry{}},
		"by count":       {keepThree, pipeline.Expiry{Rule: 2, Spare: 1}},
		"by age first":   {keepThree + "," + oldReleases, pipeline.Expiry{Rule: 1, At: now.AddDate(0, 0, 20)}},
		"none selects":   {`{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}`, pipeline.Expiry{}},
		"by last pull":   {`{"rulePriority":1,"selection":{"tagStatus":"any","countType":"sinceImagePulled","countUnit":"days","countNumber":30},"action":{"type":"expire"}}`, pipeline.Expiry{Rule: 1, At: now.AddDate(0, 0, 28)}},
		"archived":       {`{"rulePriority":1,"selection":{"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":12},"action":{"type":"transition","targetStorageClass":"archive"}}`, pipeline.Expiry{Rule: 1, At: now.AddDate(0, 0, 2)}},
		"of the archive": {`{"rulePriority":1,"selection":{"tagStatus":"any","storageClass":"archive","countType":"sinceImageTransitioned","countUnit":"days","countNumber":90},"action":{"type":"expire"}}`, pipeline.Expiry{}},
		"another's tag":  {`{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPatternList":["dev-*"],"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}`, pipeline.Expiry{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, a := newAccount(t)
			on(a, "GetLifecyclePolicy", func(*ecr.GetLifecyclePolicyInput) (*ecr.GetLifecyclePolicyOutput, error) {
				if tt.policy == "" {
					return nil, &ecrtypes.LifecyclePolicyNotFoundException{}
				}
				policy := `{"rules":[` + tt.policy + `]}`
				if !json.Valid([]byte(policy)) {
					t.Fatal(policy)
				}
				return &ecr.GetLifecyclePolicyOutput{LifecyclePolicyText: &policy}, nil
			})
			on(a, "DescribeImages", func(*ecr.DescribeImagesInput) (*ecr.DescribeImagesOutput, error) {
				return &ecr.DescribeImagesOutput{ImageDetails: []ecrtypes.ImageDetail{
					image("sha256:old", 30, "v1"), target, image("sha256:new", 1, "v3"), stored,
				}}, nil
			})
			got, err := c.Expiries(t.Context(), production, []pipeline.Image{{Repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/orders", Digest: "sha256:target"}})
			if err != nil || len(got) != 1 || !got["sha256:target"].At.Equal(tt.want.At) || got["sha256:target"].Spare != tt.want.Spare || got["sha256:target"].Rule != tt.want.Rule {
				t.Errorf("%+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}
