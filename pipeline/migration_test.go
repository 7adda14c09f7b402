package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each file of the corpus says in its first two lines what class it is of, and
// a part of the sentence that says why.
func TestClassifyTheCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/migrations/*.py")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	seen := map[MigrationClass]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".py"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			head, rest, _ := strings.Cut(string(text), "\n")
			second, source, _ := strings.Cut(rest, "\n")
			want := MigrationClass(strings.TrimPrefix(head, "# class: "))
			class, why := Classify(source)
			if class != want || !strings.Contains(why, strings.TrimPrefix(second, "# why: ")) {
				t.Errorf("%s (%s), want %s", class, why, want)
			}
			seen[class] = true
		})
	}
	if len(seen) != 5 {
		t.Errorf("the corpus shows only %v", seen)
	}
}

func TestMigrationsAreFoundByTheirPath(t *testing.T) {
	tests := map[string]bool{
		"services/orders/orders/migrations/0057_add_coupon.py": true,
		"migrations/0001_squashed_0004_tag.py":                 true,
		"orders/migrations/initial.py":                         true,
		"orders/migrations/__init__.py":                        false,
		"orders/migrations/0057_add_coupon.sql":                false,
		"orders/migrations/sql/0057_add_coupon.py":             false,
		"orders/immigrations/0057.py":                          false,
	}
	for path, want := range tests {
		if got := len(migrationFiles([]ChangedFile{{Path: path}})) == 1; got != want {
			t.Errorf("%s: %t, want %t", path, got, want)
		}
	}
	if got := migrationName("services/orders/orders/migrations/0057_add_coupon.py"); got != "orders.0057_add_coupon" {
		t.Error(got)
	}
}

// Whatever a file holds, it is classified, and nothing panics.
func FuzzClassify(f *testing.F) {
	files, _ := filepath.Glob("testdata/migrations/*.py")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, source string) {
		class, why := Classify(source)
		if class.rank() < 0 || why == "" {
			t.Errorf("%q %q", class, why)
		}
	})
}
