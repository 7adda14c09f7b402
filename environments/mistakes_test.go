package environments

import (
	"errors"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// mistake is a file with one thing wrong, and what Parse says about it.
type mistake struct {
	name         string
	file         string
	line, column int
	key          string
	says         string // the whole sentence
	warning      bool
}

// head is the beginning of a file without mistakes; three lines.
const head = "version: 1\nenvironments:\n  - {name: production, cluster: shop, production: true, services: [orders, users]}\n"

// stageWith is a file whose only environment has one more line, the seventh.
func stageWith(line string) string {
	return "version: 1\nenvironments:\n  - name: production\n    cluster: shop\n    production: true\n    services: [orders, users]\n    " + line + "\n"
}

var wholeFileMistakes = []mistake{
	{"empty", "", 0, 0, "", "the file is empty; gh deployctl init writes one to begin with", false},
	{"comments only", "# nothing\n\n", 0, 0, "", "the file is empty; gh deployctl init writes one to begin with", false},
	{"null", "~\n", 0, 0, "", "the file is empty; gh deployctl init writes one to begin with", false},
	{"too large", strings.Repeat("#", MaxSize+1), 0, 0, "", "the file is larger than 1 MB; a configuration is a few hundred lines", false},
	{"a list", "- version: 1\n", 1, 1, "", "the file holds a list; it begins with keys, such as version: 1", false},
	{"a word", "production\n", 1, 1, "", `the file holds the value "production"; it begins with keys, such as version: 1`, false},
	{"tab", "version: 1\nenvironments:\n\t- name: a\n", 3, 1, "", "the line is indented with a tab; YAML wants spaces", false},
	{"tab after a value", "version: 1\n\tdefaults: {}\n", 2, 1, "", "the line is indented with a tab; YAML wants spaces", false},
	{"open bracket", "version: 1\nenvironments: [\n  {name: a}\ndefaults: x\n", 2, 1, "", "this is no valid YAML from here on: did not find expected ',' or ']'; look for a missing quote, bracket or colon, or a wrong indentation", false},
	{"open quote", "version: 1\ndefaults: {environment: \"a}\n", 2, 1, "", "this is no valid YAML from here on: found unexpected end of stream; look for a missing quote, bracket or colon, or a wrong indentation", false},
	{"indentation", head + " policy: {}\n", 4, 2, "", "this is no valid YAML from here on: did not find expected key; look for a missing quote, bracket or colon, or a wrong indentation", false},
	{"indentation behind a list of several lines", "version: 1\nenvironments: [\n  {name: a}\n  ]\n\npolicy:\n   metrics: never\n  four_eyes: off\n", 8, 3, "", "this is no valid YAML from here on: did not find expected key; look for a missing quote, bracket or colon, or a wrong indentation", false},
	{"no colon", "version: 1\npolicy\nworkflows: {}\n", 2, 1, "", "this is no valid YAML from here on: could not find expected ':'; look for a missing quote, bracket or colon, or a wrong indentation", false},
	{"broken second document", head + "---\na: [\n", 5, 1, "", "this is no valid YAML from here on: did not find expected node content; look for a missing quote, bracket or colon, or a wrong indentation", false},
	{"second document", head + "---\nversion: 1\n", 4, 1, "", "a second YAML document begins here; put everything into one and remove the line ---", false},
	{"control character", "version: 1\nna\x1bme: x\n", 2, 3, "", "the control character U+001B does not belong into a text file; remove it", false},
	{"not UTF-8", "version: 1\n# caf\xe9\n", 2, 6, "", "the file is not UTF-8 text from here on; save it as UTF-8", false},
	{"alias", head + "defaults: &d {environment: production}\nworkflows: *d\n", 4, 11, "", `the anchor "d" is not allowed here; write the value out where it is needed`, false},
	{"merge key", head + "defaults: {<<: {environment: production}}\n", 4, 12, "", "the merge key << is not allowed here; write the keys out", false},
	{"tag", head + "defaults: !!map {environment: production}\n", 4, 11, "", `the tag "!!map" is not allowed here; remove it`, false},
	{"bomb", "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c]\n", 1, 4, "", `the anchor "a" is not allowed here; write the value out where it is needed`, false},
	{"self-reference", "&a [*a]\n", 1, 1, "", `the anchor "a" is not allowed here; write the value out where it is needed`, false},
	{"no version", "environments: [{name: a, cluster: a, production: true}]\n", 0, 0, "version", "is missing; write version: 1", false},
	{"no environments", "version: 1\n", 0, 0, "environments", "is missing; write environments: and below it one item after a hyphen each", false},
	{"empty environments", "version: 1\nenvironments: []\n", 2, 15, "environments", "is empty; write one item for each stage, such as - name: production", false},
	{"too many environments", "version: 1\nenvironments: [" + strings.Repeat("{name: a},", 101) + "]\n", 2, 15, "environments", "has 101 items; at most 100 are read", false},
	{"other version", "version: 2\nenvironments: [{name: a, cluster: a, production: true}]\n", 1, 10, "version", `"2" is no version that this program knows; write 1, or upgrade with gh extension upgrade deployctl`, false},
	{"key that is a list", head + "? [a]\n: b\n", 4, 3, "", "a key must be a word; look for a stray bracket, colon or hyphen", false},
	{"key with an escape", head + "\"\\e[31mred\": 1\n", 4, 1, `"\x1b[31mred"`, `the key "\x1b[31mred" is unknown; known here are version, defaults, workflows, environments, policy, repositories`, false},
}

var keyMistakes = []mistake{
	{"unknown key, near", head + "polcy: {}\n", 4, 1, "polcy", `the key "polcy" is unknown; did you mean policy?`, false},
	{"unknown key, other case", head + "Policy: {}\n", 4, 1, "Policy", `the key "Policy" is unknown; did you mean policy?`, false},
	{"unknown key, far", head + "defaults: {colour: red}\n", 4, 12, "defaults.colour", `the key "colour" is unknown; known here are environment`, false},
	{"unknown key, deep", stageWith("github_enviroment: x"), 7, 5, "environments[0].github_enviroment", `the key "github_enviroment" is unknown; did you mean github_environment?`, false},
	{"key twice", head + "policy: {metrics: never}\npolicy: {metrics: always}\n", 5, 1, "policy", `the key "policy" stands already on line 4; keep one of them`, false},
	{"text for a section", head + "defaults: production\n", 4, 11, "defaults", `is the value "production"; it holds the keys environment`, false},
	{"list for a section", head + "policy: [warn]\n", 4, 9, "policy", "is a list; it holds the keys four_eyes, direct_aws_writes, metrics, max_approval_age, record_copy, holds, hotfix, freezes", false},
	{"text for a list", stageWith("branches: main"), 7, 15, "environments[0].branches", `is the value "main"; write a list, such as [main]`, false},
	{"section for a list", stageWith("branches: {main: true}"), 7, 15, "environments[0].branches", "is a section of keys; write a list, such as one item a line, each after a hyphen", false},
	{"section for a text", stageWith("workflow: {file: x.yml}"), 7, 15, "environments[0].workflow", "is a section of keys; write a single value: file name", false},
	{"list for a text", stageWith("workflow: [x.yml]"), 7, 15, "environments[0].workflow", "is a list; write a single value: file name", false},
	{"text for a map", head + "repositories: acme/shop\n", 4, 15, "repositories", `is the value "acme/shop"; write KEY: VALUE lines`, false},
	{"text for true or false", "version: 1\nenvironments:\n  - {name: a, cluster: a, production: yes}\n  - {name: b, cluster: b, production: true}\n", 3, 39, "environments[0].production", `is the value "yes"; write true or false`, false},
	{"number for true or false", head + "policy: {direct_aws_writes: 1}\n", 4, 29, "policy.direct_aws_writes", `is the value "1"; write true or false`, false},
	{"no value", stageWith("workflow:"), 7, 14, "environments[0].workflow", "has no value; write one (file name) or remove the key", false},
	{"empty text", stageWith("after: \"\""), 7, 12, "environments[0].after", "is empty; give it a value or remove the key", false},
	{"number for a name", stageWith("github_environment: 12"), 7, 25, "environments[0].github_environment", `YAML reads 12 as a number; write it in quotes: "12"`, false},
	{"number for a branch", stageWith("branches: [1.10]"), 7, 16, "environments[0].branches[0]", `YAML reads 1.10 as a number; write it in quotes: "1.10"`, false},
	{"boolean for a name", stageWith("github_environment: true"), 7, 25, "environments[0].github_environment", `YAML reads true as true or false; write it in quotes: "true"`, false},
	{"time for a name", stageWith("github_environment: 2026-01-02"), 7, 25, "environments[0].github_environment", `YAML reads 2026-01-02 as a time; write it in quotes: "2026-01-02"`, false},
	{"no name", "version: 1\nenvironments:\n  - {cluster: a}\n", 3, 5, "environments[0].name", "is missing; write name: NAME", false},
	{"empty item", "version: 1\nenvironments:\n  - {name: a, cluster: a, production: true}\n  -\n", 4, 4, "environments[1].name", "is missing; write name: NAME", false},
	{"service without a name", "version: 1\nenvironments: [{name: a, production: true, cluster: a, services: [{alarms: [x]}]}]\n", 2, 67, "environments[0].services[0].name", "is missing; write name: NAME", false},
	{"freeze without a beginning", head + "policy: {freezes: [{reason: x}]}\n", 4, 20, "policy.freezes[0].from", "is missing; write from: FROM", false},
	{"freeze without a reason", head + "policy: {freezes: [{from: 2026-01-01}]}\n", 4, 20, "policy.freezes[0].reason", "is missing; write reason: REASON", false},
}

var valueMistakes = []mistake{
	{"duration without a unit", stageWith("soak: 600"), 7, 11, "environments[0].soak", `"600" has no unit; write 600s for seconds or 600m for minutes`, false},
	{"duration in days", stageWith("soak: 2d"), 7, 11, "environments[0].soak", `"2d" counts days, which this file does not; write 48h`, false},
	{"duration in words", stageWith("soak: a while"), 7, 11, "environments[0].soak", `"a while" is no duration; write one such as 90s, 10m or 24h`, false},
	{"path of nowhere", stageWith("terraform: ../infrastructure"), 7, 16, "environments[0].terraform", `"../infrastructure" is no path below the repository's root; write letters, digits, . - _ and / only, such as infrastructure/production`, false},
	{"path with a space", stageWith("env_file: my settings.env"), 7, 15, "environments[0].env_file", `"my settings.env" is no path below the repository's root; write letters, digits, . - _ and / only, such as infrastructure/production`, false},
	{"negative soak", stageWith("soak: -10m"), 7, 11, "environments[0].soak", `"-10m" is negative; write 0s or more`, false},
	{"no approval age", head + "policy: {max_approval_age: 0s}\n", 4, 28, "policy.max_approval_age", `"0s" is not more than zero; write a duration such as 24h`, false},
	{"url without a scheme", stageWith("health: {url: shop.example.com/health}"), 7, 19, "environments[0].health.url", `"shop.example.com/health" does not begin with http:// or https://; write the whole address, such as https://{service}.example.com/health`, false},
	{"url of another scheme", stageWith("health: {url: \"ftp://shop\"}"), 7, 19, "environments[0].health.url", `"ftp://shop" does not begin with http:// or https://; write the whole address, such as https://{service}.example.com/health`, false},
	{"url without a host", stageWith("health: {version: \"https:///version\"}"), 7, 23, "environments[0].health.version", `"https:///version" names no host; write the whole address, such as https://{service}.example.com/health`, false},
	{"url with a space", stageWith("health: {url: \"https://shop .example.com\"}"), 7, 19, "environments[0].health.url", `"https://shop .example.com" is no URL; write one such as https://{service}.example.com/health`, false},
	{"url with another placeholder", stageWith("health: {url: \"https://{svc}.example.com\"}"), 7, 19, "environments[0].health.url", `"https://{svc}.example.com" holds {svc}, which is not replaced; {service} is the only placeholder`, false},
	{"url with a password", stageWith("health: {url: \"https://bob:secret@example.com\"}"), 7, 19, "environments[0].health.url", "the address holds a user name or password; remove it, because this file is committed", false},
	{"smoke path without a slash", stageWith("health: {smoke: [ready]}"), 7, 22, "environments[0].health.smoke[0]", `"ready" is no path; write one that begins with a slash, such as /ready`, false},
	{"smoke path that is a url", stageWith("health: {smoke: [\"//example.com/ready\"]}"), 7, 22, "environments[0].health.smoke[0]", `"//example.com/ready" is no path; write one that begins with a slash, such as /ready`, false},
	{"pattern", stageWith("branches: [\"release/[\"]"), 7, 16, "environments[0].branches[0]", `"release/[" is no pattern, because a [ is not closed or is empty; write one such as release/* or v[0-9]*`, false},
	{"full ref", stageWith("branches: [refs/heads/main]"), 7, 16, "environments[0].branches[0]", `"refs/heads/main" is a full ref; write main`, false},
	{"impossible branch", stageWith("branches: [my branch]"), 7, 16, "environments[0].branches[0]", `"my branch" can match no branch or tag; write a name or a pattern such as main, release/* or v*`, false},
	{"impossible tag", stageWith("tags: [v1..2]"), 7, 12, "environments[0].tags[0]", `"v1..2" can match no branch or tag; write a name or a pattern such as main, release/* or v*`, false},
	{"role", stageWith("aws: {role: reader}"), 7, 17, "environments[0].aws.role", `"reader" is no IAM role ARN; write one such as arn:aws:iam::123456789012:role/deploy-reader`, false},
	{"cluster arn", "version: 1\nenvironments: [{name: a, production: true, cluster: \"arn:aws:ecs:eu-central-1:1:cluster/shop\"}]\n", 2, 53, "environments[0].cluster", `"arn:aws:ecs:eu-central-1:1:cluster/shop" is no cluster ARN; write one such as arn:aws:ecs:eu-central-1:123456789012:cluster/shop, or the bare name`, false},
	{"cluster name", "version: 1\nenvironments: [{name: a, production: true, cluster: my shop}]\n", 2, 53, "environments[0].cluster", `"my shop" is no cluster name; write letters, digits, - and _ only, such as shop-production, or the cluster's ARN`, false},
	{"region, far", stageWith("aws: {region: Frankfurt}"), 7, 19, "environments[0].aws.region", `"Frankfurt" is no AWS region; write one such as eu-central-1`, false},
	{"region, near", stageWith("aws: {region: eu-central1}"), 7, 19, "environments[0].aws.region", `"eu-central1" is no AWS region; did you mean eu-central-1?`, false},
	{"zone", stageWith("aws: {region: eu-central-1a}"), 7, 19, "environments[0].aws.region", `"eu-central-1a" is an availability zone; write its region, eu-central-1`, false},
	{"unknown region", stageWith("aws: {region: eu-centrl-1}"), 7, 19, "environments[0].aws.region", `the region "eu-centrl-1" is not known to this program; did you mean eu-central-1?`, true},
	{"workflow path", stageWith("workflow: .github/workflows/cd.yml"), 7, 15, "environments[0].workflow", `".github/workflows/cd.yml" is a path; write the file's name below .github/workflows alone: cd.yml`, false},
	{"workflow name", stageWith("workflow: Deploy"), 7, 15, "environments[0].workflow", `"Deploy" is no workflow file; write a name that ends in .yml or .yaml, such as ci.yml`, false},
	{"environment name", stageWith("github_environment: \"a;b\""), 7, 25, "environments[0].github_environment", `"a;b" holds ";", which GitHub does not allow in the name of an environment; remove it`, false},
	{"environment name with an escape", stageWith("github_environment: \"\\e[31m\""), 7, 25, "environments[0].github_environment", `"\x1b[31m" holds a control character; remove it`, false},
	{"long name", stageWith("github_environment: " + strings.Repeat("a", 256)), 7, 25, "environments[0].github_environment", "is longer than 255 characters; shorten it", false},
	{"long text", head + "policy: {freezes: [{from: 2026-01-01, reason: " + strings.Repeat("a", 1025) + "}]}\n", 4, 47, "policy.freezes[0].reason", "is longer than 1024 bytes; shorten it", false},
	{"service name", "version: 1\nenvironments: [{name: a, production: true, cluster: a, services: [my service]}]\n", 2, 67, "environments[0].services[0]", `"my service" is no service name; write letters, digits, - and _ only, such as api-gateway`, false},
	{"log group", "version: 1\nenvironments: [{name: a, production: true, cluster: a, services: [{name: b, log_groups: [\"a b\"]}]}]\n", 2, 90, "environments[0].services[0].log_groups[0]", `"a b" is no log group name; write one such as /ecs/shop-production/orders`, false},
	{"alarm", "version: 1\nenvironments: [{name: a, production: true, cluster: a, services: [{name: b, alarms: [\"a*b\"]}]}]\n", 2, 86, "environments[0].services[0].alarms[0]", `"a*b" has its * in the middle; write an alarm's name, or a prefix that ends in *, such as orders-*`, false},
	{"every alarm", "version: 1\nenvironments: [{name: a, production: true, cluster: a, services: [{name: b, alarms: [\"*\"]}]}]\n", 2, 86, "environments[0].services[0].alarms[0]", "* would take every alarm of the account; write an alarm's name, or a prefix that ends in *, such as orders-*", false},
	{"database", stageWith("database: {instance: 1st}"), 7, 26, "environments[0].database.instance", `"1st" is no RDS identifier; write 1 to 63 letters, digits and single hyphens that begin with a letter, such as shop-production`, false},
	{"choice", head + "policy: {four_eyes: maybe}\n", 4, 21, "policy.four_eyes", `"maybe" is not one of the choices; write require, warn or off`, false},
	{"other choice", head + "policy: {metrics: sometimes}\n", 4, 19, "policy.metrics", `"sometimes" is not one of the choices; write rollout, always or never`, false},
	{"boolean for a choice", head + "policy: {four_eyes: false}\n", 4, 21, "policy.four_eyes", `"false" is not one of the choices; write require, warn or off`, false},
	{"time", head + "policy: {freezes: [{from: Christmas, reason: x}]}\n", 4, 27, "policy.freezes[0].from", `"Christmas" is no time; write one such as 2026-12-23T00:00:00Z, or a date such as 2026-12-23, which begins in UTC`, false},
	{"long address", stageWith("health: {url: \"https://" + strings.Repeat("a", 1024) + "\"}"), 7, 19, "environments[0].health.url", "is longer than 1024 bytes; shorten it", false},
	{"repository", head + "repositories: {orders: orders}\n", 4, 24, "repositories.orders", `"orders" is no repository; write OWNER/REPO, such as acme/shop`, false},
}

// twoStages is a file of two environments, with one more key in each.
func twoStages(first, second string) string {
	return "version: 1\nenvironments:\n  - {name: staging, cluster: s, " + first + "}\n  - {name: production, cluster: p, production: true, " + second + "}\n"
}

var crossMistakes = []mistake{
	{"environment twice", "version: 1\nenvironments:\n  - {name: a, cluster: a, production: true}\n  - {name: a, cluster: b}\n", 4, 12, "environments[1].name", `"a" is the name of environments[0] already; give each environment its own`, false},
	{"service twice", "version: 1\nenvironments: [{name: a, production: true, cluster: a, services: [b, {name: b}]}]\n", 2, 70, "environments[0].services[1]", `the service "b" is there twice; remove one, or make a second region an environment of its own`, false},
	{"cluster twice", "version: 1\nenvironments: [{name: a, production: true, clusters: [b, {name: b, region: eu-west-1}]}]\n", 2, 65, "environments[0].clusters[1].name", `"b" is there twice; where two regions have a cluster of this name, write their ARNs`, false},
	{"cluster and clusters", stageWith("clusters: [shop]"), 4, 14, "environments[0].cluster", "stands beside clusters; move it into clusters or remove one of the two", false},
	{"region against the ARN", "version: 1\nenvironments: [{name: a, production: true, aws: {region: eu-west-1}, cluster: \"arn:aws:ecs:eu-central-1:123456789012:cluster/shop\"}]\n", 2, 79, "environments[0].cluster", "is in the region eu-central-1 by its ARN, but its region is set to eu-west-1; make them agree", false},
	{"unknown cluster of a service", "version: 1\nenvironments: [{name: a, production: true, cluster: shop, services: [{name: b, cluster: shp}]}]\n", 2, 89, "environments[0].services[0].cluster", `"shp" is no cluster of this environment; did you mean shop?`, false},
	{"no cluster", "version: 1\nenvironments: [{name: a, production: true}]\n", 2, 16, "environments[0]", `names no cluster, so nothing is read from ECS for "a"; add cluster: NAME`, true},
	{"after nobody, near", twoStages("soak: 1m", "after: stagin"), 4, 61, "environments[1].after", `"stagin" is no environment; did you mean staging?`, false},
	{"after nobody, far", twoStages("soak: 1m", "after: qa"), 4, 61, "environments[1].after", `"qa" is no environment; known are staging`, false},
	{"after itself", twoStages("soak: 1m", "after: production"), 4, 61, "environments[1].after", `"production" comes after itself; name the environment before it, or remove the key for the first`, false},
	{"circle", twoStages("after: production", "after: staging"), 3, 40, "environments[0].after", "goes round in a circle: staging after production after staging; remove after from the first stage", false},
	{"github environment twice", twoStages("github_environment: live", "github_environment: LIVE"), 4, 74, "environments[1].github_environment", `the GitHub environment "LIVE" belongs to "staging" already; each needs its own`, false},
	{"gate of another", twoStages("soak: 1m", "gate_environment: staging, deploy_environment: deploy"), 4, 72, "environments[1].gate_environment", `the GitHub environment "staging" belongs to "staging" already; each needs its own`, false},
	{"gate alone", stageWith("gate_environment: live"), 7, 23, "environments[0].gate_environment", "has no deploy_environment beside it, so GitHub asks for approval again for every wave of jobs; add one without reviewers, such as deploy_environment: live-deploy", true},
	{"gate that deploys", "version: 1\nenvironments: [{name: a, production: true, cluster: a, gate_environment: a, deploy_environment: a}]\n", 2, 97, "environments[0].deploy_environment", "is the gate itself, so GitHub asks for approval again for every wave of jobs; name one without reviewers, such as a-deploy", true},
	{"no production", "version: 1\nenvironments: [{name: a, cluster: a}]\n", 2, 15, "environments", "no environment has production: true, so no change gets the full check list; mark the one that your customers use", true},
	{"unknown default", head + "defaults: {environment: produktion}\n", 4, 25, "defaults.environment", `"produktion" is no environment; did you mean production?`, false},
	{"two workflows for one stage", stageWith("workflow: a.yml") + "workflows: {production: b.yml}\n", 7, 15, "environments[0].workflow", "is a.yml, but workflows.production is b.yml; the environment's own is used here", true},
	{"migration by nobody", stageWith("database: {migration_service: order}"), 7, 35, "environments[0].database.migration_service", `"order" is no service of this environment; did you mean orders?`, false},
	{"migration without a service", stageWith("database: {migration_command: [migrate]}"), 7, 35, "environments[0].database.migration_command", "needs the service whose image runs it; add migration_service", false},
	{"freeze that ends before it begins", head + "policy: {freezes: [{from: 2027-01-02, until: 2026-12-23, reason: x}]}\n", 4, 46, "policy.freezes[0].until", "2026-12-23T00:00:00Z is not after from, 2027-01-02T00:00:00Z; swap them or correct the year", false},
	{"repository of nobody", head + "repositories: {user: acme/users}\n", 4, 22, "repositories.user", `"user" is no service of any environment; did you mean users?`, false},
	{"repository without services", "version: 1\nenvironments: [{name: a, cluster: a, production: true}]\nrepositories: {user: acme/users}\n", 3, 22, "repositories.user", `"user" is no service of any environment, because there is none; remove it`, false},
}

// Every mistake is found where it is, alone, and told in a sentence that says
// what would be right.
func TestMistakes(t *testing.T) {
	for group, mistakes := range map[string][]mistake{
		"whole file": wholeFileMistakes, "key": keyMistakes, "value": valueMistakes, "cross": crossMistakes,
	} {
		for _, m := range mistakes {
			t.Run(group+"/"+m.name, func(t *testing.T) {
				c, err := Parse("f", []byte(m.file))
				want := pipeline.ConfigProblem{Line: m.line, Column: m.column, Key: m.key, Sentence: m.says, Warning: m.warning}
				if !containsProblem(c.Problems, want) {
					t.Errorf("want %s\n got %s", Describe("f", want), describeAll(c.Problems))
				}
				var invalid *InvalidError
				switch {
				case m.warning && err != nil:
					t.Errorf("a warning makes the file invalid: %v", err)
				case !m.warning && !errors.As(err, &invalid):
					t.Errorf("the file is accepted: %v", err)
				case !m.warning && len(invalid.Problems) != 1:
					t.Errorf("one mistake is told as several:\n%s", describeAll(invalid.Problems))
				}
			})
		}
	}
}

func containsProblem(problems []pipeline.ConfigProblem, wanted pipeline.ConfigProblem) bool {
	for _, p := range problems {
		if p == wanted {
			return true
		}
	}
	return false
}

func describeAll(problems []pipeline.ConfigProblem) string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, Describe("f", p))
	}
	return strings.Join(lines, "\n")
}

// A new number of a known place is a region that AWS has opened since.
func TestTomorrowsRegionIsAccepted(t *testing.T) {
	c, err := Parse("f", []byte(stageWith("aws: {region: eu-central-3}")))
	if err != nil || len(c.Problems) > 0 {
		t.Error(err, c.Problems)
	}
}
