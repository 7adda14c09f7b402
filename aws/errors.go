package aws

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/deployctl/gh-deployctl/pipeline"
	"github.com/deployctl/gh-deployctl/pipeline/sanitise"
)

// classify turns an error of the SDK into a sentence that names the fix: op on
// what could not be done, why, and what to do next. An error that was
// classified before keeps its sentence, and nil stays nil.
func classify(who identity, op, on string, err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*pipeline.Error](err); ok {
		told := *known
		if told.Op == "" {
			told.Op, told.On = op, on
		}
		return &told
	}
	v := judge(who, err)
	return &pipeline.Error{
		Kind: v.kind, Op: op, On: on,
		Message: sanitise.Text(v.message), Hint: sanitise.Text(v.hint), Err: err,
	}
}

// verdict is what an error means to an operator.
type verdict struct {
	kind          pipeline.ErrorKind
	message, hint string
}

// judge asks by type first, then by code, then by text: the SDK has no type for
// many of its failures.
func judge(who identity, err error) verdict {
	if errors.Is(err, context.Canceled) {
		return verdict{pipeline.KindUnavailable, "cancelled", ""}
	}
	if v, ok := judgeCredentials(who, err); ok {
		return v
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if v, ok := judgeCode(who, api, err); ok {
			return v
		}
	}
	if v, ok := judgeTransport(who, err); ok {
		return v
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return verdict{pipeline.KindInvalid, api.ErrorCode() + ": " + api.ErrorMessage(), ""}
	}
	return verdict{pipeline.KindInternal, err.Error(), ""}
}

// judgeCode reads the code that a service answered with.
func judgeCode(who identity, api smithy.APIError, err error) (verdict, bool) {
	code := api.ErrorCode()
	if _, throttled := retry.DefaultThrottleErrorCodes[code]; throttled || status(err) == http.StatusTooManyRequests {
		return verdict{
			pipeline.KindThrottled, "AWS throttles this account (" + code + ")",
			"the next reads come slower; other tools of the account share the quota",
		}, true
	}
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired":
		return verdict{pipeline.KindAuth, "the AWS credentials have expired", who.renew()}, true
	case "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure", "InvalidSecurity":
		return verdict{pipeline.KindAuth, "AWS does not know these credentials", who.replace()}, true
	case "SignatureDoesNotMatch", "InvalidSignatureException":
		return verdict{
			pipeline.KindAuth, "AWS does not accept the signature",
			"check the secret access key, and this machine's clock",
		}, true
	case "MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature", "IncompleteSignatureException":
		return verdict{pipeline.KindAuth, "AWS saw no valid signature: " + api.ErrorMessage(), who.replace()}, true
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "UnauthorizedException":
		return denied(api, err), true
	case "OptInRequired", "SubscriptionRequiredException":
		return verdict{pipeline.KindForbidden, "the account may not use this service in " + who.region, "check aws.region, or enable the region"}, true
	}
	if message, hint, ok := absent(who, code, api.ErrorMessage()); ok {
		return verdict{pipeline.KindNotFound, message, hint}, true
	}
	if s := status(err); s >= http.StatusInternalServerError {
		return verdict{pipeline.KindUnavailable, answered(s) + " (" + code + ")", "wait a moment and try again"}, true
	}
	return verdict{}, false
}

// absent reads the codes that say that something is not there.
func absent(who identity, code, message string) (sentence, hint string, ok bool) {
	switch code {
	case "ClusterNotFoundException":
		return "there is no such cluster in " + who.region, "check cluster and aws.region in .github/deployctl.yml, and the profile's account", true
	case "ServiceNotFoundException":
		return "there is no such service", "check services in .github/deployctl.yml", true
	case "ServiceNotActiveException":
		return "the service is not active", "", true
	case "ResourceNotFoundException", "ServiceDeploymentNotFoundException", "RepositoryNotFoundException",
		"ImageNotFoundException", "TargetGroupNotFound", "TargetGroupNotFoundException", "LoadBalancerNotFound",
		"DBInstanceNotFound", "DBInstanceNotFoundFault", "DBClusterNotFoundFault", "DBSnapshotNotFound", "DBClusterSnapshotNotFoundFault":
		return cmp.Or(strings.TrimSuffix(message, "."), code), "", true
	case "ClientException":
		// ECS has no code of its own for a task definition that is gone.
		return strings.TrimSuffix(message, "."), "", strings.HasPrefix(message, "Unable to describe task definition")
	}
	return "", "", false
}

var (
	deniedAction = regexp.MustCompile(`not authorized to perform: ([\w-]+:\w+)`)
	deniedUser   = regexp.MustCompile(`User: (\S+)`)
)

// denied names the action that is missing and who misses it. Some services say
// neither; then the operation stands for the action.
func denied(api smithy.APIError, err error) verdict {
	action := "this"
	if m := deniedAction.FindStringSubmatch(api.ErrorMessage()); m != nil {
		action = m[1]
	} else if op, ok := errors.AsType[*smithy.OperationError](err); ok {
		action = iamPrefix(op.ServiceID) + ":" + op.OperationName
	}
	who := "this identity"
	if m := deniedUser.FindStringSubmatch(api.ErrorMessage()); m != nil {
		who = m[1]
	}
	v := verdict{pipeline.KindForbidden, who + " is not allowed " + action, "allow it in an IAM policy of that identity"}
	if strings.Contains(api.ErrorMessage(), "explicit deny") {
		v.hint = "a policy denies it explicitly; ask whoever owns that policy"
	}
	return v
}

// iamPrefix is the prefix of a service's IAM actions.
func iamPrefix(serviceID string) string {
	switch serviceID {
	case "CloudWatch Logs":
		return "logs"
	case "Elastic Load Balancing v2":
		return "elasticloadbalancing"
	}
	return strings.ToLower(strings.ReplaceAll(serviceID, " ", ""))
}

// judgeTransport reads failures in which no service took part.
func judgeTransport(who identity, err error) (verdict, bool) {
	if errors.Is(err, context.DeadlineExceeded) {
		return verdict{pipeline.KindUnavailable, "AWS did not answer in time", "check the network and the proxy"}, true
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		return verdict{
			pipeline.KindUnavailable, "the host " + lookup.Name + " cannot be found",
			"check the network, the proxy, and that " + who.region + " is a region",
		}, true
	}
	if sent, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return verdict{
			pipeline.KindUnavailable, "AWS cannot be reached: " + innermost(sent.Err),
			"check the network, the proxy and AWS_ENDPOINT_URL",
		}, true
	}
	if s := status(err); s >= http.StatusInternalServerError {
		return verdict{pipeline.KindUnavailable, answered(s), "wait a moment and try again"}, true
	}
	if torn(err) {
		return verdict{pipeline.KindUnavailable, "the answer broke off", "check the network and the proxy"}, true
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return verdict{
			pipeline.KindInvalid, "the answer cannot be understood: " + innermost(err),
			"check AWS_ENDPOINT_URL and the proxy: something other than AWS may have answered",
		}, true
	}
	return verdict{}, false
}

// torn reports whether an answer ended before it was whole: in the middle of a
// document, or because its connection failed while it was read.
func torn(err error) bool {
	_, failed := errors.AsType[*net.OpError](err)
	return failed || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe)
}

// innermost is the text of the last error of a chain, with the address that
// was asked where there is one.
func innermost(err error) string {
	if address, ok := errors.AsType[*url.Error](err); ok {
		err = address.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Error()
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// status is the HTTP status of the answer that err is about; 0 where there was none.
func status(err error) int {
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.Response != nil {
		return answer.HTTPStatusCode()
	}
	return 0
}

// answered says what AWS, or something before it, answered.
func answered(status int) string {
	return "AWS answered " + strconv.Itoa(status) + " " + http.StatusText(status)
}
