package aws

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"path"

	"github.com/aws/smithy-go"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// Keep writes an object to a bucket of S3, encrypted as the bucket says.
func (d *Deployer) Keep(ctx context.Context, c pipeline.Cluster, bucket, key string, content []byte) error {
	s, err := d.cloud.session(ctx, c)
	if err != nil {
		return err
	}
	base := s.endpoint("s3", "S3")
	_, err = s.signed(ctx, signedRequest{
		service: "s3", method: http.MethodPut, url: base + (&url.URL{Path: path.Join("/", bucket, key)}).EscapedPath(),
		header: map[string]string{"Content-Type": "application/json"}, body: content,
	})
	return s.classify("write "+key, "bucket "+bucket, err)
}

// KeepSecret gives a secret of Secrets Manager a value. A value that is there
// already is left alone, so that a re-run makes no new version.
func (d *Deployer) KeepSecret(ctx context.Context, c pipeline.Cluster, name, value string) (string, error) {
	const op = "keep the secret"
	s, err := d.cloud.session(ctx, c)
	if err != nil {
		return "", err
	}
	var present struct{ ARN, SecretString string }
	err = askJSON(ctx, s, "Secrets Manager", "GetSecretValue", map[string]any{"SecretId": name}, &present)
	switch {
	case err == nil && present.SecretString == value:
		return present.ARN, nil
	case err == nil:
		err = askJSON(ctx, s, "Secrets Manager", "PutSecretValue", map[string]any{"SecretId": name, "SecretString": value, "ClientRequestToken": requestToken()}, &present)
	case hasCode(err, "ResourceNotFoundException"):
		err = askJSON(ctx, s, "Secrets Manager", "CreateSecret", map[string]any{"Name": name, "SecretString": value, "ClientRequestToken": requestToken()}, &present)
	}
	return present.ARN, s.classify(op, name, err)
}

// requestToken has the 32 to 64 characters that Secrets Manager asks for.
func requestToken() string { return "deployctl-" + rand.Text() }

// hasCode reports whether AWS answered with one of the codes.
func hasCode(err error, codes ...string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}

// sanitised is AWS's own sentence, made fit to be shown.
func sanitised(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return sanitise.Text(api.ErrorMessage())
	}
	return sanitise.Text(err.Error())
}
