package aws

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// answering is AWS that answers every request alike.
func answering(status int, body string) wire {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status), Request: r, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
}

// TestAnswersBecomeSentences runs real calls over a wire that fails.
func TestAnswersBecomeSentences(t *testing.T) {
	for name, test := range map[string]struct {
		wire wire
		kind pipeline.ErrorKind
		says []string
	}{
		"expired": {
			answering(400, `{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`),
			pipeline.KindAuth,
			[]string{"have expired", "aws sso login"},
		},
		"unknown key": {
			answering(400, `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`),
			pipeline.KindAuth,
			[]string{"does not know these credentials", "aws configure"},
		},
		"wrong secret": {
			answering(403, `{"__type":"InvalidSignatureException","message":"…"}`),
			pipeline.KindAuth,
			[]string{"signature", "clock"},
		},
		"denied": {
			answering(400, `{"__type":"AccessDeniedException","message":"User: arn:aws:iam::123456789012:user/bob is not authorized to perform: ecs:ListServices on resource: * because no identity-based policy allows it"}`),
			pipeline.KindForbidden,
			[]string{"user/bob", "ecs:ListServices", "IAM policy"},
		},
		"denied explicitly": {
			answering(400, `{"__type":"AccessDeniedException","message":"User: arn:x is not authorized to perform: ecs:ListServices with an explicit deny in a service control policy"}`),
			pipeline.KindForbidden,
			[]string{"explicitly"},
		},
		"denied without words": {
			answering(400, `{"__type":"AccessDeniedException"}`),
			pipeline.KindForbidden,
			[]string{"ecs:ListServices"},
		},
		"throttled": {
			answering(400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`),
			pipeline.KindThrottled,
			[]string{"throttles", "quota"},
		},
		"no cluster": {
			answering(400, `{"__type":"ClusterNotFoundException","message":"Cluster not found."}`),
			pipeline.KindNotFound,
			[]string{"no such cluster in eu-central-1", "aws.region"},
		},
		"5xx": {
			answering(503, `{"__type":"ServerException","message":"try again"}`),
			pipeline.KindUnavailable,
			[]string{"503 Service Unavailable"},
		},
		"bad gateway of a proxy": {
			answering(502, `<html>nope</html>`),
			pipeline.KindUnavailable,
			[]string{"502 Bad Gateway", "try again"},
		},
		"not AWS": {
			answering(200, `<html>welcome to the captive portal</html>`),
			pipeline.KindInvalid,
			[]string{"cannot be understood", "AWS_ENDPOINT_URL"},
		},
		"invalid": {
			answering(400, `{"__type":"InvalidParameterException","message":"Identifier is too long"}`),
			pipeline.KindInvalid,
			[]string{"Identifier is too long"},
		},
		"refused connection": {
			func(*http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
			},
			pipeline.KindUnavailable,
			[]string{"connection refused", "proxy"},
		},
		"connection lost in the answer": {
			func(*http.Request) (*http.Response, error) {
				lost := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(iotest.ErrReader(lost))}, nil
			},
			pipeline.KindUnavailable,
			[]string{"broke off"},
		},
		"no such host": {
			func(*http.Request) (*http.Response, error) {
				return nil, &net.DNSError{Name: "ecs.eu-central-7.amazonaws.com", IsNotFound: true}
			},
			pipeline.KindUnavailable,
			[]string{"ecs.eu-central-7.amazonaws.com", "is a region"},
		},
		"cancelled": {
			func(*http.Request) (*http.Response, error) { return nil, context.Canceled },
			pipeline.KindUnavailable,
			[]string{"cancelled"},
		},
		"slow": {
			func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded },
			pipeline.KindUnavailable,
			[]string{"in time"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "")
			synctest.Test(t, func(t *testing.T) { // the retries wait
				_, err := over(t, test.wire).ServiceNames(t.Context(), production)
				wantSentence(t, err, test.kind, append(test.says, "cannot list the services of cluster shop-production: ")...)
			})
		})
	}
}

// TestMissingCredentialsBecomeSentences loads real configurations of the SDK.
func TestMissingCredentialsBecomeSentences(t *testing.T) {
	const sso = "[sso-session s]\nsso_start_url=https://x.awsapps.com/start\nsso_region=eu-central-1\nsso_registration_scopes=sso:account:access\n"
	const account = "sso_account_id=123456789012\nsso_role_name=Watch\n"
	for name, test := range map[string]struct {
		config  string
		profile string
		region  string
		says    []string
	}{
		"no profile":        {"", "prod", "eu-central-1", []string{"profile prod", "list-profiles"}},
		"no credentials":    {"", "", "eu-central-1", []string{"there are no AWS credentials", "AWS_PROFILE"}},
		"no region":         {"[profile p]\naws_access_key_id=A\naws_secret_access_key=B\n", "p", "", []string{"no AWS region", "AWS_REGION", "aws.region"}},
		"never logged in":   {sso + "[profile p]\nsso_session=s\n" + account, "p", "eu-central-1", []string{"logged in", "aws sso login --profile p"}},
		"legacy sso":        {"[profile p]\nsso_start_url=https://x.awsapps.com/start\nsso_region=eu-central-1\n" + account, "p", "eu-central-1", []string{"SSO session", "aws sso login --profile p"}},
		"multi-factor role": {"[profile p]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=q\nmfa_serial=arn:aws:iam::1:mfa/m\n[profile q]\naws_access_key_id=A\naws_secret_access_key=B\n", "p", "eu-central-1", []string{"MFA", "export-credentials --format env --profile p"}},
		"process":           {"[profile p]\ncredential_process=sh -c 'echo vault is sealed >&2; exit 3'\n", "p", "eu-central-1", []string{"credential_process failed", "vault is sealed"}},
		"login profile":     {"[profile p]\nlogin_session=arn:aws:iam::1:user/u\n", "p", "eu-central-1", []string{"logged in", "aws login --profile p"}},
	} {
		t.Run(name, func(t *testing.T) {
			isolate(t, test.config)
			c, err := New(t.Context(), Options{Region: test.region})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Identity(t.Context(), pipeline.Cluster{Profile: test.profile})
			wantSentence(t, err, pipeline.KindAuth, append(test.says, "cannot use the AWS credentials of ")...)
		})
	}
}

// isolate keeps the machine's own AWS configuration out of a test.
func isolate(t *testing.T, config string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{
		"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", dir)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantSentence(t *testing.T, err error, kind pipeline.ErrorKind, says ...string) {
	t.Helper()
	told, ok := errors.AsType[*pipeline.Error](err)
	if !ok {
		t.Fatalf("not a *pipeline.Error: %v", err)
	}
	if told.Kind != kind {
		t.Errorf("kind %s, want %s: %v", told.Kind, kind, err)
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if told.Err == nil && told.Kind != pipeline.KindRefused && !strings.Contains(told.Message, "region") {
		t.Error("the cause is lost")
	}
}

func TestClassify(t *testing.T) {
	who := identity{region: "eu-central-1", profile: "prod"}
	for name, test := range map[string]struct {
		err  error
		kind pipeline.ErrorKind
		says string
	}{
		"query expired":  {failure("ExpiredToken", ""), pipeline.KindAuth, "aws sso login --profile prod"},
		"query unknown":  {failure("InvalidClientTokenId", ""), pipeline.KindAuth, "aws configure --profile prod"},
		"query denied":   {failure("AccessDenied", "User: arn:u is not authorized to perform: rds:DescribeDBSnapshots"), pipeline.KindForbidden, "arn:u is not allowed rds:DescribeDBSnapshots"},
		"no log group":   {failure("ResourceNotFoundException", "The specified log group does not exist."), pipeline.KindNotFound, "The specified log group does not exist"},
		"no definition":  {failure("ClientException", "Unable to describe task definition."), pipeline.KindNotFound, "Unable to describe"},
		"other client":   {failure("ClientException", "Too many concurrent attempts."), pipeline.KindInvalid, "Too many concurrent attempts."},
		"closed region":  {failure("OptInRequired", ""), pipeline.KindForbidden, "eu-central-1"},
		"sso expired":    {errors.New("get credentials: cached SSO token is expired, or not present, and cannot be refreshed"), pipeline.KindAuth, "aws sso login --profile prod"},
		"sso invalid":    {&ssocreds.InvalidTokenError{}, pipeline.KindAuth, "aws sso login --profile prod"},
		"unforeseen":     {errors.New("boom\x1b[2J"), pipeline.KindInternal, "boom"},
		"wrapped denied": {&smithy.OperationError{ServiceID: "Elastic Load Balancing v2", OperationName: "DescribeTargetHealth", Err: failure("AccessDenied", "no")}, pipeline.KindForbidden, "elasticloadbalancing:DescribeTargetHealth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "")
			err := classify(who, "try", "something", test.err)
			wantSentence(t, err, test.kind, test.says)
			if strings.ContainsRune(err.Error(), '\x1b') {
				t.Errorf("an escape got through: %q", err)
			}
			if again := classify(who, "other", "thing", err); again.Error() != err.Error() {
				t.Errorf("classified twice: %q", again)
			}
		})
	}
	if classify(who, "try", "x", nil) != nil {
		t.Error("no error became one")
	}
}
