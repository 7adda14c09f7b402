package sandbox

import (
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// A resolver is the value of a GraphQL field that takes arguments.
type resolver func(arguments object) any

// graphQuery is an operation with what it needs to be answered.
type graphQuery struct {
	document  *ast.QueryDocument
	operation *ast.OperationDefinition
	variables object
	problems  []object
}

// parseGraph reads a document; name chooses among several operations.
func parseGraph(text, name string, variables object) (*graphQuery, error) {
	document, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return nil, err
	}
	for _, operation := range document.Operations {
		if name == "" || operation.Name == name {
			return &graphQuery{document: document, operation: operation, variables: variables}, nil
		}
	}
	return nil, fmt.Errorf("no operation named %q", name)
}

// choose takes from a value what a selection asks for, under the names that it
// asks for. Fields that the sandbox does not know are null.
func (q *graphQuery) choose(value any, selection ast.SelectionSet) any {
	switch value := value.(type) {
	case object:
		if value == nil {
			return nil
		}
		out := object{}
		q.fill(out, value, selection)
		return out
	case []object:
		list := make([]any, 0, len(value))
		for _, element := range value {
			list = append(list, q.choose(element, selection))
		}
		return list
	case []any:
		list := make([]any, 0, len(value))
		for _, element := range value {
			list = append(list, q.choose(element, selection))
		}
		return list
	}
	return value
}

func (q *graphQuery) fill(out, from object, selection ast.SelectionSet) {
	for _, part := range selection {
		switch part := part.(type) {
		case *ast.Field:
			value := from[part.Name]
			if resolve, takesArguments := value.(resolver); takesArguments {
				value = resolve(q.arguments(part))
			}
			out[part.Alias] = q.choose(value, part.SelectionSet)
		case *ast.InlineFragment:
			q.fill(out, from, part.SelectionSet)
		case *ast.FragmentSpread:
			if fragment := q.document.Fragments.ForName(part.Name); fragment != nil {
				q.fill(out, from, fragment.SelectionSet)
			}
		}
	}
}

func (q *graphQuery) arguments(f *ast.Field) object {
	arguments := object{}
	for _, argument := range f.Arguments {
		if value, err := argument.Value.Value(q.variables); err == nil {
			arguments[argument.Name] = value
		}
	}
	return arguments
}

// refuse notes an error of the answer, which goes on without the value.
func (q *graphQuery) refuse(kind, field, format string, args ...any) any {
	q.problems = append(q.problems, object{"type": kind, "path": []string{field}, "message": fmt.Sprintf(format, args...)})
	return nil
}

// connection is a page of nodes.
func connection(nodes []object, cursor string, more bool) object {
	if nodes == nil {
		nodes = []object{}
	}
	return object{
		"nodes": nodes, "totalCount": len(nodes),
		"pageInfo": object{"hasNextPage": more, "endCursor": orNull(cursor), "hasPreviousPage": false, "startCursor": nil},
	}
}
