package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// Identity proves the credentials that serve a cluster: it makes the SDK get
// them, and asks STS whose they are.
func (c *Cloud) Identity(ctx context.Context, cluster pipeline.Cluster) (pipeline.CloudIdentity, error) {
	const op = "use the AWS credentials"
	s, err := c.session(ctx, cluster)
	if err != nil {
		return pipeline.CloudIdentity{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout) // getting credentials may run a command
	defer cancel()
	if _, err := s.config.Credentials.Retrieve(ctx); err != nil {
		return pipeline.CloudIdentity{}, s.classify(op, s.who.name(), err)
	}
	out, err := s.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return pipeline.CloudIdentity{}, s.classify(op, s.who.name(), err)
	}
	return pipeline.CloudIdentity{Account: text(out.Account), ARN: text(out.Arn), Region: s.who.region}, nil
}
