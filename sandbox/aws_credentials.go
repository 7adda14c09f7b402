package sandbox

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// An awsCaller is who signed a request.
type awsCaller struct {
	accessKey string
	userID    string
	arn       string
	region    string
	until     time.Time // when a session ends; zero for a user's own keys
}

// Access keys that begin so are valid in form but answered as their name says.
const (
	expiredAccessKey = "EXPIRED"
	deniedAccessKey  = "DENIED"
	unknownAccessKey = "UNKNOWN"
)

var credentialScope = regexp.MustCompile(`^([A-Za-z0-9_]{4,})/\d{8}/([a-z0-9-]+)/([a-z0-9.-]+)/aws4_request$`)

// authenticate finds out who signed a request, by its Authorization header or,
// where it was presigned, by its query. The sandbox knows no secret keys, so it
// checks that a signature is there and in form, not that it is right.
func (a *awsAPI) authenticate(r *http.Request) (awsCaller, error) {
	credential, err := signedCredential(r)
	if err != nil {
		return awsCaller{}, err
	}
	scope := credentialScope.FindStringSubmatch(credential)
	if scope == nil {
		return awsCaller{}, errIncompleteSignature("Credential must have at least 5 elements, not %q", credential)
	}
	key, region := scope[1], scope[2]
	switch {
	case strings.HasPrefix(key, expiredAccessKey):
		return awsCaller{}, errExpiredToken()
	case strings.HasPrefix(key, unknownAccessKey):
		return awsCaller{}, errUnknownToken()
	}
	caller, ok := a.sessions[key]
	if !ok {
		caller = awsCaller{userID: "AIDASANDBOXALICE00001", arn: "arn:aws:iam::" + Account + ":user/alice"}
	}
	if !caller.until.IsZero() && a.world.Now().After(caller.until) {
		return awsCaller{}, errExpiredToken()
	}
	caller.accessKey, caller.region = key, region
	return caller, nil
}

func signedCredential(r *http.Request) (string, error) {
	if credential := r.URL.Query().Get("X-Amz-Credential"); credential != "" {
		return credential, nil
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", errMissingToken()
	}
	parameters, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return "", errIncompleteSignature("Unsupported authorization type; use AWS4-HMAC-SHA256")
	}
	found := map[string]string{}
	for part := range strings.SplitSeq(parameters, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		found[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if found[name] == "" {
			return "", errIncompleteSignature("Authorization header requires '%s' parameter.", name)
		}
	}
	return found["Credential"], nil
}

// authorize says whether the caller may run the action, and whether the world
// lets it through at this moment.
func (a *awsAPI) authorize(action string, caller awsCaller) error {
	if action == "sts:GetCallerIdentity" {
		return nil // needs no permission
	}
	if strings.HasPrefix(caller.accessKey, deniedAccessKey) {
		return errDenied(caller.arn, action)
	}
	if a.refuse == nil {
		return nil
	}
	if err := a.refuse(action, caller.arn); err != nil {
		return err
	}
	return nil
}
