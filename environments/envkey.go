package environments

import (
	"fmt"
	"net/mail"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// EnvKey is one setting of the services' containers, as an environment file
// holds it.
type EnvKey struct {
	Name     string
	Area     string // one of EnvAreas
	Doc      string // one sentence, for the example files
	Required bool
	Secret   bool     // its value is masked wherever it is shown, and becomes a secret of the GitHub environment
	Examples []string // for staging and production; one where both have it
	kind     envKind
	live     []envRule // what production asks beyond the kind
}

// EnvAreas are the parts of an environment file, in their order.
var EnvAreas = []string{"Deployment", "Database", "Cache", "Security", "Monitoring", "Performance", "Compliance"}

// EnvKeyNamed returns the key of that name, and whether it is known.
func EnvKeyNamed(name string) (EnvKey, bool) {
	i := slices.IndexFunc(envKeys, func(k EnvKey) bool { return k.Name == name })
	if i < 0 {
		return EnvKey{}, false
	}
	return envKeys[i], true
}

// EnvKeys lists the keys that this program knows, area by area.
func EnvKeys() []EnvKey { return slices.Clone(envKeys) }

// IsSecretKey reports whether a value is to be masked: a known secret, or a key
// of the team's own whose name says so.
func IsSecretKey(name string) bool {
	if key, known := EnvKeyNamed(name); known {
		return key.Secret
	}
	for part := range strings.SplitSeq(strings.ToUpper(name), "_") {
		switch part {
		case "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "DSN", "CREDENTIAL", "CREDENTIALS", "KEY", "APIKEY", "WEBHOOK":
			return true
		}
	}
	return false
}

// envKind checks a value and says what kind it is of. A refusal never repeats
// the value: it may be a secret.
type envKind struct {
	noun  string
	check func(value string) error
}

// envRule is what production asks of a value.
type envRule func(value string) error

func anyText() envKind {
	return envKind{"text", func(string) error { return nil }}
}

func boolean() envKind {
	return envKind{"true or false", func(v string) error {
		if v != "true" && v != "false" {
			return fmt.Errorf("is neither true nor false")
		}
		return nil
	}}
}

func integer(low, high int) envKind {
	return envKind{fmt.Sprintf("whole number, %d to %d", low, high), func(v string) error {
		n, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("is no whole number")
		}
		if n < low || n > high {
			return fmt.Errorf("is not between %d and %d", low, high)
		}
		return nil
	}}
}

func rate() envKind {
	return envKind{"number, 0 to 1", func(v string) error {
		if f, err := strconv.ParseFloat(v, 64); err != nil || f < 0 || f > 1 || f != f {
			return fmt.Errorf("is no number between 0 and 1")
		}
		return nil
	}}
}

func oneOf(values ...string) envKind {
	return envKind{"one of " + strings.Join(values, ", "), func(v string) error {
		if !slices.Contains(values, v) {
			return fmt.Errorf("is none of %s", strings.Join(values, ", "))
		}
		return nil
	}}
}

func address(schemes ...string) envKind {
	return envKind{"URL, " + strings.Join(schemes, ":// or ") + "://", func(v string) error {
		u, err := url.Parse(v)
		if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
			return fmt.Errorf("is no URL that begins with %s://", strings.Join(schemes, ":// or "))
		}
		return nil
	}}
}

func absolutePath() envKind {
	return envKind{"path", func(v string) error {
		if !strings.HasPrefix(v, "/") || path.Clean(v) != strings.TrimSuffix(v, "/") && v != "/" {
			return fmt.Errorf("is no path that begins with /")
		}
		return nil
	}}
}

func email() envKind {
	return envKind{"e-mail address", func(v string) error {
		if _, err := mail.ParseAddress(v); err != nil {
			return fmt.Errorf("is no e-mail address")
		}
		return nil
	}}
}

// hosts is a list of host names, as Django's ALLOWED_HOSTS has them.
func hosts() envKind {
	return envKind{"host names, with commas between", func(v string) error {
		for _, h := range items(v) {
			if strings.ContainsAny(h, "/: ") {
				return fmt.Errorf("holds an item that is no host name; leave scheme, port and path out")
			}
		}
		return nil
	}}
}

// origins is a list of scheme and host.
func origins() envKind {
	return envKind{"origins such as https://shop.example.com, with commas between", func(v string) error {
		for i, o := range items(v) {
			u, err := url.Parse(o)
			if o != "*" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" || u.RawQuery != "") {
				return fmt.Errorf("holds an item that is no origin (the %d. one); write scheme and host only, such as https://shop.example.com", i+1)
			}
		}
		return nil
	}}
}

func key(least int) envKind {
	return envKind{fmt.Sprintf("key of %d characters or more", least), func(v string) error {
		if len(v) < least {
			return fmt.Errorf("is %d characters long; %d are the least that cannot be guessed (gh deployctl secrets makes one)", len(v), least)
		}
		return nil
	}}
}

func items(list string) []string {
	var out []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// The rules for production.

func must(value, why string) envRule {
	return func(v string) error {
		if v != value {
			return fmt.Errorf("must be %s in production: %s", value, why)
		}
		return nil
	}
}

func mustNot(value, why string) envRule {
	return func(v string) error {
		if v == value {
			return fmt.Errorf("must not be %s in production: %s", value, why)
		}
		return nil
	}
}

func atLeast(least int, why string) envRule {
	return func(v string) error {
		if n, err := strconv.Atoi(v); err == nil && n < least {
			return fmt.Errorf("must be %d or more in production: %s", least, why)
		}
		return nil
	}
}

func noWildcard(why string) envRule {
	return func(v string) error {
		if slices.ContainsFunc(items(v), func(item string) bool { return strings.Contains(item, "*") }) {
			return fmt.Errorf("must not hold a wildcard in production: %s", why)
		}
		return nil
	}
}

func onlyHTTPS(v string) error {
	if slices.ContainsFunc(items(v), func(item string) bool { return strings.HasPrefix(item, "http://") }) {
		return fmt.Errorf("must hold https:// origins only in production")
	}
	return nil
}

func varied(v string) error {
	seen := map[rune]bool{}
	for _, r := range v {
		seen[r] = true
	}
	lower := strings.ToLower(v)
	if len(seen) < 10 || strings.Contains(lower, "insecure") || strings.Contains(lower, "change") && strings.Contains(lower, "me") {
		return fmt.Errorf("looks like a placeholder; make a real key with gh deployctl secrets")
	}
	return nil
}

func noSuperuser(v string) error {
	if slices.Contains([]string{"postgres", "root", "admin", "rdsadmin"}, v) {
		return fmt.Errorf("must not be a superuser in production: the service needs its own tables only")
	}
	return nil
}

// noPassword keeps credentials out of values that are shown.
func noPassword(v string) error {
	if u, err := url.Parse(v); err == nil && u.User != nil {
		if _, has := u.User.Password(); has {
			return fmt.Errorf("holds a password, and is no secret; put the password into the key made for it")
		}
	}
	return nil
}

// Check holds a value against the key's kind, and against what production asks
// where it is one. The error does not repeat the value.
func (k EnvKey) Check(value string, production bool) error {
	if err := k.kind.check(value); err != nil {
		return err
	}
	if !production {
		return nil
	}
	for _, rule := range k.live {
		if err := rule(value); err != nil {
			return err
		}
	}
	return nil
}
