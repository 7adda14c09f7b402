package workflows

import (
	"reflect"
	"testing"
)

func TestVersionOf(t *testing.T) {
	for name, content := range render(t, shop()) {
		if v := VersionOf(content); v != TemplateVersion {
			t.Errorf("%s is of version %d", name, v)
		}
	}
	for _, other := range []string{"", "name: ci", "# gh deployctl init wrote this file, from its templates of version x."} {
		if v := VersionOf([]byte(other)); v != 0 {
			t.Errorf("%q is of version %d", other, v)
		}
	}
}

func TestSettingsOf(t *testing.T) {
	s := shop()
	got := Settings{}
	for _, content := range render(t, s) {
		got = got.With(SettingsOf(content))
	}
	if want := (Settings{
		Extension: s.Extension, Built: true, ImagePrefix: "shop/", PythonVersion: "3.13",
		Directories: map[string]string{"api-gateway": "services/api-gateway", "orders": "services/orders", "frontend": "frontend"},
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for _, other := range []string{"", "- a", "env: 1", "env: {DEPLOYCTL_EXTENSION: x}\njobs: 7"} {
		if got := SettingsOf([]byte(other)); !reflect.DeepEqual(got, Settings{}) {
			t.Errorf("%q: %+v", other, got)
		}
	}
}

func TestParseExtension(t *testing.T) {
	e, err := ParseExtension("acme/gh-deployctl@v1.2.3")
	if err != nil || e.String() != "acme/gh-deployctl@v1.2.3" {
		t.Errorf("%v %v", e, err)
	}
	for _, wrong := range []string{"", "acme/gh-deployctl", "@v1", "acme@v1", "acme/x@", "a/b@$(id)"} {
		if _, err := ParseExtension(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
	if (Extension{}).String() != "" {
		t.Error("no extension has a name")
	}
}
