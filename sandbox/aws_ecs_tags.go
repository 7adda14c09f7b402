package sandbox

import (
	"slices"
	"strings"
)

// tagInput is a tag as ECS writes it.
type tagInput struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func tagPairs(tags []tagInput) []Pair {
	pairs := make([]Pair, 0, len(tags))
	for _, tag := range tags {
		pairs = append(pairs, Pair{tag.Key, tag.Value})
	}
	return pairs
}

// tagsOf are the tags of a resource of an environment: what clients set, after
// what Terraform gave it.
func (a *awsAPI) tagsOf(arn, environment string) []Pair {
	given := []Pair{{"Environment", environment}, {"ManagedBy", "terraform"}, {"Project", "shop"}}
	if tags, ok := a.tags[arn]; ok {
		return tags
	}
	return given
}

// taggable finds a resource of ECS by ARN: its tags, and how to change them.
func (a *awsAPI) taggable(arn string) (tags []Pair, set func([]Pair), err error) {
	keep := func(tags []Pair) { a.tags[arn] = tags }
	if strings.Contains(arn, ":task-definition/") {
		if definition := a.world.Cloud.TaskDefinition(arn); definition != nil {
			return definition.Tags, func(tags []Pair) { definition.Tags = tags }, nil
		}
	}
	for _, cluster := range a.world.Cloud.Clusters {
		if cluster.ARN == arn {
			return a.tagsOf(arn, cluster.Environment), keep, nil
		}
		for _, service := range cluster.Services {
			if service.ARN == arn {
				return a.tagsOf(arn, cluster.Environment), keep, nil
			}
		}
		for _, task := range cluster.tasks() {
			if task.ARN == arn {
				return a.tags[arn], keep, nil
			}
		}
	}
	return nil, nil, errInvalidParameter("The specified resource does not exist: %s", arn)
}

type ecsTagInput struct {
	ResourceArn string
	Tags        []tagInput
	TagKeys     []string
}

func (a *awsAPI) ecsListTags(in ecsTagInput) (document, error) {
	tags, _, err := a.taggable(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return document{"tags": ecsTags(tags)}, nil
}

func (a *awsAPI) ecsTag(in ecsTagInput) (document, error) {
	tags, set, err := a.taggable(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	set(mergeTags(tags, tagPairs(in.Tags)))
	return document{}, nil
}

func (a *awsAPI) ecsUntag(in ecsTagInput) (document, error) {
	tags, set, err := a.taggable(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	set(withoutTags(tags, in.TagKeys))
	return document{}, nil
}

// mergeTags adds tags; one that is there already gets the new value.
func mergeTags(tags, more []Pair) []Pair {
	names := make([]string, 0, len(more))
	for _, tag := range more {
		names = append(names, tag.Name)
	}
	return append(withoutTags(tags, names), more...)
}

func withoutTags(tags []Pair, names []string) []Pair {
	return slices.DeleteFunc(slices.Clone(tags), func(tag Pair) bool { return slices.Contains(names, tag.Name) })
}
