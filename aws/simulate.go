package aws

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// A Question is what IAM can be asked about a user or role without anything
// being changed.
type Question struct {
	Principal string            // ARN of a user or role
	Actions   []string          // "ecs:UpdateService"
	Resource  string            // ARN; "*" for actions that know none
	Keys      map[string]string // what conditions ask about
}

// Simulate asks IAM what the principal's policies allow, and returns the actions
// that they do not. Who asks needs iam:SimulatePrincipalPolicy; without it the
// error is KindForbidden, and of a principal that IAM does not know, KindNotFound.
func (c *Cloud) Simulate(ctx context.Context, cluster pipeline.Cluster, q Question) (denied []string, err error) {
	s, err := c.session(ctx, cluster)
	if err != nil {
		return nil, err
	}
	form := url.Values{"Action": {"SimulatePrincipalPolicy"}, "Version": {"2010-05-08"}, "PolicySourceArn": {q.Principal}, "ResourceArns.member.1": {q.Resource}}
	for i, action := range q.Actions {
		form.Set("ActionNames.member."+strconv.Itoa(i+1), action)
	}
	i := 0
	for key, value := range q.Keys {
		i++
		entry := "ContextEntries.member." + strconv.Itoa(i) + "."
		form.Set(entry+"ContextKeyName", key)
		form.Set(entry+"ContextKeyType", "string")
		form.Set(entry+"ContextKeyValues.member.1", value)
	}
	address, region := s.iam()
	answer, err := s.signed(ctx, signedRequest{
		service: "iam", region: region, method: http.MethodPost, url: address, body: []byte(form.Encode()),
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
	})
	if err != nil {
		if hasCode(err, "NoSuchEntity", "InvalidInput") {
			return nil, &pipeline.Error{Kind: pipeline.KindNotFound, Message: "IAM does not know " + lastOfARN(q.Principal), Err: err}
		}
		return nil, s.classify("ask IAM about", lastOfARN(q.Principal), err)
	}
	var wire struct {
		Results []struct {
			Action   string `xml:"EvalActionName"`
			Decision string `xml:"EvalDecision"`
		} `xml:"SimulatePrincipalPolicyResult>EvaluationResults>member"`
	}
	if err := xml.Unmarshal(answer, &wire); err != nil || len(wire.Results) < len(q.Actions) {
		return nil, pipeline.Errorf(pipeline.KindInvalid, "IAM's answer about %s cannot be understood", lastOfARN(q.Principal))
	}
	for _, r := range wire.Results {
		if r.Decision != "allowed" {
			denied = append(denied, r.Action)
		}
	}
	return denied, nil
}

// iam is where IAM is reached, which has one place in each partition, and the
// region that its requests are signed for.
func (s *session) iam() (address, region string) {
	switch own := os.Getenv("AWS_ENDPOINT_URL_IAM"); {
	case own != "":
		return strings.TrimSuffix(own, "/") + "/", s.who.region
	case s.config.BaseEndpoint != nil:
		return strings.TrimSuffix(*s.config.BaseEndpoint, "/") + "/", s.who.region
	case strings.HasPrefix(s.who.region, "cn-"):
		return "https://iam.cn-north-1.amazonaws.com.cn/", "cn-north-1"
	case strings.HasPrefix(s.who.region, "us-gov-"):
		return "https://iam.us-gov.amazonaws.com/", "us-gov-west-1"
	}
	return "https://iam.amazonaws.com/", "us-east-1"
}
