package cmd

// statusWords is a word on every key of status --json.
const statusWords = `
status.schema | number of the format, 1
status.as_of | when the picture was put together
status.repository | OWNER/NAME
status.mode | operator or read-only
status.configuration | where the configuration comes from
status.sources | what was read, how old it is and what went wrong; one that is off is left out
status.environments | in their order of deployment
status.runs | the newest 20
status.approvals | what waits for a person on GitHub
status.pauses | what waits for a person in ECS
status.holds | environments that nobody may deploy to
status.disagreements | services on which ECS runs something else than was deployed
status.rollouts | releases on their way, and those that ended lately, from whatever started them
status.gates | the checks of what waits for approval and of a rollback of production, as far as they are known without asking again
status.lanes | who deploys to an environment, and who waits behind
status.return_path | what each environment could go back to
status.freeze | the freeze that holds now, or the next within a week
status.reconciled | what came of commands that ended before their effect was seen

configuration.origin | the file, its repository, or how it was inferred
configuration.inferred | whether there is no file
configuration.notes | what was assumed

source.name | as in: github runs, aws services production
source.state | ok, stale or error
source.age_seconds | since it was read last
source.error | what went wrong at the newest try, and what to do

environment.name | its name in the configuration
environment.live | what ECS runs there
environment.services | in their order of deployment

live.sha | commit; of most services where they are mixed
live.version | its tag or version
live.verdict | same, mixed or unknown
live.since | when its deployment was done

service.name | its name in the configuration
service.desired | tasks that it wants
service.running | tasks that run
service.pending | tasks that start
service.rollout_state | of its newest deployment, as ECS calls it: COMPLETED, IN_PROGRESS, FAILED
service.health | healthy, degraded, unhealthy or unknown
service.why | why it is not healthy
service.task_definition | ARN of the one that it runs
service.image | digest of the image that it runs
service.sha | commit of that image
service.version | version of that commit
service.cluster | name of its ECS cluster
service.region | AWS region of the cluster
service.strategy | ROLLING, BLUE_GREEN, LINEAR or CANARY
service.rollout | its newest service deployment
service.targets | what the load balancer thinks
service.alarms_ringing | names of alarms that are in ALARM
service.scaling | its autoscaling
service.load | newest averages
service.traffic | newest figures of each target group
service.registrations | its entries in Cloud Map
service.service_connect | its part in Service Connect
service.stopped_tasks | tasks that ended lately

service deployment.arn | ARN of the service deployment
service deployment.status | as ECS calls it: IN_PROGRESS, SUCCESSFUL, ROLLBACK_SUCCESSFUL, …
service deployment.stage | lifecycle stage
service deployment.strategy | ROLLING, BLUE_GREEN, LINEAR or CANARY
service deployment.circuit_breaker | how near it is to going back
service deployment.triggered_alarms | alarms that made it go back
service deployment.rollback_reason | why ECS went back, in its words
service deployment.created_at | when it was begun
service deployment.finished_at | when it ended
service deployment.hooks | lifecycle hooks that were reached
service deployment.revisions | what runs of each revision

breaker.failed | tasks that failed to start
breaker.threshold | at how many it goes back
breaker.status | as ECS calls it

hook.id | its name
hook.status | as ECS calls it; AWAITING_ACTION waits for a person
hook.expires_at | when nobody is waited for any more
hook.timeout_action | what ECS does then

revision.task_definition | its ARN
revision.image | digest of its image
revision.sha | commit of the image
revision.version | version of the commit
revision.running | tasks that run
revision.pending | tasks that start
revision.traffic_percent | part of the traffic that it gets

targets.healthy | targets that are healthy
targets.total | targets that are registered

scaling.min | fewest tasks
scaling.max | most tasks
scaling.suspended | what autoscaling may not do now

load.cpu_percent | of what its tasks reserve
load.memory_percent | of what its tasks reserve

traffic.target_group | name of the target group
traffic.at | the minute that the figures are of
traffic.requests_per_second | requests
traffic.p95_milliseconds | response time that 95 of 100 stay below
traffic.errors_5xx_percent | answers that were errors of the service

registration.name | name in Cloud Map
registration.healthy | instances that are found
registration.instances | instances that are registered

service connect.namespace | namespace
service connect.offers | names and ports that it answers to

stopped task.id | the task
stopped task.task_definition | ARN of what it ran
stopped task.reason | why it ended
stopped task.stopped_at | when it ended

run.id | as gh run view takes it
run.repository | where it is another than the one above
run.workflow | file of the workflow
run.number | the number that people see
run.attempt | 1, and one more for each re-run
run.status | as GitHub calls it: queued, in_progress, waiting, completed, …
run.conclusion | as GitHub calls it: success, failure, cancelled, …
run.phase | phase of its rollout
run.title | what it is about
run.branch | branch or tag
run.sha | commit
run.actor | who started it
run.created_at | when it was started
run.url | its page
run.elapsed_seconds | how long it ran; waiting does not count
run.expected_seconds | how long its workflow usually takes
run.slowest_seconds | nine in ten took no longer
run.expected_is_estimate | whether too few runs are known
run.eta | when it will have ended
run.slow | whether it takes longer than nine in ten
run.forecast | the same in words

approval.run_id | the run that waits
approval.environment | what it waits for
approval.sha | its commit
approval.waiting_seconds | how long it has waited
approval.can_approve | whether you may decide
approval.overdue | whether it waits for longer than policy.max_approval_age
approval.reviewers | who may decide

pause.environment | where
pause.service | of which service
pause.hook | the hook's name
pause.sentence | the same in words
pause.expires_at | until when
pause.timeout_action | what ECS does without an answer

hold.environment | which
hold.owner | who holds it
hold.reason | why
hold.cause | manual, rollback, rollout or incident
hold.since | since when
hold.until | until when; null: until it is lifted
hold.faulty | commits that must not come back
hold.local | whether it is of this machine alone: nobody else sees it, and no workflow obeys it

disagreement.service | which
disagreement.environment | where
disagreement.sentence | what was deployed, what runs, and how that came about

rollout.id | stable name of it
rollout.kind | deploy, promotion, redeploy, rollback or external
rollout.environment | where to
rollout.sha | its commit
rollout.version | its version
rollout.phase | where it stands
rollout.sentence | the same in words
rollout.run_id | its run
rollout.deployment_id | its deployment on GitHub
rollout.services_done | services that are on it
rollout.services_total | services that it moves
rollout.started_at | when it began
rollout.ended_at | when it ended

gate.environment | of which environment
gate.run_id | of which run that waits
gate.id | A1 to A18 for approvals, R1 to R23 for rollbacks
gate.code | stable name of the finding
gate.title | what is checked
gate.verdict | pass, fail, pending, unknown or not_applicable
gate.effect | what it does unless it passes: block, acknowledge, warn or inform
gate.sentence | what was found
gate.evidence | what that was found in
gate.remedy | what to do
gate.ack | what --ack takes to accept it
gate.age_seconds | how old the evidence is

lane.environment | which
lane.holder | the run that deploys, or waits to
lane.queue | runs behind it
lane.evicted | runs that lost their place
lane.sentence | the same in words

return path.environment | which
return path.best | the candidate that a rollback takes unless another is named
return path.why | why that one
return path.sentence | the same in words
return path.deployable | how many of the candidates could be deployed
return path.point_of_no_return | the migration that older code does not run with
return path.candidates | what it could go back to, newest first
return path.services | the way back of each service

point of no return.migration | its name
point of no return.class | what kind of change it is
point of no return.why | what older code misses
point of no return.sha | newest candidate that lies before it
point of no return.before | how many candidates lie before it

way back.service | which
way back.best | deployment that it could go back to
way back.sentence | the same in words
way back.deployable | how many of its candidates could be deployed
way back.candidates | how many there are
way back.point_of_no_return | the migration that its older code does not run with

candidate.deployment_id | as rollback --to takes it
candidate.sha | its commit
candidate.version | its version
candidate.verdict | whether it could be deployed: pass, fail or unknown
candidate.faulty | whether it was rolled back, marked as faulty, or taken back by ECS
candidate.reasons | what speaks against it
candidate.migrations | between it and what is live; null: not known

freeze.from | since when
freeze.until | until when
freeze.reason | why
freeze.active | whether it holds now

reconciliation.intent | the command, as the journal holds it
reconciliation.finding | what came of it
reconciliation.sentence | the same in words
reconciliation.run_id | the run that it started
reconciliation.url | its page
reconciliation.at | when that was looked up
`
