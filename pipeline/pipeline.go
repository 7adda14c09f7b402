// Package pipeline is the engine of gh deployctl: what is live, what moves and
// what waits, and the one path by which an operator changes any of it.
//
// It keeps three truths apart. Intent (GitHub runs, deployments, approvals)
// says what somebody asked for; actual (ECS) says what runs; fitness (targets,
// alarms, logs) says whether it is good. What is live is a function of ECS
// observations only, and an unreadable fact is unknown, never a pass.
//
// The package declares the ports that it reads and writes through (ports.go),
// and imports no SDK and no face. Data flows one way: adapters → observations →
// [Engine] → immutable [Snapshot] → faces. An operator's wish flows through
// [Operator]: plan → confirm → re-check → send once → observe → [Receipt].
package pipeline
