package workflows

import (
	"strings"
	"testing"
	"testing/fstest"
	"text/template"
)

// TestRenderAgreesWithTextTemplate holds our executor to the package that the
// templates are written for.
func TestRenderAgreesWithTextTemplate(t *testing.T) {
	for name, system := range systems() {
		t.Run(name, func(t *testing.T) {
			if err := system.check(); err != nil {
				t.Fatal(err)
			}
			got, err := Render(system)
			if err != nil {
				t.Fatal(err)
			}
			reference := template.Must(template.New("").Delims("<%", "%>").Funcs(template.FuncMap{
				"action": pinned, "head": head, "list": list, "q": quoted, "secrets": ApplicationSecrets,
			}).ParseFS(files, "templates/*"))
			for _, file := range got {
				var want strings.Builder
				if err := reference.ExecuteTemplate(&want, file.Name, system); err != nil {
					t.Fatal(err)
				}
				if string(tidy([]byte(want.String()))) != string(file.Content) {
					t.Errorf("%s is not what text/template makes of it", file.Name)
				}
			}
		})
	}
}

func TestTemplatesThatCannotBeRendered(t *testing.T) {
	functions := map[string]function{"q": text(quoted)}
	for source, want := range map[string]string{
		`<% .Absent %>`:                     "there is no Absent",
		`<% .Name.Deeper %>`:                "nothing has a Deeper",
		`<% range .Name %>x<% end %>`:       "is no list",
		`<% .List %>`:                       "is no text",
		`<% q .List %>`:                     "is no text",
		`<% q .Name .Name %>`:               "2 arguments",
		`<% .Name | q %>`:                   "more than one command",
		`<% template "missing" . %>`:        `no template "missing"`,
		`<% if true %>x<% end %>`:           "neither a name nor a text",
		`<% break %>`:                       "break",
		`<% with .Absent %>x<% end %>`:      "there is no Absent",
		`<% range $i := .List %>x<% end %>`: "more than one command",
	} {
		set, err := parseTemplates(fstest.MapFS{"t/a": {Data: []byte(source)}}, "t", functions)
		if err == nil {
			var b strings.Builder
			err = set.execute(&b, "a", values{"Name": "n", "List": []string{"x"}})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}
