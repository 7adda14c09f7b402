package aws

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// imagesAtOnce is how many images ECR describes in one call.
const imagesAtOnce = 100

// registry is a repository of ECR.
type registry struct{ account, region, name string }

var ecrHost = regexp.MustCompile(`^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.[a-z0-9.-]+$`)

// Images looks images up by digest in the ECR repositories that they name. An
// image of another registry, or without a digest, is not in the answer: nothing
// is known of it. One that is missing in any of its repositories is not present.
func (c *Cloud) Images(ctx context.Context, cluster pipeline.Cluster, refs []pipeline.Image) (map[string]pipeline.ImageState, error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	var order []registry
	digests := map[registry][]string{}
	for _, image := range refs {
		repository, ok := repositoryOf(image)
		if !ok || image.Digest == "" {
			continue
		}
		if digests[repository] == nil {
			order = append(order, repository)
		}
		digests[repository] = append(digests[repository], image.Digest)
	}
	answers, err := each(ctx, order, func(ctx context.Context, repository registry) ([]pipeline.ImageState, error) {
		states, err := s.imageStates(ctx, repository, unique(digests[repository]))
		return states, s.classify("look up the images", "repository "+repository.name, err)
	})
	if err != nil {
		return nil, err
	}
	states := map[string]pipeline.ImageState{}
	for _, state := range slices.Concat(answers...) {
		if other, ok := states[state.Digest]; !ok || other.Present {
			states[state.Digest] = state
		}
	}
	return states, nil
}

// imageStates looks digests up in one repository.
func (s *session) imageStates(ctx context.Context, repository registry, digests []string) ([]pipeline.ImageState, error) {
	present, err := s.describeImages(ctx, repository, digests)
	if _, absent := errors.AsType[*ecrtypes.ImageNotFoundException](err); absent {
		// One missing image spoils the whole answer, so ask which ones are there first.
		var there []string
		if there, err = s.presentImages(ctx, repository, digests); err == nil {
			present, err = s.describeImages(ctx, repository, there)
		}
	}
	if _, absent := errors.AsType[*ecrtypes.RepositoryNotFoundException](err); absent {
		present, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	states := make([]pipeline.ImageState, 0, len(digests))
	for _, digest := range digests {
		i := slices.IndexFunc(present, func(d ecrtypes.ImageDetail) bool { return text(d.ImageDigest) == digest })
		if i < 0 || archived(present[i]) {
			states = append(states, pipeline.ImageState{Digest: digest})
			continue
		}
		states = append(states, pipeline.ImageState{
			Present: true, Digest: digest, Tags: texts(present[i].ImageTags), Pushed: moment(present[i].ImagePushedAt),
		})
	}
	return states, nil
}

// archived reports whether an image lies in the archive, from where it cannot be
// pulled until somebody restores it.
func archived(image ecrtypes.ImageDetail) bool {
	return image.ImageStatus == ecrtypes.ImageStatusArchived || image.ImageStatus == ecrtypes.ImageStatusActivating
}

func (s *session) describeImages(ctx context.Context, repository registry, digests []string) ([]ecrtypes.ImageDetail, error) {
	return inBatches(ctx, digests, imagesAtOnce, func(ctx context.Context, batch []string) ([]ecrtypes.ImageDetail, error) {
		out, err := s.registry(repository.region).DescribeImages(ctx, &ecr.DescribeImagesInput{
			RegistryId: &repository.account, RepositoryName: &repository.name, ImageIds: imageIDs(batch),
		})
		if err != nil {
			return nil, err
		}
		return out.ImageDetails, nil
	})
}

// presentImages says which digests the repository holds.
func (s *session) presentImages(ctx context.Context, repository registry, digests []string) ([]string, error) {
	return inBatches(ctx, digests, imagesAtOnce, func(ctx context.Context, batch []string) ([]string, error) {
		out, err := s.registry(repository.region).BatchGetImage(ctx, &ecr.BatchGetImageInput{
			RegistryId: &repository.account, RepositoryName: &repository.name, ImageIds: imageIDs(batch),
		})
		if err != nil {
			return nil, err
		}
		var there []string
		for _, image := range out.Images {
			if image.ImageId != nil {
				there = append(there, text(image.ImageId.ImageDigest))
			}
		}
		return unique(there), nil
	})
}

// registry is the client for ECR in a region, which need not be the cluster's.
func (s *session) registry(region string) *ecr.Client {
	if client, ok := s.registries.get(region); ok {
		return client
	}
	client := ecr.NewFromConfig(s.config, func(o *ecr.Options) { o.Region = region })
	s.registries.put(region, client)
	return client
}

func imageIDs(digests []string) []ecrtypes.ImageIdentifier {
	ids := make([]ecrtypes.ImageIdentifier, 0, len(digests))
	for _, digest := range digests {
		ids = append(ids, ecrtypes.ImageIdentifier{ImageDigest: &digest})
	}
	return ids
}

// taggedCommit is the commit that an image's tags name; empty where none does.
type taggedCommit struct {
	sha  string
	read time.Time
}

// commitAge is how long it is relied on that no tag names a commit.
const commitAge = 10 * time.Minute

// readCommits asks ECR for the tags of images whose commit nothing else names.
// It is an extra: where ECR does not answer, the commit stays unknown.
func (r *reading) readCommits(ctx context.Context) {
	r.commits = map[string]string{}
	var unknown []pipeline.Image
	for _, image := range r.anonymousImages() {
		known, ok := r.session.commits.get(image.Digest)
		if ok && (known.sha != "" || time.Since(known.read) < commitAge) {
			r.commits[image.Digest] = known.sha
			continue
		}
		unknown = append(unknown, image)
	}
	const operation = "DescribeImages"
	if len(unknown) == 0 || r.session.lacks(operation) {
		return
	}
	_, err := each(ctx, unknown, func(ctx context.Context, image pipeline.Image) (struct{}, error) {
		repository, _ := repositoryOf(image)
		states, err := r.session.imageStates(ctx, repository, []string{image.Digest})
		if err != nil {
			return struct{}{}, err
		}
		commit := taggedCommit{read: time.Now()}
		if i := slices.IndexFunc(states[0].Tags, fullSHA.MatchString); i >= 0 {
			commit.sha = states[0].Tags[i]
		}
		r.session.commits.put(image.Digest, commit)
		return struct{}{}, nil
	})
	if err := r.session.doWithout(operation, err); err != nil {
		r.session.log.Warn("image tags not read", "error", err)
	}
	for _, image := range unknown {
		if known, ok := r.session.commits.get(image.Digest); ok {
			r.commits[image.Digest] = known.sha
		}
	}
}

// anonymousImages are the images of ECR that revisions run by digest and whose
// commit neither their tag nor their task definition names.
func (r *reading) anonymousImages() []pipeline.Image {
	var images []pipeline.Image
	for _, revision := range r.revisions {
		if namesCommit(r.definitions[text(revision.TaskDefinition)]) {
			continue
		}
		for _, container := range revision.ContainerImages {
			image := parseImage(text(container.Image))
			if image.Digest = text(container.ImageDigest); image.Digest == "" || fullSHA.MatchString(image.Tag) {
				continue
			}
			if _, ok := repositoryOf(image); ok {
				images = append(images, image)
			}
		}
	}
	return images
}

func namesCommit(d pipeline.TaskDefinition) bool {
	return fullSHA.MatchString(d.Tags["deployctl:sha"]) || slices.ContainsFunc(d.Containers, func(c pipeline.ContainerDefinition) bool {
		return fullSHA.MatchString(c.Environment["GIT_SHA"])
	})
}
