package sandbox

import (
	"encoding/json"
	"slices"
	"strings"
)

var iamOperations = map[string]awsOperation{
	"CreateOpenIDConnectProvider": operation((*awsAPI).createProvider),
	"CreateRole":                  operation((*awsAPI).createRole),
	"PutRolePolicy":               operation((*awsAPI).putRolePolicy),
	"SimulatePrincipalPolicy":     simulatePrincipalPolicy,
}

// principal is whose policies count for a caller: the user, or the role behind
// a session.
func (c awsCaller) principal() string {
	role, ok := strings.CutPrefix(c.arn, "arn:aws:sts::"+Account+":assumed-role/")
	if !ok {
		return c.arn
	}
	name, _, _ := strings.Cut(role, "/")
	return "arn:aws:iam::" + Account + ":role/" + name
}

// policiesOf returns what a caller may do; not limited where nothing was said
// of the access key and of the principal.
func (a *awsAPI) policiesOf(accessKey, principal string) (policies []policy, limited bool) {
	for _, name := range []string{accessKey, principal} {
		if list, ok := a.policies[name]; ok {
			return list, true
		}
	}
	return nil, false
}

// allow refuses a call that the caller's policies do not allow on each of its
// resources.
func (a *awsAPI) allow(call *awsCall) error {
	policies, limited := a.policiesOf(call.caller.accessKey, call.caller.principal())
	if !limited || call.service == "sts" {
		return nil
	}
	for _, wanted := range call.accesses() {
		if decide(policies, wanted) != "allowed" {
			return errDenied(call.caller.arn, wanted.action)
		}
	}
	return nil
}

// callNames are the parameters that name what a call is about.
type callNames struct {
	Cluster, Service, TaskDefinition, Family   string
	Services, Tasks                            []string
	ServiceDeploymentArns, ServiceRevisionArns []string
	ServiceDeploymentArn                       string
	TaskRoleArn, ExecutionRoleArn              string
	LogGroupName, RepositoryName               string
	DBInstanceIdentifier, DBClusterIdentifier  string
	DBSnapshotIdentifier                       string
	DBClusterSnapshotIdentifier                string
	SecretID, Name                             string
}

// accesses are what IAM asks about a call. An operation that is not listed
// knows no resources.
func (c *awsCall) accesses() []access {
	var in callNames
	_ = c.decode(&in) // parameters of other types are none of these
	action := c.action()
	on := func(resources ...string) []access {
		var out []access
		for _, r := range resources {
			out = append(out, access{action: action, resource: r})
		}
		return out
	}
	switch action {
	case "ecs:DescribeServices":
		return on(in.serviceARNs(in.Services...)...)
	case "ecs:ListServiceDeployments", "ecs:UpdateService":
		return on(in.serviceARNs(in.Service)...)
	case "ecs:DescribeTasks":
		return on(in.taskARNs()...)
	case "ecs:DescribeServiceDeployments":
		return on(in.ServiceDeploymentArns...)
	case "ecs:DescribeServiceRevisions":
		return on(in.ServiceRevisionArns...)
	case "ecs:StopServiceDeployment", "ecs:ContinueServiceDeployment":
		return on(in.ServiceDeploymentArn)
	case "ecs:RegisterTaskDefinition":
		return append(on(arn("ecs", "task-definition/"+in.Family+":*")), passed(in.TaskRoleArn, in.ExecutionRoleArn)...)
	case "ecs:RunTask":
		return []access{{action, fullARN("ecs", "task-definition/", in.TaskDefinition), map[string]string{"ecs:cluster": fullARN("ecs", "cluster/", in.Cluster)}}}
	case "logs:FilterLogEvents":
		return on(arn("logs", "log-group:"+in.LogGroupName+":*"))
	}
	return c.otherAccesses(in, on)
}

// otherAccesses are those of registries, databases and secrets.
func (c *awsCall) otherAccesses(in callNames, on func(...string) []access) []access {
	switch action := c.action(); {
	case c.service == "ecr" && in.RepositoryName != "":
		return on(arn("ecr", "repository/"+in.RepositoryName))
	case action == "rds:CreateDBSnapshot":
		return on(arn("rds", "db:"+in.DBInstanceIdentifier), arn("rds", "snapshot:"+in.DBSnapshotIdentifier))
	case action == "rds:CreateDBClusterSnapshot":
		return on(arn("rds", "cluster:"+in.DBClusterIdentifier), arn("rds", "cluster-snapshot:"+in.DBClusterSnapshotIdentifier))
	case c.service == "secretsmanager":
		name := in.SecretID + in.Name // each operation has one of them
		if strings.HasPrefix(name, "arn:") {
			return on(name)
		}
		return on(arn("secretsmanager", "secret:"+name+"-AbCdEf"))
	}
	return on("*")
}

// passed are the roles that a task definition hands to its tasks.
func passed(roles ...string) []access {
	var out []access
	for _, role := range roles {
		if role != "" {
			out = append(out, access{"iam:PassRole", role, map[string]string{"iam:PassedToService": "ecs-tasks.amazonaws.com"}})
		}
	}
	return out
}

// fullARN is a name as an ARN, where it is none yet.
func fullARN(service, kind, name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return arn(service, kind+name)
}

func (in callNames) serviceARNs(names ...string) []string {
	var out []string
	for _, name := range names {
		out = append(out, fullARN("ecs", "service/"+lastPart(in.Cluster)+"/", name))
	}
	return out
}

func (in callNames) taskARNs() []string {
	var out []string
	for _, task := range in.Tasks {
		out = append(out, fullARN("ecs", "task/"+lastPart(in.Cluster)+"/", task))
	}
	return out
}

// simulationInput is a question about what somebody might do.
type simulationInput struct {
	PolicySourceArn string
	ActionNames     []string
	ResourceArns    []string
	ContextEntries  []struct {
		ContextKeyName   string
		ContextKeyValues []string
	}
}

// simulatePrincipalPolicy answers it by the policies that the calls are held
// against. Who has none may do everything.
func simulatePrincipalPolicy(a *awsAPI, call *awsCall) (document, error) {
	var in simulationInput
	if err := call.decode(&in); err != nil {
		return nil, errSerialization(err)
	}
	if !strings.HasPrefix(in.PolicySourceArn, "arn:aws:iam::"+Account+":") || len(in.ActionNames) == 0 {
		return nil, awsFailure("InvalidInput", "Invalid Entity Arn: %s", in.PolicySourceArn)
	}
	own := ""
	if in.PolicySourceArn == call.caller.principal() {
		own = call.caller.accessKey
	}
	policies, limited := a.policiesOf(own, in.PolicySourceArn)
	keys := map[string]string{}
	for _, entry := range in.ContextEntries {
		if len(entry.ContextKeyValues) > 0 {
			keys[entry.ContextKeyName] = entry.ContextKeyValues[0]
		}
	}
	if len(in.ResourceArns) == 0 {
		in.ResourceArns = []string{"*"}
	}
	var results []document
	for _, action := range in.ActionNames {
		decision := "allowed"
		for _, resource := range in.ResourceArns {
			if found := decide(policies, access{action, resource, keys}); limited && found != "allowed" {
				decision = found
			}
		}
		results = append(results, document{"EvalActionName": action, "EvalDecision": decision, "EvalResourceName": slices.Max(in.ResourceArns)})
	}
	return document{"EvaluationResults": results, "IsTruncated": false}, nil
}

// identityInput is what the operations that make identities are given.
type identityInput struct {
	URL                      string
	RoleName, PolicyName     string
	AssumeRolePolicyDocument string
	PolicyDocument           string
}

// createProvider registers an identity provider for OpenID Connect.
func (a *awsAPI) createProvider(in identityInput) (document, error) {
	host, secure := strings.CutPrefix(in.URL, "https://")
	if !secure || host == "" {
		return nil, awsFailure("InvalidInput", "Invalid Open ID Connect Provider URL")
	}
	return document{"OpenIDConnectProviderArn": "arn:aws:iam::" + Account + ":oidc-provider/" + host}, nil
}

// createRole makes a role, which may do nothing until a policy says what.
func (a *awsAPI) createRole(in identityInput) (document, error) {
	role := "arn:aws:iam::" + Account + ":role/" + in.RoleName
	if _, there := a.policies[role]; there {
		return nil, awsFailure("EntityAlreadyExists", "Role with name %s already exists.", in.RoleName)
	}
	if !json.Valid([]byte(in.AssumeRolePolicyDocument)) {
		return nil, awsFailure("MalformedPolicyDocument", "This policy contains invalid Json")
	}
	a.policies[role] = []policy{}
	return document{"Role": document{
		"Arn": role, "RoleName": in.RoleName, "Path": "/", "RoleId": "AROA" + strings.ToUpper(a.world.hash40("role", in.RoleName))[:17],
	}.at("CreateDate", a.world.Now())}, nil
}

// putRolePolicy says what a role may do.
func (a *awsAPI) putRolePolicy(in identityInput) (document, error) {
	role := "arn:aws:iam::" + Account + ":role/" + in.RoleName
	if _, there := a.policies[role]; !there {
		return nil, awsNotFound("NoSuchEntity", "The role with name %s cannot be found.", in.RoleName)
	}
	read, err := parsePolicies(map[string][]string{role: {in.PolicyDocument}})
	if err != nil {
		return nil, awsFailure("MalformedPolicyDocument", "%s", err)
	}
	a.policies[role] = append(a.policies[role], read[role]...)
	return document{}, nil
}
