package sandbox

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// awsBodyLimit is the largest request body that is read, in bytes.
const awsBodyLimit = 64 << 20

// An awsProtocol gives answers and failures the form that the client speaks.
type awsProtocol interface {
	answer(w http.ResponseWriter, call *awsCall, out document)
	refuse(w http.ResponseWriter, call *awsCall, err *awsError)
}

// An awsCall is one request to AWS after its protocol has been read.
type awsCall struct {
	service   string // the service's prefix in IAM actions; empty when unknown
	version   string // what the client called the API, for error messages
	operation string
	requestID string
	caller    awsCaller
	decode    func(into any) error
}

// action is the IAM name of the operation.
func (c *awsCall) action() string { return c.service + ":" + c.operation }

// An awsOperation runs one operation of one service.
type awsOperation func(a *awsAPI, call *awsCall) (document, error)

// operation makes an awsOperation of a method with a typed input.
func operation[In any](run func(*awsAPI, In) (document, error)) awsOperation {
	return func(a *awsAPI, call *awsCall) (document, error) {
		var in In
		if err := call.decode(&in); err != nil {
			return nil, errSerialization(err)
		}
		return run(a, in)
	}
}

// awsOperations holds every operation that the sandbox knows, by service.
var awsOperations = map[string]map[string]awsOperation{
	"application-autoscaling": scalingOperations,
	"cloudwatch":              cloudwatchOperations,
	"ecr":                     ecrOperations,
	"ecs":                     ecsOperations,
	"elasticloadbalancing":    elbOperations,
	"iam":                     iamOperations,
	"logs":                    logsOperations,
	"rds":                     rdsOperations,
	"secretsmanager":          secretsOperations,
	"servicediscovery":        discoveryOperations,
	"ssm":                     ssmOperations,
	"sts":                     stsOperations,
}

// awsAPI is the AWS surface of a world: every service of one account, on one
// host. It is guarded by the world's mutex, like the world itself.
type awsAPI struct {
	world    *World
	sessions map[string]awsCaller // of assumed roles, by access key
	tokens   map[string]*taskRequest
	secrets  map[string]string // values that clients put, by ARN
	tags     map[string][]Pair // given to resources that hold none in the world, by ARN
	put      []*metric         // metrics that clients put
	queries  []*insightsRun
	requests int64
	abroad   *awsAPI // of the second account; nil where there is none
	region   string  // that the account is in

	// refuse, where set, is asked before every operation but GetCallerIdentity,
	// with the IAM action and the caller's ARN. What it returns is the answer:
	// throttling, missing permissions and other trouble come in here.
	refuse func(action, caller string) *awsError

	// policies are what access keys, users and roles may do; who is not named
	// may do everything.
	policies map[string][]policy
}

func newAWSAPI(world *World) *awsAPI {
	a := &awsAPI{
		world:    world,
		region:   Region,
		sessions: map[string]awsCaller{},
		tokens:   map[string]*taskRequest{},
		secrets:  map[string]string{},
		tags:     map[string][]Pair{},
	}
	if world.abroad != nil {
		a.abroad = newAWSAPI(world.abroad)
		a.abroad.sessions, a.abroad.region = a.sessions, abroadRegion
	}
	return a
}

// serveAWS answers one request to AWS. The caller holds the world's lock.
func (s *Sandbox) serveAWS(w http.ResponseWriter, r *http.Request) { s.aws.serve(w, r) }

// serve answers one request: it recognises the protocol, checks the credentials
// and runs the operation. The caller holds the world's lock.
func (a *awsAPI) serve(w http.ResponseWriter, r *http.Request) {
	if a.abroad != nil && regionOf(r) == abroadRegion {
		a.abroad.serveAbroad(w, r)
		return
	}
	a.requests++
	requestID := a.requestID()
	if isS3(r) {
		newS3Request(a, r, requestID).answer(w)
		return
	}
	body, err := readAWSBody(r)
	protocol, call := newAWSCall(r, body)
	call.requestID = requestID
	w.Header().Set("X-Amzn-Requestid", requestID)
	var out document
	if err == nil {
		out, err = a.run(call, r)
	}
	if err != nil {
		protocol.refuse(w, call, asAWSError(err))
		return
	}
	protocol.answer(w, call, out)
}

func (a *awsAPI) run(call *awsCall, r *http.Request) (document, error) {
	run := awsOperations[call.service][call.operation]
	if run == nil {
		return nil, errUnknownOperation(call.operation, call.version)
	}
	caller, err := a.authenticate(r)
	if err != nil && call.action() != "sts:AssumeRoleWithWebIdentity" {
		return nil, err
	}
	call.caller = caller
	if err := a.authorize(call.action(), caller); err != nil {
		return nil, err
	}
	if err := a.allow(call); err != nil {
		return nil, err
	}
	if caller.region != a.region && call.service != "sts" {
		return run(a.elsewhere(), call)
	}
	return run(a, call)
}

// elsewhere is the account in a region where nothing was ever created.
func (a *awsAPI) elsewhere() *awsAPI {
	empty := newAWSAPI(&World{now: a.world.now, speed: 1, Cloud: &Cloud{TaskDefinitions: map[string][]*TaskDefinition{}}})
	empty.sessions, empty.policies = a.sessions, a.policies
	return empty
}

// requestID is a UUID that counts the requests.
func (a *awsAPI) requestID() string {
	return fmt.Sprintf("5a4db0c5-0000-4000-8000-%012x", a.requests)
}

// newAWSCall recognises the protocol of a request that is not for S3.
func newAWSCall(r *http.Request, body []byte) (awsProtocol, *awsCall) {
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		return newAWSJSON(r, body)
	case r.Header.Get("Smithy-Protocol") == smithyProtocolCBOR:
		return newAWSCBOR(r, body)
	default:
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("Action") == "" {
			form = r.URL.Query()
		}
		r.Form = form // for whoever counts requests by operation
		return newAWSQuery(form)
	}
}

// readAWSBody reads the whole body; large requests to CloudWatch are compressed.
func readAWSBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, awsBodyLimit))
	if err != nil {
		return nil, errSerialization(err)
	}
	if !strings.Contains(r.Header.Get("Content-Encoding"), "gzip") {
		return body, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, errSerialization(err)
	}
	body, err = io.ReadAll(io.LimitReader(reader, awsBodyLimit))
	if err != nil {
		return nil, errSerialization(err)
	}
	return body, nil
}

// refuseAWS answers a request with a failure, in the form of its protocol, without
// looking at what it asks for.
func refuseAWS(w http.ResponseWriter, r *http.Request, err *awsError) {
	if isS3(r) {
		newS3Request(nil, r, "").refuse(w, err)
		return
	}
	body, _ := readAWSBody(r) // an unreadable one is refused all the same
	protocol, call := newAWSCall(r, body)
	protocol.refuse(w, call, err)
}

// asAWSError takes any other error for a failure of AWS itself.
func asAWSError(err error) *awsError {
	if known, ok := errors.AsType[*awsError](err); ok {
		return known
	}
	return &awsError{
		code: "InternalFailure", message: err.Error(), status: http.StatusInternalServerError,
	}
}
