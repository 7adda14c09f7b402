package sandbox

import (
	"encoding/base64"
	"regexp"
	"strings"
	"time"
)

var stsOperations = map[string]awsOperation{
	"GetCallerIdentity":         getCallerIdentity,
	"AssumeRole":                operation((*awsAPI).assumeRole),
	"AssumeRoleWithWebIdentity": operation((*awsAPI).assumeRoleWithWebIdentity),
}

func getCallerIdentity(_ *awsAPI, call *awsCall) (document, error) {
	return document{"Account": Account, "Arn": call.caller.arn, "UserId": call.caller.userID}, nil
}

type assumeRoleInput struct {
	RoleArn          string
	RoleSessionName  string
	DurationSeconds  *int
	WebIdentityToken string
}

var roleARN = regexp.MustCompile(`^arn:aws:iam::\d{12}:role/([\w+=,.@/-]+)$`)

func (a *awsAPI) assumeRole(in assumeRoleInput) (document, error) {
	role := roleARN.FindStringSubmatch(in.RoleArn)
	if role == nil {
		return nil, awsFailure("ValidationError", "%s is invalid", in.RoleArn)
	}
	if len(in.RoleSessionName) < 2 {
		return nil, awsFailure("ValidationError", "Value at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2")
	}
	duration := time.Hour
	if in.DurationSeconds != nil {
		duration = time.Duration(*in.DurationSeconds) * time.Second
	}
	if duration < 15*time.Minute || duration > 12*time.Hour {
		return nil, awsFailure("ValidationError", "DurationSeconds must be between 900 and 43200.")
	}
	digits := strings.ToUpper(a.world.hash40("session", a.requests))
	key, roleID := "ASIA"+digits[:16], "AROA"+digits[16:33]
	session := awsCaller{
		userID: roleID + ":" + in.RoleSessionName,
		arn:    "arn:aws:sts::" + Account + ":assumed-role/" + lastPart(role[1]) + "/" + in.RoleSessionName,
		until:  a.world.Now().Add(duration),
	}
	a.sessions[key] = session
	return document{
		"Credentials": document{
			"AccessKeyId": key, "SecretAccessKey": a.world.hash40("secret", key),
			"SessionToken": base64.StdEncoding.EncodeToString([]byte(a.world.hash40("token", key))),
		}.at("Expiration", session.until),
		"AssumedRoleUser": document{"AssumedRoleId": session.userID, "Arn": session.arn},
	}, nil
}

// assumeRoleWithWebIdentity is what a GitHub Actions job does with its OIDC
// token; it is the one operation that needs no signature.
func (a *awsAPI) assumeRoleWithWebIdentity(in assumeRoleInput) (document, error) {
	if in.WebIdentityToken == "" {
		return nil, awsFailure("InvalidIdentityToken", "No OpenIDConnect provider found in your account for the given token")
	}
	out, err := a.assumeRole(in)
	if err != nil {
		return nil, err
	}
	out["Audience"] = "sts.amazonaws.com"
	out["Provider"] = "arn:aws:iam::" + Account + ":oidc-provider/token.actions.githubusercontent.com"
	return out, nil
}
