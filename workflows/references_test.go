package workflows

import (
	"reflect"
	"slices"
	"testing"
)

func TestReferences(t *testing.T) {
	got, err := References([]byte(`
env: {A: "${{ secrets.Top }}"}
jobs:
  one:
    environment: production-deploy # not ${{ secrets.COMMENT }}
    steps:
      - run: x
        env: {B: "${{ secrets.DB_PASSWORD || secrets['OTHER'] }}", C: "${{ secrets.GITHUB_TOKEN }}"}
      - with: {again: "${{ secrets.DB_PASSWORD }}"}
  two:
    environment: {name: "${{ inputs.target }}", url: x}
    if: secrets.FLAG != ''
  three:
    environment: {name: staging}
    steps: [{uses: x, with: {k: "${{ secrets.K }}"}}]
`))
	want := []Reference{
		{"TOP", "", ""},
		{"DB_PASSWORD", "one", "production-deploy"},
		{"OTHER", "one", "production-deploy"},
		{"K", "three", "staging"},
		{"FLAG", "two", ""},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := References([]byte("a: [")); err == nil {
		t.Errorf("read %v", got)
	}
	if got, err := References(nil); got != nil || err != nil {
		t.Errorf("%v %v", got, err)
	}
}

func TestReferencesOfTheTemplates(t *testing.T) {
	var names []string
	for _, content := range render(t, shop()) {
		refs, err := References(content)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range refs {
			names = append(names, r.Secret)
		}
	}
	slices.Sort(names)
	want := append(ApplicationSecrets(), "AWS_ACCESS_KEY_ID", "AWS_ACCOUNT_ID", "AWS_SECRET_ACCESS_KEY", "BACKUP_S3_BUCKET", "CODECOV_TOKEN", "SLACK_WEBHOOK_URL")
	slices.Sort(want)
	if names = slices.Compact(names); !slices.Equal(names, want) {
		t.Errorf("%v\n%v", names, want)
	}
}
