package cmd

import (
	"io"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// typed answers forms as an operator who types keys would: each when the form
// has come to rest after the one before. It is for a synctest bubble.
func typed(t *testing.T, keys ...string) *globals {
	t.Helper()
	in, out := io.Pipe() // it stays open, as a terminal does
	t.Cleanup(func() { _ = in.Close() })
	go func() {
		for _, k := range keys {
			synctest.Wait()
			if _, err := io.WriteString(out, k); err != nil {
				return // the form is done
			}
		}
	}()
	return &globals{Streams: Streams{In: in, Out: io.Discard, Err: io.Discard}}
}

// outsideTheBubble starts the runtime's delivery of signals, which forms ask
// for: begun inside a bubble it would belong to it, and ends the program.
func outsideTheBubble(t *testing.T) {
	t.Helper()
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	t.Cleanup(func() { signal.Stop(c) })
}

func TestConfirm(t *testing.T) {
	outsideTheBubble(t)
	for keys, want := range map[string]bool{"y": true, "n": false, "\r": false, "\x1b[D \r": true} {
		synctest.Test(t, func(t *testing.T) {
			g := typed(t, strings.Split(keys, " ")...)
			if got, err := g.confirm(t.Context(), "Overwrite?"); err != nil || got != want {
				t.Errorf("%q: %v %v", keys, got, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		if _, err := typed(t, "\x03").confirm(t.Context(), "Overwrite?"); pipeline.KindOf(err) != pipeline.KindRefused {
			t.Errorf("left by Ctrl-C: %v", err)
		}
	})
}

// The form keeps what is not corrected, takes a service out, and lets nothing
// through that a workflow cannot hold.
func TestAskKeepsWhatIsNotCorrected(t *testing.T) {
	outsideTheBubble(t)
	synctest.Test(t, func(t *testing.T) {
		a := answers{defaultBranch: "main", stagingBranch: "develop", region: "eu-central-1", stagingCluster: "a", productionCluster: "b", migrationService: "orders"}
		o := offers{services: []string{"catalog", "orders", "users"}, migrating: []string{"orders", "users"}}
		keys := []string{"x", "\r", "\x1b[B", "\r"} // without catalog; migrated by users
		keys = append(keys, "\r", "-2", "\r", "shop", "\r", "/", "\r", "\r")
		keys = append(keys, "\r", "\r", "\r", "moon", "\r", "\x15", "https://{service}.example.com", "\r", "\r", "\r", "\r")
		if err := a.ask(t.Context(), typed(t, keys...), o); err != nil {
			t.Fatal(err)
		}
		want := answers{
			defaultBranch: "main", stagingBranch: "develop-2", region: "eu-central-1", stagingCluster: "a", productionCluster: "b",
			imagePrefix: "shop/", stagingURL: "https://{service}.example.com", migrationService: "users", chosen: []string{"orders", "users"},
		}
		if !reflect.DeepEqual(a, want) {
			t.Errorf("%+v", a)
		}
		time.Sleep(time.Minute) // in the bubble's time: the cursors stop blinking
	})
}

func TestAskReviewers(t *testing.T) {
	outsideTheBubble(t)
	synctest.Test(t, func(t *testing.T) {
		got, err := typed(t, "\r", "bob, acme/ops", "\r").askReviewers(t.Context(), "production")
		if err != nil || !slices.Equal(got, []string{"bob", "acme/ops"}) {
			t.Errorf("%q %v", got, err)
		}
		time.Sleep(time.Minute) // in the bubble's time: the cursor stops blinking
	})
}

func TestAskSecretChecksAndMakes(t *testing.T) {
	outsideTheBubble(t)
	bucket, _ := knownSecret("BACKUP_S3_BUCKET")
	key, _ := knownSecret("JWT_SECRET_KEY")
	ask := func(s systemSecret, keys ...string) (v secretValue) {
		synctest.Test(t, func(t *testing.T) {
			v = secretValue{name: s.name, place: "staging"}
			if err := typed(t, keys...).typeSecret(t.Context(), s, &v); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute) // in the bubble's time: the cursor stops blinking
		})
		return v
	}
	// The wrong shape is not let through; what is typed behind it corrects it.
	if v := ask(bucket, "Shop", "\r", "\x7f", "\x7f", "\x7f", "\x7f", "shop-backups", "\r"); v.value != "shop-backups" || v.made {
		t.Errorf("%+v", v)
	}
	if v := ask(bucket, "\r"); v.value != "" {
		t.Errorf("%+v", v)
	}
	if v := ask(key, "\r"); len(v.value) != 64 || !v.made {
		t.Errorf("%+v", v)
	}
}
