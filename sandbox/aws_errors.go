package sandbox

import (
	"fmt"
	"net/http"
)

// An awsError is a failure as AWS words it. Code is the name without the
// protocol's decoration, status the HTTP code of the JSON protocols.
type awsError struct {
	code    string
	message string
	status  int

	// The older protocols have their own name and HTTP code for some failures;
	// empty and zero mean the same as above.
	queryCode   string
	queryStatus int

	members document // further members of a modelled error
}

// Error gives code and message.
func (e *awsError) Error() string { return e.code + ": " + e.message }

// fault says whether the sender or the receiver is to blame, in XML's words.
func (e *awsError) fault() string {
	if e.status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

// inQuery gives the code and HTTP status of the query protocol and of S3.
func (e *awsError) inQuery() (code string, status int) {
	code, status = e.code, e.status
	if e.queryCode != "" {
		code = e.queryCode
	}
	if e.queryStatus != 0 {
		status = e.queryStatus
	}
	return code, status
}

// awsFailure makes a client error (HTTP 400) with a formatted message.
func awsFailure(code, format string, args ...any) *awsError {
	return &awsError{code: code, message: fmt.Sprintf(format, args...), status: http.StatusBadRequest}
}

// awsNotFound makes a client error that XML protocols answer with 404.
func awsNotFound(code, format string, args ...any) *awsError {
	err := awsFailure(code, format, args...)
	err.queryStatus = http.StatusNotFound
	return err
}

func errInvalidParameter(format string, args ...any) *awsError {
	return awsFailure("InvalidParameterException", format, args...)
}

func errMissingToken() *awsError {
	return &awsError{
		code: "MissingAuthenticationTokenException", message: "Missing Authentication Token", status: http.StatusBadRequest,
		queryCode: "MissingAuthenticationToken", queryStatus: http.StatusForbidden,
	}
}

func errIncompleteSignature(format string, args ...any) *awsError {
	return &awsError{
		code: "IncompleteSignatureException", message: fmt.Sprintf(format, args...), status: http.StatusBadRequest,
		queryCode: "IncompleteSignature",
	}
}

func errExpiredToken() *awsError {
	return &awsError{
		code: "ExpiredTokenException", message: "The security token included in the request is expired", status: http.StatusBadRequest,
		queryCode: "ExpiredToken", queryStatus: http.StatusForbidden,
	}
}

func errUnknownToken() *awsError {
	return &awsError{
		code: "UnrecognizedClientException", message: "The security token included in the request is invalid.", status: http.StatusBadRequest,
		queryCode: "InvalidClientTokenId", queryStatus: http.StatusForbidden,
	}
}

func errDenied(principal, action string) *awsError {
	return &awsError{
		code: "AccessDeniedException", status: http.StatusBadRequest,
		message: fmt.Sprintf("User: %s is not authorized to perform: %s because no identity-based policy allows the %s action",
			principal, action, action),
		queryCode: "AccessDenied", queryStatus: http.StatusForbidden,
	}
}

func errThrottled() *awsError {
	return &awsError{
		code: "ThrottlingException", message: "Rate exceeded", status: http.StatusBadRequest,
		queryCode: "Throttling",
	}
}

func errUnavailable() *awsError {
	return &awsError{
		code: "ServiceUnavailableException", message: "Service is unavailable. Please try again.", status: http.StatusServiceUnavailable,
		queryCode: "ServiceUnavailable",
	}
}

func errUnknownOperation(operation, version string) *awsError {
	return &awsError{
		code: "UnknownOperationException", status: http.StatusBadRequest,
		message:   fmt.Sprintf("Could not find operation %s for version %s", operation, version),
		queryCode: "InvalidAction",
	}
}

func errSerialization(err error) *awsError {
	return &awsError{
		code: "SerializationException", message: err.Error(), status: http.StatusBadRequest,
		queryCode: "MalformedInput",
	}
}
