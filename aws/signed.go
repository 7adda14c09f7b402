package aws

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// S3, Secrets Manager, the Parameter Store and IAM are asked for few operations.
// Their SDK modules would make the program megabytes larger, so the requests are
// built here and signed with the SDK's signer.

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

// signed signs a request and sends it once. An answer that is no success is an
// error with AWS's own code. It asks no list, so that only three call it: the
// Deployer, Simulate, whose one operation changes nothing, and look, which has
// its list.
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
		return nil, &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: response}, Err: failureIn(response.StatusCode, answer)}
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
