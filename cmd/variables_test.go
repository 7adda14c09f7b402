package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/deployctl/gh-deployctl/workflows"
)

// Variables that libraries read, or that reach us by a name which is computed.
var readElsewhere = append([]string{
	"GH_REPO", "GH_HOST", "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_CONFIG_DIR", "GH_BROWSER", "BROWSER",
	"AWS_DEFAULT_PROFILE", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SERVICE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TZ", "LC_CTYPE", "LANG",
}, workflows.ApplicationSecrets()...)

// Every variable that the program reads is in the list that users get, and the
// list names none that nothing reads.
func TestEnvironmentVariables(t *testing.T) {
	var listed []string
	for _, part := range environmentVariables {
		for _, v := range part.list {
			listed = append(listed, strings.Split(v.name, ", ")...)
		}
	}
	read := variablesRead(t)
	if len(read) < 25 {
		t.Errorf("only %d variables were found in the code: %v", len(read), read)
	}
	for _, name := range read {
		if strings.HasPrefix(name, "AWS_ENDPOINT_URL_") {
			name = "AWS_ENDPOINT_URL_SERVICE"
		}
		if !slices.Contains(listed, name) {
			t.Errorf("the program reads %s, which cmd/variables.go does not list", name)
		}
	}
	for _, name := range listed {
		if !slices.Contains(read, name) && !slices.Contains(readElsewhere, name) {
			t.Errorf("cmd/variables.go lists %s, which nothing reads", name)
		}
	}
}

// variablesRead are the names that the product's code gives to a function
// called Getenv, getenv or LookupEnv.
func variablesRead(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != "." || path == "sandbox") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), "../"+path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 || !slices.Contains([]string{"getenv", "lookupenv"}, strings.ToLower(called(call.Fun))) {
				return true
			}
			for text := range literals(call.Args[0]) {
				if !slices.Contains(found, text) {
					found = append(found, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// called is the name of a function, without what it belongs to.
func called(f ast.Expr) string {
	switch f := f.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// literals are the texts in an expression.
func literals(e ast.Expr) map[string]bool {
	out := map[string]bool{}
	ast.Inspect(e, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				out[text] = true
			}
		}
		return true
	})
	return out
}
