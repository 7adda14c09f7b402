package environments

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/pipeline"
)

const strongKey = "p9Zq!vR2xW7tKs4LmN8bYc3HdJf6GaEuQoTi5ArXzPk1Cw0BnMeS" // 52 varied characters

// filled is an example file with its secrets filled in, as an operator would.
func filled(environment string, production bool, change ...string) string {
	text := string(EnvExample(environment, production))
	for _, k := range EnvKeys() {
		value := map[string]string{"DB_NAME": "shop", "DB_USER": "shop_app", "SENTRY_DSN": "https://key@sentry.example.com/1"}[k.Name]
		if value == "" {
			value = "'" + strongKey + "'"
		}
		if k.Secret {
			text = strings.Replace(text, "\n"+k.Name+"=\n", "\n"+k.Name+"="+value+"\n", 1)
		}
	}
	for _, c := range change {
		key, _, _ := strings.Cut(c, "=")
		lines := strings.Split(text, "\n")
		for i, l := range lines {
			if strings.HasPrefix(l, key+"=") {
				lines[i] = c
			}
		}
		text = strings.Join(lines, "\n")
	}
	return text
}

func lineOf(text, key string) int {
	for i, l := range strings.Split(text, "\n") {
		if strings.HasPrefix(l, key+"=") {
			return i + 1
		}
	}
	return 0
}

func TestExamplesAreRight(t *testing.T) {
	for environment, production := range map[string]bool{"staging": false, "production": true} {
		text := filled(environment, production)
		f, problems := ParseEnv(environment+".env", []byte(text))
		if problems = append(problems, CheckEnv(f, production)...); len(problems) > 0 {
			t.Errorf("the filled example of %s has problems: %+v", environment, problems)
		}
		if len(f.Entries) != len(EnvKeys()) {
			t.Errorf("%d of %d keys", len(f.Entries), len(EnvKeys()))
		}
		for _, area := range EnvAreas {
			if !strings.Contains(text, "# ---- "+area+" ----") {
				t.Errorf("no area %s", area)
			}
		}
		for _, p := range CheckEnv(onlyFile(ParseEnv("x", EnvExample(environment, production))), production) {
			if k, _ := EnvKeyNamed(p.Key); !k.Secret {
				t.Errorf("the empty example complains about more than its secrets: %+v", p)
			}
		}
	}
}

func onlyFile(f EnvFile, _ []pipeline.ConfigProblem) EnvFile { return f }

// TestRulesOfProduction: each change of one line is refused in production, at
// that line, and taken in staging where it says so.
func TestRulesOfProduction(t *testing.T) {
	for _, c := range []struct {
		change, want string
		everywhere   bool
	}{
		{"DEBUG=true", "must be false in production", false},
		{"DEBUG=yes", "neither true nor false", true},
		{"CORS_ALLOWED_ORIGINS=*", "must not hold a wildcard", false},
		{"CORS_ALLOWED_ORIGINS=https://a.example.com, http://b.example.com", "https:// origins only", false},
		{"CORS_ALLOWED_ORIGINS=shop.example.com", "no origin", true},
		{"CORS_ALLOW_ALL_ORIGINS=true", "must be false", false},
		{"ALLOWED_HOSTS=*", "wildcard", false},
		{"ALLOWED_HOSTS=https://x.example.com", "no host name", true},
		{"DJANGO_SECRET_KEY=short", "is 5 characters long; 50", true},
		{"DJANGO_SECRET_KEY=" + strings.Repeat("ab", 30), "placeholder", false},
		{"DJANGO_SECRET_KEY=django-insecure-" + strings.Repeat("x1y2z3", 9), "placeholder", false},
		{"JWT_SECRET_KEY=0123456789", "32 are the least", true},
		{"DB_PORT=http", "no whole number", true},
		{"DB_PORT=70000", "between 1 and 65535", true},
		{"DB_SSLMODE=disable", "clear text", false},
		{"DB_USER=postgres", "must not be a superuser", false},
		{"DB_HOST=", "is empty", true},
		{"REDIS_URL=http://cache", "no URL", true},
		{"REDIS_URL=redis://:" + strongKey + "@cache:6379/0", "holds a password", false},
		{"SECURE_HSTS_SECONDS=60", "31536000 or more", false},
		{"SECURE_SSL_REDIRECT=false", "must be true", false},
		{"LOG_LEVEL=DEBUG", "must not be DEBUG", false},
		{"LOG_LEVEL=LOUD", "none of DEBUG", true},
		{"SENTRY_TRACES_SAMPLE_RATE=1.5", "between 0 and 1", true},
		{"HEALTH_CHECK_PATH=health", "begins with /", true},
		{"ALERT_EMAIL=nobody", "no e-mail", true},
		{"GUNICORN_WORKERS=1", "2 or more", false},
		{"AUDIT_LOG_ENABLED=false", "accounted for", false},
		{"X_FRAME_OPTIONS=ALLOWALL", "none of DENY", true},
	} {
		t.Run(c.change, func(t *testing.T) {
			key, value, _ := strings.Cut(c.change, "=")
			for _, production := range []bool{true, false} {
				text := filled("x", production, c.change)
				f, _ := ParseEnv("x.env", []byte(text))
				problems := CheckEnv(f, production)
				if !production && !c.everywhere {
					if len(problems) > 0 {
						t.Errorf("outside production: %+v", problems)
					}
					continue
				}
				if len(problems) != 1 || problems[0].Key != key || problems[0].Line != lineOf(text, key) || problems[0].Warning || !strings.Contains(problems[0].Sentence, c.want) {
					t.Fatalf("production %v: %+v, want line %d: %s", production, problems, lineOf(text, key), c.want)
				}
				if IsSecretKey(key) && len(value) > 3 && strings.Contains(fmt.Sprint(problems), value) {
					t.Errorf("the problem tells the secret: %+v", problems)
				}
			}
		})
	}
}

func TestEnvProblemsHaveTheirLines(t *testing.T) {
	text := "# a comment\n\nDEBUG=true\nno assignment here\n=x\nDB_PASSWORD='hunter2-is-my-secret\nexport LOG_LEVEL = INFO # loud\nGUNICORN_WORKRES=1\nDEBUG=false\nMY_FLAG=1\n"
	f, problems := ParseEnv("x.env", []byte(text))
	want := map[int]string{4: "no assignment", 5: "no key", 6: "does not close it"}
	if len(problems) != len(want) {
		t.Fatalf("%+v", problems)
	}
	for _, p := range problems {
		if !strings.Contains(p.Sentence, want[p.Line]) || strings.Contains(p.Sentence, "hunter2") {
			t.Errorf("%+v", p)
		}
	}
	if e, ok := f.Get("DEBUG"); !ok || e.Value != "false" || e.Line != 9 {
		t.Errorf("DEBUG is %+v", e)
	}
	if e, _ := f.Get("LOG_LEVEL"); e.Value != "INFO" || e.Line != 7 {
		t.Errorf("LOG_LEVEL is %+v", e)
	}
	got := map[int]string{}
	missing := 0
	for _, p := range CheckEnv(f, false) {
		if p.Line == 0 {
			missing++
			continue
		}
		got[p.Line] = p.Sentence
		if !p.Warning {
			t.Errorf("not a warning: %+v", p)
		}
	}
	if !strings.Contains(got[9], "line 3") || !strings.Contains(got[8], "did you mean GUNICORN_WORKERS?") || !strings.Contains(got[10], "passed on") {
		t.Errorf("%v", got)
	}
	if missing == 0 {
		t.Error("nothing is missing")
	}
}

func TestParseEnvRefusesWhatIsNoText(t *testing.T) {
	for _, content := range []string{"\xff\xfe", strings.Repeat("#", MaxSize+1)} {
		if _, problems := ParseEnv("x", []byte(content)); len(problems) != 1 {
			t.Errorf("%+v", problems)
		}
	}
	if f, problems := ParseEnv("x", []byte("\ufeffDEBUG=true\r\n")); len(problems) > 0 || !reflect.DeepEqual(f.Entries, []EnvEntry{{"DEBUG", "true", 1}}) {
		t.Errorf("%+v %+v", f, problems)
	}
}

func TestDiffEnvNeverTellsASecret(t *testing.T) {
	left, _ := ParseEnv("a", []byte("DEBUG=true\nDB_PASSWORD=one-secret\nJWT_SECRET_KEY=same\nONLY=1\nMY_API_TOKEN=t1\nPORT=1\n"))
	right, _ := ParseEnv("b", []byte("DEBUG=false\nDB_PASSWORD=other-secret\nJWT_SECRET_KEY=same\nMY_API_TOKEN=t2\nPORT=1\n"))
	got := DiffEnv(left, right)
	want := []EnvDifference{
		{"DEBUG", "true", "false", true, true},
		{"DB_PASSWORD", "********", "********", true, true},
		{"MY_API_TOKEN", "********", "********", true, true},
		{"ONLY", "1", "", true, false},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func FuzzEnv(f *testing.F) {
	f.Add(filled("production", true))
	f.Add("A='\nB=\"\\u12\"\n=\nexport \n")
	f.Fuzz(func(t *testing.T, text string) {
		file, problems := ParseEnv("x", []byte(text))
		lines := strings.Count(text, "\n") + 1
		for _, p := range append(problems, CheckEnv(file, true)...) {
			if p.Line < 0 || p.Line > lines || p.Sentence == "" {
				t.Errorf("%+v of %d lines", p, lines)
			}
		}
	})
}
