package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

var ecrOperations = map[string]awsOperation{
	"DescribeRepositories":  operation((*awsAPI).describeRepositories),
	"DescribeImages":        operation((*awsAPI).describeImages),
	"ListImages":            operation((*awsAPI).listImages),
	"BatchGetImage":         operation((*awsAPI).batchGetImage),
	"GetLifecyclePolicy":    operation((*awsAPI).getLifecyclePolicy),
	"GetAuthorizationToken": operation((*awsAPI).getAuthorizationToken),
}

const registryHost = Account + ".dkr.ecr." + Region + ".amazonaws.com"

type imageID struct {
	ImageDigest string
	ImageTag    string
}

type ecrInput struct {
	RegistryID      string
	RepositoryName  string
	RepositoryNames []string
	ImageIDs        []imageID
	Filter          struct{ TagStatus string }
	MaxResults      *int
	NextToken       string
}

func (a *awsAPI) repository(name string) ([]*Image, error) {
	images, ok := a.world.Cloud.Images[name]
	if !ok {
		return nil, awsFailure("RepositoryNotFoundException",
			"The repository with name '%s' does not exist in the registry with id '%s'", name, Account)
	}
	return slices.DeleteFunc(slices.Clone(images), func(i *Image) bool { return i.Deleted }), nil
}

func (a *awsAPI) describeRepositories(in ecrInput) (document, error) {
	names := in.RepositoryNames
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(a.world.Cloud.Images))
	}
	names, next, err := cutPage(names, pageRequest{in.MaxResults, in.NextToken, 100, 1000})
	if err != nil {
		return nil, err
	}
	list := []document{}
	for _, name := range names {
		images, err := a.repository(name)
		if err != nil {
			return nil, err
		}
		repository := document{
			"repositoryName": name, "registryId": Account, "repositoryArn": arn("ecr", "repository/"+name),
			"repositoryUri": registryHost + "/" + name, "imageTagMutability": "IMMUTABLE",
			"imageScanningConfiguration": document{"scanOnPush": true},
			"encryptionConfiguration":    document{"encryptionType": "AES256"},
		}
		if len(images) > 0 {
			repository.at("createdAt", images[0].Pushed)
		}
		list = append(list, repository)
	}
	return document{"repositories": list}.set("nextToken", next), nil
}

func (a *awsAPI) describeImages(in ecrInput) (document, error) {
	images, err := a.repository(in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if len(in.ImageIDs) > 0 {
		if images, err = a.imagesByID(in); err != nil {
			return nil, err
		}
	}
	images, next, err := cutPage(in.filter(images), pageRequest{in.MaxResults, in.NextToken, 100, 1000})
	if err != nil {
		return nil, err
	}
	list := []document{}
	for _, image := range images {
		description := document{
			"registryId": Account, "repositoryName": in.RepositoryName, "imageDigest": image.Digest,
			"imageSizeInBytes": image.Size, "imageManifestMediaType": imageManifestType,
			"artifactMediaType": "application/vnd.oci.image.config.v1+json",
		}.at("imagePushedAt", image.Pushed)
		if len(image.Tags) > 0 {
			description["imageTags"] = image.Tags
		}
		list = append(list, description)
	}
	return document{"imageDetails": list}.set("nextToken", next), nil
}

const imageManifestType = "application/vnd.oci.image.manifest.v1+json"

func (in ecrInput) filter(images []*Image) []*Image {
	return slices.DeleteFunc(slices.Clone(images), func(i *Image) bool {
		return in.Filter.TagStatus == "TAGGED" && len(i.Tags) == 0 || in.Filter.TagStatus == "UNTAGGED" && len(i.Tags) > 0
	})
}

// imagesByID finds images by digest or tag; one that is absent fails the call.
func (a *awsAPI) imagesByID(in ecrInput) (images []*Image, err error) {
	for _, id := range in.ImageIDs {
		image := a.imageByID(in.RepositoryName, id)
		if image == nil {
			return nil, awsFailure("ImageNotFoundException",
				"The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
				nullable(id.ImageDigest), nullable(id.ImageTag), in.RepositoryName, Account)
		}
		images = append(images, image)
	}
	return images, nil
}

func (a *awsAPI) imageByID(repository string, id imageID) *Image {
	ref := id.ImageDigest
	if ref == "" {
		ref = id.ImageTag
	}
	image := a.world.Cloud.Image(repository, ref)
	if image != nil && id.ImageTag != "" && !slices.Contains(image.Tags, id.ImageTag) {
		return nil
	}
	return image
}

func nullable(text string) string {
	if text == "" {
		return "null"
	}
	return text
}

func (a *awsAPI) listImages(in ecrInput) (document, error) {
	images, err := a.repository(in.RepositoryName)
	if err != nil {
		return nil, err
	}
	ids := []document{}
	for _, image := range in.filter(images) {
		if len(image.Tags) == 0 {
			ids = append(ids, document{"imageDigest": image.Digest})
		}
		for _, tag := range image.Tags {
			ids = append(ids, document{"imageDigest": image.Digest, "imageTag": tag})
		}
	}
	ids, next, err := cutPage(ids, pageRequest{in.MaxResults, in.NextToken, 100, 1000})
	if err != nil {
		return nil, err
	}
	return document{"imageIds": ids}.set("nextToken", next), nil
}

func (a *awsAPI) batchGetImage(in ecrInput) (document, error) {
	if _, err := a.repository(in.RepositoryName); err != nil {
		return nil, err
	}
	if err := checkBatch("Image ids", in.ImageIDs, 100); err != nil {
		return nil, err
	}
	images, failures := []document{}, []document{}
	for _, id := range in.ImageIDs {
		wanted := document{}.set("imageDigest", id.ImageDigest).set("imageTag", id.ImageTag)
		image := a.imageByID(in.RepositoryName, id)
		if image == nil {
			failures = append(failures, document{
				"imageId": wanted, "failureCode": "ImageNotFound", "failureReason": "Requested image not found",
			})
			continue
		}
		wanted["imageDigest"] = image.Digest
		images = append(images, document{
			"registryId": Account, "repositoryName": in.RepositoryName, "imageId": wanted,
			"imageManifest": imageManifest(image), "imageManifestMediaType": imageManifestType,
		})
	}
	return document{"images": images, "failures": failures}, nil
}

func imageManifest(image *Image) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":7023},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:%s","size":%d}]}`,
		imageManifestType, stableHex(image.Digest+" config", 64), stableHex(image.Digest+" layer", 64), image.Size)
}

// LifecyclePolicyKeeping is a policy that keeps the newest images of each
// repository, and expires those beyond that number.
func LifecyclePolicyKeeping(images int) string {
	return fmt.Sprintf(`{"rules":[{"rulePriority":1,"description":"keep the newest %[1]d images","selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":%[1]d},"action":{"type":"expire"}}]}`, images)
}

func (a *awsAPI) getLifecyclePolicy(in ecrInput) (document, error) {
	if _, err := a.repository(in.RepositoryName); err != nil {
		return nil, err
	}
	if a.world.Cloud.LifecyclePolicy == "" {
		return nil, awsFailure("LifecyclePolicyNotFoundException",
			"Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'", in.RepositoryName, Account)
	}
	return document{
		"registryId": Account, "repositoryName": in.RepositoryName, "lifecyclePolicyText": a.world.Cloud.LifecyclePolicy,
	}.at("lastEvaluatedAt", a.world.Now().Truncate(day)), nil
}

// getAuthorizationToken is what docker login asks for.
func (a *awsAPI) getAuthorizationToken(ecrInput) (document, error) {
	token := "QVdTOg" + strings.ToUpper(a.world.hash40("registry"))
	return document{"authorizationData": []document{
		document{"authorizationToken": token, "proxyEndpoint": "https://" + registryHost}.at("expiresAt", a.world.Now().Add(day/2)),
	}}, nil
}
