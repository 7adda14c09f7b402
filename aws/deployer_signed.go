package aws

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// S3 and Secrets Manager are asked for four operations in all. Their SDK
// modules would make the program megabytes larger, so the requests are built
// here and signed with the SDK's signer.

// answerLimit bounds what is read of an answer, in bytes.
const answerLimit = 1 << 20

// A signedRequest is one request to a service that has no client here.
type signedRequest struct {
	service string // as the signature names it
	region  string // that it is signed for; empty: the session's
	method  string
	url     string
	header  map[string]string
	body    []byte
}

// send sends a request that changes something. It is the Deployer's: the
// sessions of a Cloud have no way around their list of reads.
func (d *Deployer) send(ctx context.Context, s *session, r signedRequest) ([]byte, error) {
	return s.signed(ctx, r)
}

// signed signs a request and sends it once. An answer that is no success is an
// error with AWS's own code. Two call it: the Deployer, and Simulate, whose one
// operation changes nothing.
func (s *session) signed(ctx context.Context, r signedRequest) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for name, value := range r.header {
		request.Header.Set(name, value)
	}
	sum := sha256.Sum256(r.body)
	hash := hex.EncodeToString(sum[:])
	request.Header.Set("X-Amz-Content-Sha256", hash)
	credentials, err := s.config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = r.service == "s3" })
	if err := signer.SignHTTP(ctx, credentials, request, hash, r.service, cmp.Or(r.region, s.who.region), time.Now()); err != nil {
		return nil, err
	}
	response, err := s.config.HTTPClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, failureIn(response.StatusCode, answer)
	}
	return answer, nil
}

// failureIn reads the error of an XML or JSON answer.
func failureIn(status int, answer []byte) error {
	var wire struct {
		Code    string `xml:"Code" json:"__type"`
		Message string `xml:"Message" json:"message"`
		Upper   string `xml:"-" json:"Message"`
		// The query protocol has another element around them.
		InnerCode    string `xml:"Error>Code" json:"-"`
		InnerMessage string `xml:"Error>Message" json:"-"`
	}
	if json.Unmarshal(answer, &wire) != nil {
		_ = xml.Unmarshal(answer, &wire) // one without an understandable body has its status
	}
	code := cmp.Or(wire.Code[strings.LastIndexByte(wire.Code, '#')+1:], wire.InnerCode)
	return &smithy.GenericAPIError{
		Code: cmp.Or(code, http.StatusText(status)), Message: cmp.Or(wire.Message, wire.Upper, wire.InnerMessage, http.StatusText(status)),
	}
}

// endpoint is where a service is reached: as the SDK's own variables say, else
// at AWS.
func (s *session) endpoint(service, variable string) string {
	if own := os.Getenv("AWS_ENDPOINT_URL_" + variable); own != "" {
		return strings.TrimSuffix(own, "/")
	}
	if s.config.BaseEndpoint != nil {
		return strings.TrimSuffix(*s.config.BaseEndpoint, "/")
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(s.who.region, "cn-") {
		domain += ".cn"
	}
	return "https://" + service + "." + s.who.region + "." + domain
}

// Keep writes an object to a bucket of S3, encrypted as the bucket says.
func (d *Deployer) Keep(ctx context.Context, c pipeline.Cluster, bucket, key string, content []byte) error {
	s, err := d.cloud.session(ctx, c)
	if err != nil {
		return err
	}
	base := s.endpoint("s3", "S3")
	_, err = d.send(ctx, s, signedRequest{
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
	err = d.askSecrets(ctx, s, "GetSecretValue", map[string]any{"SecretId": name}, &present)
	switch {
	case err == nil && present.SecretString == value:
		return present.ARN, nil
	case err == nil:
		err = d.askSecrets(ctx, s, "PutSecretValue", map[string]any{"SecretId": name, "SecretString": value, "ClientRequestToken": requestToken()}, &present)
	case hasCode(err, "ResourceNotFoundException"):
		err = d.askSecrets(ctx, s, "CreateSecret", map[string]any{"Name": name, "SecretString": value, "ClientRequestToken": requestToken()}, &present)
	}
	return present.ARN, s.classify(op, name, err)
}

// requestToken has the 32 to 64 characters that Secrets Manager asks for.
func requestToken() string { return "deployctl-" + rand.Text() }

// askSecrets calls an operation of Secrets Manager.
func (d *Deployer) askSecrets(ctx context.Context, s *session, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	base := s.endpoint("secretsmanager", "SECRETS_MANAGER")
	answer, err := d.send(ctx, s, signedRequest{
		service: "secretsmanager", method: http.MethodPost, url: base + "/", body: body,
		header: map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager." + operation},
	})
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

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
