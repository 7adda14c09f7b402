package cmd

import (
	"strings"
	"testing"
)

func TestGeneratedKeysAreStrong(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range systemSecrets {
		if s.generate == 0 {
			continue
		}
		for range 50 {
			k := generateKey(s.generate)
			if err := checkSecret(s.name, k); err != nil || len(k) != s.generate || seen[k] {
				t.Fatalf("%s: a key of %d characters: %v", s.name, len(k), err)
			}
			seen[k] = true
		}
	}
	if len(seen) == 0 {
		t.Error("no secret is ours to make")
	}
}

// TestSecretShapes: what cannot be right is refused, and never repeated.
func TestSecretShapes(t *testing.T) {
	for _, c := range []struct {
		name, value string
		ok          bool
	}{
		{"AWS_ACCOUNT_ID", "123456789012", true},
		{"AWS_ACCOUNT_ID", "12345678901", false},
		{"AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", true},
		{"AWS_ACCESS_KEY_ID", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", false},
		{"AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", true},
		{"AWS_SECRET_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE", false},
		{"DB_PASSWORD", "longer-Than-12-Characters", true},
		{"DB_PASSWORD", "letmein", false},
		{"DB_USER", "postgres", false},
		{"DJANGO_SECRET_KEY", "django-insecure-" + strings.Repeat("aB3$x", 10), false},
		{"BACKUP_S3_BUCKET", "shop-backups", true},
		{"BACKUP_S3_BUCKET", "s3://Shop", false},
		{"SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x", true},
		{"SLACK_WEBHOOK_URL", "http://hooks.slack.com/services/T/B/x", false},
		{"SLACK_WEBHOOK_URL", "https://hooks.slack.com", false},
		{"SENTRY_DSN", "https://k@o1.ingest.sentry.io/1", true},
		{"SENTRY_DSN", "sentry", false},
		{"CODECOV_TOKEN", "with space", false},
		{"TEAM_SECRET", "anything", true},
		{"TEAM_SECRET", "", false},
		{"TEAM_SECRET", " padded ", false},
		{"TEAM_SECRET", strings.Repeat("x", maxSecret+1), false},
	} {
		err := checkSecret(c.name, c.value)
		if (err == nil) != c.ok {
			t.Errorf("%s %q: %v", c.name, c.value[:min(len(c.value), 20)], err)
		}
		if err != nil && len(c.value) > 6 && strings.Contains(err.Error(), strings.TrimSpace(c.value)) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}
