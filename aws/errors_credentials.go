package aws

import (
	"errors"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// judgeCredentials reads failures to get credentials at all.
func judgeCredentials(who identity, err error) (verdict, bool) {
	auth := func(message, hint string) (verdict, bool) {
		return verdict{pipeline.KindAuth, message, hint}, true
	}
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return auth("there is no AWS profile "+missing.Profile, "run aws configure list-profiles, and set AWS_PROFILE or aws.profile to one of them")
	}
	if _, ok := errors.AsType[config.AssumeRoleTokenProviderNotSetError](err); ok {
		return auth("the profile's role asks for an MFA code, which cannot be typed here",
			`run eval "$(aws configure export-credentials --format env`+who.profileFlag()+`)" and start again`)
	}
	if broken, ok := errors.AsType[config.SharedConfigLoadError](err); ok {
		return auth("the AWS configuration "+broken.Filename+" cannot be read: "+innermost(broken.Err), "correct the file")
	}
	if role, ok := errors.AsType[config.SharedConfigAssumeRoleError](err); ok {
		return auth("the profile's role "+role.RoleARN+" has no usable source of credentials", "check source_profile in the AWS configuration")
	}
	if _, ok := errors.AsType[*ssocreds.InvalidTokenError](err); ok {
		return auth("the SSO session has expired or is invalid", who.login())
	}
	if process, ok := errors.AsType[*processcreds.ProviderError](err); ok {
		return auth("the profile's credential_process failed: "+process.Err.Error(), "run that command by itself to see what it asks for")
	}
	return judgeCredentialText(who, err)
}

// judgeCredentialText knows the SDK's sentences for the failures that it gives
// no type.
func judgeCredentialText(who identity, err error) (verdict, bool) {
	said := err.Error()
	for _, known := range []struct{ text, message, hint string }{
		{"failed to read cached SSO token file", "nobody has logged in to this profile's SSO session yet", who.login()},
		{"cached SSO token is expired", "the SSO session has expired", who.login()},
		{"refresh cached SSO token failed", "the SSO session could not be renewed", who.login()},
		{"unable to refresh SSO token", "the SSO session could not be renewed", who.login()},
		{"load login token", "nobody is logged in to this profile", "run aws login" + who.profileFlag()},
		{"create oauth2 token", "the login session could not be renewed", "run aws login" + who.profileFlag()},
		{"Missing Region", "no AWS region is chosen", "set AWS_REGION, or aws.region in .github/deployctl.yml"},
		{"static credentials are empty", "the AWS access keys are empty", who.replace()},
	} {
		if strings.Contains(said, known.text) {
			return verdict{pipeline.KindAuth, known.message, known.hint}, true
		}
	}
	if noSource(err, said) {
		return verdict{
			pipeline.KindAuth, "there are no AWS credentials",
			"set AWS_PROFILE or aws.profile, run aws sso login, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
		}, true
	}
	return verdict{}, false
}

// noSource reports whether the SDK went through all its sources of credentials
// and found none. The last source that it asks is the metadata service of EC2.
func noSource(err error, said string) bool {
	return strings.Contains(said, "EC2 IMDS") && strings.Contains(said, "credentials") &&
		!isAPIError(err)
}

func isAPIError(err error) bool {
	_, ok := errors.AsType[smithy.APIError](err)
	return ok
}

// profileName is the profile that is in use; empty for the default one.
func (w identity) profileName() string {
	if w.profile != "" {
		return w.profile
	}
	return os.Getenv("AWS_PROFILE")
}

func (w identity) profileFlag() string {
	if name := w.profileName(); name != "" {
		return " --profile " + name
	}
	return ""
}

// login is how to begin an SSO session.
func (w identity) login() string { return "run aws sso login" + w.profileFlag() }

// renew is how to replace credentials that were good once.
func (w identity) renew() string {
	if os.Getenv("AWS_ACCESS_KEY_ID") != "" && w.profile == "" {
		return "export new ones: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
	}
	return w.login() + ", or renew the profile's keys"
}

// replace is how to replace credentials that are wrong.
func (w identity) replace() string {
	if os.Getenv("AWS_ACCESS_KEY_ID") != "" && w.profile == "" {
		return "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
	}
	return "run aws configure" + w.profileFlag()
}
