package sandbox

import "time"

// scenarios are all there are, in the order in which they are listed.
var scenarios = []*Scenario{
	{
		Name: "calm", Title: "a settled world",
		Goal:    "Look around: nothing moves and nothing waits.",
		prepare: func(w *World) { w.last(nextRelease(false), 5*time.Hour, "alice", 20*time.Minute) },
	},
	{
		Name: "release", Title: "a good release waits for production",
		Goal:    "Take v1.42.0 to production: check it, approve it, watch it go live.",
		prepare: func(w *World) { w.last(nextRelease(false), 22*time.Minute, "", 0) },
	},
	{
		Name: "bad-release", Title: "a release waits that will go wrong",
		Goal:    "Approve v1.42.0, notice that orders fails, and roll back.",
		prepare: func(w *World) { w.last(nextRelease(true), 22*time.Minute, "", 0) },
	},
	{
		Name: "failed-ci", Title: "CI of develop is red",
		Goal:    "Find the test that failed and why: it has nothing to do with its commit. Run again what failed, then the deployment to staging that stopped because of it.",
		prepare: prepareFailedCI,
	},
	{
		Name: "failed-migration", Title: "a release waits whose migration will fail",
		Goal:    "Approve v1.42.0, find out which migration failed and what it left behind, and hold production: no service was changed.",
		prepare: prepareFailedMigration,
	},
	{
		Name: "failed-health", Title: "a release waits that will be live and not well",
		Goal:    "Approve v1.42.0, see which service fails its health check and why, and that the release is live although its run is red: roll back.",
		prepare: prepareFailedHealth,
	},
	{
		Name: "reverted-green", Title: "the run is green, but ECS went back",
		Goal:    "Find out what really runs: payments is not on v1.42.0, although its run succeeded.",
		prepare: prepareReverted,
	},
	{
		Name: "wedged-lane", Title: "a forgotten approval blocks production",
		Goal:    "Find what holds the lane, cancel it, and take v1.42.2 to production.",
		prepare: prepareWedged,
	},
	{
		Name: "lost-registration", Title: "tasks that are well, and not found",
		Goal:    "orders cannot reach payments, whose tasks are all healthy: find out what Cloud Map knows of them, and give payments fresh tasks.",
		prepare: prepareLostRegistration,
	},
	{
		Name: "missing-image", Title: "the way back has lost its images",
		Goal:    "v1.42.0 fails and v1.41.3 is gone from the registry: roll back to a release that can be pulled.",
		prepare: func(w *World) { w.last(nextRelease(true), 64*time.Minute, "alice", time.Minute) },
		finish:  func(w *World) { w.expireImages("v1.41.3") },
	},
	{
		Name: "destructive-migration", Title: "the waiting release drops a column",
		Goal:    "Decide about v1.42.0: after its migration the release before it cannot run.",
		prepare: prepareDestructive,
	},
	{
		Name: "throttled", Title: "GitHub's budget is nearly spent, and AWS throttles",
		Goal:    "Bring the bad release back although every source is slow to answer.",
		prepare: func(w *World) { w.last(nextRelease(true), 22*time.Minute, "", 0) },
		spent:   3700, throttle: 0.35,
	},
	{
		Name: "expired-credentials", Title: "the AWS session ends while a release waits",
		Goal:    "Notice that what AWS last said grows old, sign in again with another access key, and go on.",
		prepare: func(w *World) { w.last(nextRelease(false), 22*time.Minute, "", 0) },
		expiry:  10 * time.Minute,
	},
	{
		Name: "two-operators", Title: "somebody else is at the controls too",
		Goal:    "Act on v1.42.0 knowing that carol may approve it while you look.",
		prepare: func(w *World) { w.last(nextRelease(false), 22*time.Minute, "", 0) },
		finish:  finishTwoOperators,
	},
	{
		Name: "several-repositories", Title: "services that live in repositories of their own",
		Goal:       "Follow what moves in acme/web and acme/infra beside the shop: filter with repo:web, read the log of a test that failed, run it again.",
		prepare:    func(w *World) { w.last(nextRelease(false), 5*time.Hour, "alice", 20*time.Minute) },
		neighbours: 2,
	},
	{
		Name: "blue-green", Title: "a canary and a blue/green rollout, which waits for a person",
		Goal:    "Approve v1.42.0; watch traffic move to orders a tenth at a time, and let payments go on, or back, at its pause.",
		prepare: func(w *World) { w.last(nextRelease(false), 22*time.Minute, "", 0) },
		finish:  shiftTraffic, direct: true,
	},
	{
		Name: "scale", Title: "500 services in 10 clusters of two accounts, 20 repositories",
		Goal:       "Find what is ill among the many: group by cluster with c, filter, look at the worst first.",
		prepare:    func(w *World) { w.last(nextRelease(false), 5*time.Hour, "alice", 20*time.Minute) },
		neighbours: 19, fleet: true,
	},
}

// last plans the newest release, merged to main so long before the start, and
// approved so long after its run began to wait; approver "" leaves it waiting.
func (w *World) last(p past, age time.Duration, approver string, answer time.Duration) {
	p.age, p.approver, p.answer, p.lead = age, approver, answer, 75*time.Minute
	w.live(p)
}

// prepareReverted ships a release whose payments cannot start in production,
// through a workflow that takes a stable service for a deployed one.
func prepareReverted(w *World) {
	p := nextRelease(false)
	p.changes = append(p.changes, change{title: "Route cards by region", author: "carol", service: "payments", edit: readRegion})
	w.credulous = true
	w.last(p, 80*time.Minute, "alice", 15*time.Minute)
	w.plan(w.start, func() { w.credulous = false })
}

// prepareFailedCI leaves a commit on develop whose tests failed by chance, and
// which staging therefore refused.
func prepareFailedCI(w *World) {
	w.last(nextRelease(false), 5*time.Hour, "alice", 20*time.Minute)
	w.develop(change{title: "Mail the delivery window", author: "dave", service: "notifications", unlucky: true}, w.start.Add(-25*time.Minute))
}

// prepareFailedMigration ships a release with two migrations, the second of
// which production's rows do not allow.
func prepareFailedMigration(w *World) {
	p := nextRelease(false)
	p.changes = append(p.changes, change{title: "Give every order a reference", author: "carol", service: "orders", edit: requireReference})
	w.last(p, 22*time.Minute, "", 0)
}

// prepareFailedHealth ships a release whose users runs out of connections to
// the database, once all services are stable.
func prepareFailedHealth(w *World) {
	p := nextRelease(false)
	p.changes = append(p.changes, change{title: "Keep connections to the database", author: "dave", service: "users", edit: keepConnections})
	w.last(p, 22*time.Minute, "", 0)
}

// prepareLostRegistration lets a script take two of three tasks of payments out
// of Cloud Map a while ago: one entirely, one as unhealthy.
func prepareLostRegistration(w *World) {
	w.last(nextRelease(false), 5*time.Hour, "alice", 20*time.Minute)
	w.plan(w.start.Add(-12*time.Minute), func() {
		tasks := instances(w.clusterOf("production").Service("payments"))
		tasks[0].Registered, tasks[1].Registered = registeredGone, registeredIll
	})
}

// prepareWedged leaves a release waiting for more than a day; the one after it
// was evicted from the queue by the one after that.
func prepareWedged(w *World) {
	w.last(nextRelease(false), 30*time.Hour, "", 0)
	w.last(past{version: "v1.42.1", merger: "carol", changes: []change{
		{title: "Show the coupon on the receipt", author: "carol", service: "notifications"},
	}}, 20*time.Hour, "", 0)
	w.last(past{version: "v1.42.2", merger: "bob", changes: []change{
		{title: "Refuse coupons that have expired", author: "bob", service: "orders"},
	}}, 3*time.Hour, "", 0)
}

func prepareDestructive(w *World) {
	p := nextRelease(false)
	p.changes[0] = change{title: "Drop the billing address from orders", author: "carol", service: "orders", edit: dropColumn}
	w.last(p, 22*time.Minute, "", 0)
}

// expireImages removes a version's images, as a lifecycle policy does that
// knows nothing of what runs.
func (w *World) expireImages(version string) {
	for _, b := range w.builds {
		if b.version != version && w.versionOf(w.Hub.Repository.Commits[b.commits[len(b.commits)-1]]) != version {
			continue
		}
		for service, digest := range b.digests {
			if image := w.Cloud.Image("shop/"+service, digest); image != nil {
				image.Deleted = true
			}
		}
	}
}

// finishTwoOperators lets carol approve what waits, a while after the start.
func finishTwoOperators(w *World) {
	w.after(15*time.Minute, func() {
		for _, r := range w.Hub.live() {
			if len(r.pendingEnvironments()) > 0 {
				_, _ = w.Review(r, []*Environment{w.Hub.environment("production")}, "approved", "Checked with support, go", w.Hub.user("carol"))
			}
		}
	})
}
