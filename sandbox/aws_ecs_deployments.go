package sandbox

import "slices"

type listServiceDeploymentsInput struct {
	Cluster    string
	Service    string
	Status     []string
	CreatedAt  struct{ Before, After timestamp }
	MaxResults *int
	NextToken  string
}

// listServiceDeployments lists the newest deployments first.
func (a *awsAPI) listServiceDeployments(in listServiceDeploymentsInput) (document, error) {
	service, err := a.service(in.Cluster, in.Service)
	if err != nil {
		return nil, err
	}
	var matching []*ServiceDeployment
	for _, d := range slices.Backward(service.Deployments) {
		if in.matches(d) {
			matching = append(matching, d)
		}
	}
	matching, next, err := cutPage(matching, pageRequest{in.MaxResults, in.NextToken, 20, 100})
	if err != nil {
		return nil, err
	}
	list := make([]document, 0, len(matching))
	for _, d := range matching {
		brief := deploymentTimes(d, document{
			"serviceDeploymentArn": d.ARN, "serviceArn": service.ARN, "clusterArn": service.Cluster.ARN,
			"targetServiceRevisionArn": d.Target.ARN, "status": d.Status,
		})
		list = append(list, brief.set("statusReason", d.Reason))
	}
	return document{"serviceDeployments": list}.set("nextToken", next), nil
}

func (in listServiceDeploymentsInput) matches(d *ServiceDeployment) bool {
	return (len(in.Status) == 0 || slices.Contains(in.Status, d.Status)) &&
		(in.CreatedAt.After.IsZero() || d.Created.After(in.CreatedAt.After.Time)) &&
		(in.CreatedAt.Before.IsZero() || d.Created.Before(in.CreatedAt.Before.Time))
}

func deploymentTimes(d *ServiceDeployment, out document) document {
	return out.at("createdAt", d.Created).at("startedAt", d.Started).at("updatedAt", d.Updated).
		at("finishedAt", d.Finished).at("stoppedAt", d.Stopped)
}

// serviceDeployment finds a deployment by ARN; nil when there is none.
func (a *awsAPI) serviceDeployment(arn string) *ServiceDeployment {
	for _, cluster := range a.world.Cloud.Clusters {
		for _, service := range cluster.Services {
			for _, d := range service.Deployments {
				if d.ARN == arn {
					return d
				}
			}
		}
	}
	return nil
}

type describeServiceDeploymentsInput struct{ ServiceDeploymentArns []string }

func (a *awsAPI) describeServiceDeployments(in describeServiceDeploymentsInput) (document, error) {
	if err := checkBatch("Service deployment ARNs", in.ServiceDeploymentArns, 20); err != nil {
		return nil, err
	}
	found, failures := []document{}, []document{}
	for _, ref := range in.ServiceDeploymentArns {
		d := a.serviceDeployment(ref)
		if d == nil {
			failures = append(failures, missing(ref))
			continue
		}
		found = append(found, deploymentDocument(d))
	}
	return document{"serviceDeployments": found, "failures": failures}, nil
}

func deploymentDocument(d *ServiceDeployment) document {
	service := d.Service
	out := document{
		"serviceDeploymentArn": d.ARN, "serviceArn": service.ARN, "clusterArn": service.Cluster.ARN,
		"status": d.Status, "deploymentConfiguration": deploymentConfiguration(service),
		"targetServiceRevision": revisionSummary(d, d.Target), "sourceServiceRevisions": []document{},
		"deploymentCircuitBreaker": document{"status": d.Breaker, "failureCount": d.Failed, "threshold": d.Threshold},
		"alarms": document{
			"status": d.AlarmState, "alarmNames": append([]string{}, service.Alarms...),
			"triggeredAlarmNames": append([]string{}, d.TriggeredAlarms...),
		},
	}
	if d.Source != nil {
		out["sourceServiceRevisions"] = []document{revisionSummary(d, d.Source)}
	}
	if !d.RollbackStarted.IsZero() && d.Source != nil {
		out["rollback"] = document{"serviceRevisionArn": d.Source.ARN, "reason": d.RollbackReason}.at("startedAt", d.RollbackStarted)
	}
	if hooks := hookDetails(d); len(hooks) > 0 {
		out["lifecycleHookDetails"] = hooks
	}
	return deploymentTimes(d, out).set("statusReason", d.Reason).set("lifecycleStage", d.Stage)
}

// revisionSummary counts a revision's tasks as its deployment sees them: those
// it has now while the deployment goes on, and how it ended afterwards.
func revisionSummary(d *ServiceDeployment, revision *ServiceRevision) document {
	serving := revision == d.Serving()
	requested := 0
	if serving {
		requested = d.Desired
	}
	counts := revisionCounts{running: requested}
	if !d.Terminal() {
		counts = countRevision(d.Service, revision)
	}
	if !serving && !d.Terminal() {
		requested = counts.running + counts.pending
	}
	out := document{
		"arn": revision.ARN, "requestedTaskCount": requested,
		"runningTaskCount": counts.running, "pendingTaskCount": counts.pending,
	}
	if d.Service.shifts() {
		target, source := d.weights()
		out["requestedProductionTrafficWeight"] = target
		if revision != d.Target {
			out["requestedProductionTrafficWeight"] = source
		}
	}
	return out
}

type describeServiceRevisionsInput struct{ ServiceRevisionArns []string }

func (a *awsAPI) describeServiceRevisions(in describeServiceRevisionsInput) (document, error) {
	if err := checkBatch("Service revision ARNs", in.ServiceRevisionArns, 20); err != nil {
		return nil, err
	}
	found, failures := []document{}, []document{}
	for _, ref := range in.ServiceRevisionArns {
		revision := a.serviceRevision(ref)
		if revision == nil {
			failures = append(failures, missing(ref))
			continue
		}
		found = append(found, a.revisionDocument(revision))
	}
	return document{"serviceRevisions": found, "failures": failures}, nil
}

// serviceRevision finds a revision by ARN; nil when there is none.
func (a *awsAPI) serviceRevision(arn string) *ServiceRevision {
	for _, cluster := range a.world.Cloud.Clusters {
		for _, service := range cluster.Services {
			for _, d := range service.Deployments {
				for _, revision := range []*ServiceRevision{d.Target, d.Source} {
					if revision != nil && revision.ARN == arn {
						return revision
					}
				}
			}
		}
	}
	return nil
}

func (a *awsAPI) revisionDocument(revision *ServiceRevision) document {
	definition := revision.TaskDefinition
	image := document{"containerName": definition.Container, "image": definition.Image}
	out := document{
		"serviceRevisionArn": revision.ARN, "serviceArn": revision.Service.ARN, "clusterArn": revision.Service.Cluster.ARN,
		"taskDefinition":   definition.ARN,
		"containerImages":  []document{image.set("imageDigest", a.digestOf(definition))},
		"guardDutyEnabled": false,
	}.at("createdAt", revision.Created)
	for name, value := range placement(revision.Service) {
		out[name] = value
	}
	return out
}

// digestOf is the digest that a task definition's image has, looked up by tag
// where it is not pinned; empty when the registry holds no such image.
func (a *awsAPI) digestOf(definition *TaskDefinition) string {
	if digest := definition.Digest(); digest != "" {
		return digest
	}
	if image := a.world.imageOf(definition); image != nil {
		return image.Digest
	}
	return ""
}

type stopServiceDeploymentInput struct {
	ServiceDeploymentArn string
	StopType             string
}

func (a *awsAPI) stopServiceDeployment(in stopServiceDeploymentInput) (document, error) {
	if in.StopType != "" && in.StopType != "ROLLBACK" {
		return nil, errInvalidParameter("The only supported stopType is ROLLBACK.")
	}
	d := a.serviceDeployment(in.ServiceDeploymentArn)
	switch {
	case d == nil:
		return nil, awsFailure("ServiceDeploymentNotFoundException", "Service deployment not found.")
	case d.Source == nil:
		return nil, awsFailure("ConflictException", "The service deployment has no service revision to roll back to.")
	}
	if err := a.world.StopServiceDeployment(d); err != nil {
		return nil, awsFailure("ConflictException", "Unable to stop the service deployment in status %s: %s.", d.Status, err)
	}
	return document{"serviceDeploymentArn": d.ARN}, nil
}

type continueServiceDeploymentInput struct {
	ServiceDeploymentArn string
	HookID               string
	Action               string
}

// continueServiceDeployment answers the hook at which a deployment waits.
func (a *awsAPI) continueServiceDeployment(in continueServiceDeploymentInput) (document, error) {
	if in.Action != "" && in.Action != "CONTINUE" && in.Action != "ROLLBACK" {
		return nil, errInvalidParameter("Action must be CONTINUE or ROLLBACK.")
	}
	d := a.serviceDeployment(in.ServiceDeploymentArn)
	if d == nil {
		return nil, awsFailure("ServiceDeploymentNotFoundException", "Service deployment not found.")
	}
	if !a.world.answerHook(d, in.HookID, in.Action == "ROLLBACK") {
		return nil, awsFailure("ConflictException", "The service deployment has no lifecycle hook %q that awaits an action.", in.HookID)
	}
	return document{"serviceDeploymentArn": d.ARN}, nil
}
