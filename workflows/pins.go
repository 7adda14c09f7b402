package workflows

import "fmt"

// pin is a release of an action, by the commit that its repository gives for it.
type pin struct{ version, commit string }

// actions are the actions that the templates use. A tag can be moved to other
// code; a commit cannot.
var actions = map[string]pin{
	"actions/cache":                         {"v5.0.5", "27d5ce7f107fe9357f9df03efb73ab90386fccae"},
	"actions/checkout":                      {"v7.0.1", "3d3c42e5aac5ba805825da76410c181273ba90b1"},
	"actions/setup-python":                  {"v7.0.0", "5fda3b95a4ea91299a34e894583c3862153e4b97"},
	"actions/upload-artifact":               {"v7.0.0", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"},
	"aquasecurity/tfsec-action":             {"v1.0.3", "b466648d6e39e7c75324f25d83891162a721f2d6"},
	"aquasecurity/trivy-action":             {"v0.36.0", "ed142fd0673e97e23eac54620cfb913e5ce36c25"},
	"aws-actions/amazon-ecr-login":          {"v2.1.7", "03f1aad4c6c7ffd436567f42f9384779290529bd"},
	"aws-actions/configure-aws-credentials": {"v6.2.3", "e6de054238d6b7531b4efff3b6587d9aade6a06c"},
	"codecov/codecov-action":                {"v5.5.2", "671740ac38dd9b0130fbe1cec585b89eea48d3de"},
	"docker/build-push-action":              {"v7.3.0", "53b7df96c91f9c12dcc8a07bcb9ccacbed38856a"},
	"docker/setup-buildx-action":            {"v4.3.0", "37fe631027851001ddb9b187196cc803df7f5f0e"},
	"github/codeql-action/upload-sarif":     {"v4.36.2", "8aad20d150bbac5944a9f9d289da16a4b0d87c1e"},
	"hashicorp/setup-terraform":             {"v4.0.1", "dfe3c3f87815947d99a8997f908cb6525fc44e9e"},
}

// pinned is how a workflow names an action: by commit, with the release beside it.
func pinned(name string) (string, error) {
	p, ok := actions[name]
	if !ok {
		return "", fmt.Errorf("the action %s has no pin", name)
	}
	return name + "@" + p.commit + " # " + p.version, nil
}
