package cmd

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/deployctl/gh-deployctl/environments"
)

// systemSecret is a secret that the delivery system knows.
type systemSecret struct {
	name, group, doc string
	optional         bool // the system works without it
	perEnvironment   bool // each environment has its own
	generate         int  // characters of the key that we make; 0: its value is not ours to make
	check            func(value string) error
}

// The groups of secrets, each with its flag.
const (
	groupAWS, groupDatabase, groupApp, groupBackup, groupMonitoring = "aws", "database", "app", "backup", "monitoring"
)

var systemSecrets = []systemSecret{
	{name: "AWS_ACCOUNT_ID", group: groupAWS, doc: "the account that jobs may act in, 12 digits", check: form(`^\d{12}$`, "is no account id of 12 digits")},
	{name: "AWS_ACCESS_KEY_ID", group: groupAWS, doc: "access key; not needed with OIDC (variable AWS_ROLE_ARN)", check: form(`^(AKIA|ASIA)[A-Z0-9]{16}$`, "is no access key id: they are 20 characters and begin with AKIA")},
	{name: "AWS_SECRET_ACCESS_KEY", group: groupAWS, doc: "its secret part; not needed with OIDC", check: form(`^[A-Za-z0-9/+=]{40}$`, "is no secret access key: they are 40 characters of letters, digits, / and +")},
	{name: "DB_NAME", group: groupDatabase, doc: "name of the database", perEnvironment: true, check: likeSetting("DB_NAME")},
	{name: "DB_USER", group: groupDatabase, doc: "user that the services connect as", perEnvironment: true, check: likeSetting("DB_USER")},
	{name: "DB_PASSWORD", group: groupDatabase, doc: "that user's password", perEnvironment: true, check: likeSetting("DB_PASSWORD")},
	{name: "DJANGO_SECRET_KEY", group: groupApp, doc: "signs sessions", perEnvironment: true, generate: 64, check: likeSetting("DJANGO_SECRET_KEY")},
	{name: "JWT_SECRET_KEY", group: groupApp, doc: "signs tokens between services", perEnvironment: true, generate: 64, check: likeSetting("JWT_SECRET_KEY")},
	{name: "BACKUP_S3_BUCKET", group: groupBackup, doc: "bucket that keeps the record of each deployment", perEnvironment: true, check: form(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`, "is no name of a bucket")},
	{name: "SLACK_WEBHOOK_URL", group: groupMonitoring, doc: "incoming webhook for notifications", optional: true, check: webhook},
	{name: "SENTRY_DSN", group: groupMonitoring, doc: "where the services report errors", optional: true, perEnvironment: true, check: likeSetting("SENTRY_DSN")},
	{name: "CODECOV_TOKEN", group: groupMonitoring, doc: "upload of coverage", optional: true, check: form(`^\S{8,}$`, "is no token")},
}

// knownSecret finds a secret of the system.
func knownSecret(name string) (systemSecret, bool) {
	i := slices.IndexFunc(systemSecrets, func(s systemSecret) bool { return s.name == name })
	if i < 0 {
		return systemSecret{}, false
	}
	return systemSecrets[i], true
}

func form(pattern, otherwise string) func(string) error {
	re := regexp.MustCompile(pattern)
	return func(v string) error {
		if !re.MatchString(v) {
			return fmt.Errorf("%s", otherwise)
		}
		return nil
	}
}

// likeSetting holds a secret against the rules of the setting of its name, as
// production has them.
func likeSetting(name string) func(string) error {
	return func(v string) error {
		k, _ := environments.EnvKeyNamed(name)
		return k.Check(v, true)
	}
}

func webhook(v string) error {
	if u, err := url.Parse(v); err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") == "" {
		return fmt.Errorf("is no address of a webhook: they begin with https:// and have a path")
	}
	return nil
}

// maxSecret is the size of the largest secret that GitHub keeps, in bytes.
const maxSecret = 48 << 10

// checkSecret says what is wrong with a value without repeating it.
func checkSecret(name, value string) error {
	switch known, ok := knownSecret(name); {
	case value == "":
		return fmt.Errorf("is empty")
	case len(value) > maxSecret:
		return fmt.Errorf("is larger than the 48 KB that GitHub keeps")
	case strings.TrimSpace(value) != value:
		return fmt.Errorf("begins or ends with a space or an empty line")
	case ok:
		return known.check(value)
	}
	return nil
}

// keyAlphabet has 64 characters, so that a random byte chooses evenly, and none
// that a shell, YAML or a URL would read as something else.
const keyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// generateKey makes a key of six random bits a character.
func generateKey(length int) string {
	b := make([]byte, length)
	_, _ = rand.Read(b) // it never fails: without randomness the program ends
	for i := range b {
		b[i] = keyAlphabet[b[i]&63]
	}
	return string(b)
}
