package aws

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const registryHost = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/"

// holdImages makes ECR hold the digests of even numbers in every repository but one.
func holdImages(a *account) {
	held := func(digest string) bool {
		for n := range 200 {
			if digest == digestOf(n) {
				return n%2 == 0
			}
		}
		return false
	}
	on(a, "DescribeImages", func(in *ecr.DescribeImagesInput) (*ecr.DescribeImagesOutput, error) {
		if *in.RepositoryName == "shop/gone" {
			return nil, &ecrtypes.RepositoryNotFoundException{}
		}
		out := &ecr.DescribeImagesOutput{}
		for _, id := range in.ImageIds {
			if !held(*id.ImageDigest) {
				return nil, &ecrtypes.ImageNotFoundException{}
			}
			out.ImageDetails = append(out.ImageDetails, ecrtypes.ImageDetail{ImageDigest: id.ImageDigest, ImageTags: []string{"v1"}, ImagePushedAt: awssdk.Time(time.Unix(9, 0))})
		}
		return out, nil
	})
	on(a, "BatchGetImage", func(in *ecr.BatchGetImageInput) (*ecr.BatchGetImageOutput, error) {
		out := &ecr.BatchGetImageOutput{}
		if len(in.ImageIds) > 100 {
			return nil, failure("InvalidParameterException", "too many")
		}
		for _, id := range in.ImageIds {
			if held(*id.ImageDigest) {
				out.Images = append(out.Images, ecrtypes.Image{ImageId: &id})
			}
		}
		return out, nil
	})
}

func TestImagesArePresentOrNotOrUnknown(t *testing.T) {
	c, a := newAccount(t)
	holdImages(a)
	refs := []pipeline.Image{
		{Repository: "docker.io/library/redis", Digest: digestOf(150)},
		{Repository: registryHost + "shop/orders", Tag: "v1"},
		{Repository: registryHost + "shop/gone", Digest: digestOf(2)},
	}
	for n := range 120 {
		refs = append(refs, pipeline.Image{Repository: registryHost + "shop/orders", Digest: digestOf(n)})
	}
	states, err := c.Images(t.Context(), production, refs)
	if err != nil {
		t.Fatal(err)
	}
	if len(states) != 120 {
		t.Fatalf("%d answers, want 120: what cannot be looked up is not in it", len(states))
	}
	for n := range 120 {
		want := pipeline.ImageState{Digest: digestOf(n)}
		if n%2 == 0 && n != 2 {
			want = pipeline.ImageState{Digest: digestOf(n), Present: true, Tags: []string{"v1"}, Pushed: time.Unix(9, 0)}
		}
		if got := states[digestOf(n)]; got.Present != want.Present || !slices.Equal(got.Tags, want.Tags) || !got.Pushed.Equal(want.Pushed) {
			t.Errorf("image %d: %+v, want %+v", n, got, want)
		}
	}
}

func TestTaskDefinitionIsRememberedButItsStatusIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := newAccount(t)
		s := newShop()
		s.serve(a)
		arn := s.definition("orders", 3, registryHost+"shop/orders:v1", map[string]string{"APP_VERSION": "v1"}, map[string]string{"deployctl:version": "v1"})
		read := func() pipeline.TaskDefinition {
			d, err := c.TaskDefinition(t.Context(), production, arn)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		d := read()
		own := d.Containers[1]
		if d.ARN != arn || d.Family != "orders" || d.Revision != 3 || d.Status != "ACTIVE" || d.Tags["deployctl:version"] != "v1" ||
			own.Environment["APP_VERSION"] != "v1" || own.Secrets["DB"] != "arn:secret" || own.LogGroup.Region != "eu-central-1" {
			t.Errorf("definition: %+v", d)
		}
		s.definitions[arn].TaskDefinition.Status = ecstypes.TaskDefinitionStatusInactive
		if read(); a.sent("DescribeTaskDefinition") != 1 {
			t.Error("asked twice")
		}
		if d, _ := c.TaskDefinition(pipeline.Uncached(t.Context()), production, arn); d.Status != "INACTIVE" {
			t.Errorf("an uncached read says %s", d.Status)
		}
		s.definitions[arn].TaskDefinition.Status = ecstypes.TaskDefinitionStatusDeleteInProgress
		time.Sleep(definitionAge)
		if d := read(); d.Status != "DELETE_IN_PROGRESS" {
			t.Errorf("after %s the status is still %s", definitionAge, d.Status)
		}
	})
}

func TestSnapshotsOfAnInstanceOrACluster(t *testing.T) {
	c, a := newAccount(t)
	on(a, "DescribeDBSnapshots", func(in *rds.DescribeDBSnapshotsInput) (*rds.DescribeDBSnapshotsOutput, error) {
		switch {
		case *in.DBInstanceIdentifier == "aurora":
			return nil, failure("DBInstanceNotFound", "DBInstance aurora not found.")
		case in.Marker == nil:
			return &rds.DescribeDBSnapshotsOutput{Marker: awssdk.String("2"), DBSnapshots: []rdstypes.DBSnapshot{{DBSnapshotIdentifier: awssdk.String("old"), SnapshotCreateTime: awssdk.Time(time.Unix(1, 0))}}}, nil
		}
		return &rds.DescribeDBSnapshotsOutput{DBSnapshots: []rdstypes.DBSnapshot{{DBSnapshotIdentifier: awssdk.String("new"), Status: awssdk.String("available"), SnapshotCreateTime: awssdk.Time(time.Unix(2, 0))}}}, nil
	})
	on(a, "DescribeDBClusterSnapshots", func(in *rds.DescribeDBClusterSnapshotsInput) (*rds.DescribeDBClusterSnapshotsOutput, error) {
		return &rds.DescribeDBClusterSnapshotsOutput{DBClusterSnapshots: []rdstypes.DBClusterSnapshot{{DBClusterSnapshotIdentifier: awssdk.String("c1"), DBClusterIdentifier: in.DBClusterIdentifier}}}, nil
	})
	got, err := c.Snapshots(t.Context(), production, "shop-production")
	if err != nil || len(got) != 2 || got[0].ID != "new" || got[0].Status != "available" || got[1].ID != "old" {
		t.Errorf("instance: %+v, %v", got, err)
	}
	got, err = c.Snapshots(t.Context(), production, "aurora")
	if err != nil || len(got) != 1 || got[0].ID != "c1" || got[0].Instance != "aurora" {
		t.Errorf("cluster: %+v, %v", got, err)
	}
}

func TestParseImage(t *testing.T) {
	for reference, want := range map[string]pipeline.Image{
		"redis":                        {Repository: "redis"},
		"redis:7":                      {Repository: "redis", Tag: "7"},
		"registry:5000/a/b":            {Repository: "registry:5000/a/b"},
		"registry:5000/a/b:c":          {Repository: "registry:5000/a/b", Tag: "c"},
		"a/b@" + digestOf(1):           {Repository: "a/b", Digest: digestOf(1)},
		"a/b:c@" + digestOf(1):         {Repository: "a/b", Tag: "c", Digest: digestOf(1)},
		"a/b:c@sha256:short":           {Repository: "a/b", Tag: "c"},
		registryHost + "shop/orders:v": {Repository: registryHost + "shop/orders", Tag: "v"},
	} {
		if got := parseImage(reference); got != want {
			t.Errorf("%s: %+v, want %+v", reference, got, want)
		}
	}
}

func TestRepositoryOf(t *testing.T) {
	for repository, want := range map[string]registry{
		registryHost + "shop/orders":                                {"123456789012", "eu-central-1", "shop/orders"},
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/a":   {"123456789012", "us-gov-west-1", "a"},
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/pay": {"123456789012", "cn-north-1", "shop/pay"},
		"123456789012.dkr-ecr.eu-west-1.on.aws/a":                   {"123456789012", "eu-west-1", "a"},
		"ghcr.io/acme/shop":                                         {},
		"redis":                                                     {},
	} {
		got, ok := repositoryOf(pipeline.Image{Repository: repository})
		if got != want || ok != (want != registry{}) {
			t.Errorf("%s: %+v %v, want %+v", repository, got, ok, want)
		}
	}
}
