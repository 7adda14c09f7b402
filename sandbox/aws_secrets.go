package sandbox

import (
	"slices"
	"strings"
)

var secretsOperations = map[string]awsOperation{
	"ListSecrets":    operation((*awsAPI).listSecrets),
	"DescribeSecret": operation((*awsAPI).describeSecret),
	"GetSecretValue": operation((*awsAPI).getSecretValue),
	"CreateSecret":   operation((*awsAPI).createSecret),
	"PutSecretValue": operation((*awsAPI).putSecretValue),
}

type secretsInput struct {
	SecretID               string
	Name                   string
	SecretString           string
	ClientRequestToken     string
	VersionID              string
	VersionStage           string
	IncludePlannedDeletion bool
	Filters                []struct {
		Key    string
		Values []string
	}
	MaxResults *int
	NextToken  string
}

// secret finds a secret by name or ARN. An ARN may lack the six characters that
// Secrets Manager adds to the name, as in a task definition.
func (a *awsAPI) secret(ref string) (*CloudSecret, error) {
	for _, secret := range a.world.Cloud.Secrets {
		short := secret.ARN
		if cut := strings.LastIndex(short, "-"); cut > 0 {
			short = short[:cut]
		}
		if ref == secret.Name || ref == secret.ARN || ref == short {
			return secret, nil
		}
	}
	return nil, awsFailure("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func (a *awsAPI) listSecrets(in secretsInput) (document, error) {
	var secrets []*CloudSecret
	for _, secret := range a.world.Cloud.Secrets {
		if (in.IncludePlannedDeletion || secret.Deleted.IsZero()) && in.matches(secret) {
			secrets = append(secrets, secret)
		}
	}
	secrets, next, err := cutPage(secrets, pageRequest{in.MaxResults, in.NextToken, 100, 100})
	if err != nil {
		return nil, err
	}
	list := []document{}
	for _, secret := range secrets {
		list = append(list, secretDocument(secret))
	}
	return document{"SecretList": list}.set("NextToken", next), nil
}

// matches applies the filters by name; each value is a prefix.
func (in secretsInput) matches(secret *CloudSecret) bool {
	for _, filter := range in.Filters {
		has := func(value string) bool { return strings.HasPrefix(secret.Name, value) }
		if (filter.Key == "name" || filter.Key == "all") && !slices.ContainsFunc(filter.Values, has) {
			return false
		}
	}
	return true
}

func secretDocument(secret *CloudSecret) document {
	return document{
		"Name": secret.Name, "ARN": secret.ARN,
		"VersionIdsToStages": document{secretVersion(secret): []string{"AWSCURRENT"}},
		"Tags":               []document{{"Key": "Project", "Value": "shop"}},
	}.at("CreatedDate", secret.Created).at("LastChangedDate", secret.Changed).at("DeletedDate", secret.Deleted)
}

func secretVersion(secret *CloudSecret) string {
	return containerUUID(stableHex(secret.Name+secret.Changed.String(), 32))
}

func (a *awsAPI) describeSecret(in secretsInput) (document, error) {
	secret, err := a.secret(in.SecretID)
	if err != nil {
		return nil, err
	}
	return secretDocument(secret), nil
}

// getSecretValue gives the value that a client put, or one that is made up from
// the secret's name.
func (a *awsAPI) getSecretValue(in secretsInput) (document, error) {
	secret, err := a.secret(in.SecretID)
	if err != nil {
		return nil, err
	}
	if !secret.Deleted.IsZero() {
		return nil, awsFailure("InvalidRequestException",
			"You can't perform this operation on the secret because it was marked for deletion.")
	}
	if in.VersionStage != "" && in.VersionStage != "AWSCURRENT" || in.VersionID != "" && in.VersionID != secretVersion(secret) {
		return nil, awsFailure("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for that version.")
	}
	return document{
		"Name": secret.Name, "ARN": secret.ARN, "VersionId": secretVersion(secret), "VersionStages": []string{"AWSCURRENT"},
		"SecretString": a.secretValue(secret),
	}.at("CreatedDate", secret.Changed), nil
}

func (a *awsAPI) secretValue(secret *CloudSecret) string {
	if value, ok := a.secrets[secret.ARN]; ok {
		return value
	}
	return "sandbox-" + stableHex(secret.Name, 24)
}

// createSecret makes a secret with its first value.
func (a *awsAPI) createSecret(in secretsInput) (document, error) {
	switch {
	case len(in.ClientRequestToken) < 32 || len(in.ClientRequestToken) > 64:
		return nil, awsFailure("InvalidParameterException", "ClientRequestToken must be 32-64 characters long.")
	case in.Name == "":
		return nil, awsFailure("InvalidParameterException", "You must provide a name for the secret.")
	}
	if _, err := a.secret(in.Name); err == nil {
		return nil, awsFailure("ResourceExistsException", "The operation failed because the secret %s already exists.", in.Name)
	}
	now := a.world.now
	secret := &CloudSecret{Name: in.Name, ARN: a.world.secretARN(in.Name), Created: now, Changed: now}
	a.world.Cloud.Secrets = append(a.world.Cloud.Secrets, secret)
	a.secrets[secret.ARN] = in.SecretString
	return document{"Name": secret.Name, "ARN": secret.ARN, "VersionId": secretVersion(secret)}, nil
}

// putSecretValue gives a secret another value, which becomes the current one.
func (a *awsAPI) putSecretValue(in secretsInput) (document, error) {
	secret, err := a.secret(in.SecretID)
	if err != nil {
		return nil, err
	}
	if len(in.ClientRequestToken) < 32 || len(in.ClientRequestToken) > 64 {
		return nil, awsFailure("InvalidParameterException", "ClientRequestToken must be 32-64 characters long.")
	}
	secret.Changed = a.world.now
	a.secrets[secret.ARN] = in.SecretString
	return document{"Name": secret.Name, "ARN": secret.ARN, "VersionId": secretVersion(secret), "VersionStages": []string{"AWSCURRENT"}}, nil
}
