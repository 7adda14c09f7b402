package sandbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/rhysd/actionlint"
)

// object is a JSON object, and a context of workflow expressions.
type object = map[string]any

// scope is what an expression of a workflow file may look at: the contexts by
// name, and how the jobs that the job needs have ended.
type scope struct {
	contexts object
	failed   bool // a needed job failed
	halted   bool // the run was cancelled
	skipped  bool // a needed job was skipped
	// parsed keeps the expressions of the workflow file that were read already;
	// nil reads each anew.
	parsed *sync.Map
	// hashFiles answers for the files of a workspace; nil where there is none.
	hashFiles func(patterns []string) string
}

// expand replaces every ${{ … }} in a text.
func (s scope) expand(text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		expression, after, _ := strings.Cut(rest, "}}")
		out.WriteString(textOf(s.evaluate(expression)))
		text = after
	}
}

// holds decides an `if`. Without a status function in it, a job or step runs
// only when nothing before it failed.
func (s scope) holds(condition string) bool {
	condition = strings.TrimSpace(condition)
	condition = strings.TrimSuffix(strings.TrimPrefix(condition, "${{"), "}}")
	if condition == "" {
		return s.fine()
	}
	verdict := truthy(s.evaluate(condition))
	for _, function := range []string{"always(", "failure(", "success(", "cancelled("} {
		if strings.Contains(condition, function) {
			return verdict
		}
	}
	return verdict && s.fine()
}

func (s scope) fine() bool { return !s.failed && !s.halted && !s.skipped }

// decides is the value of a boolean of the file, which may be an expression.
func (s scope) decides(b *actionlint.Bool) bool {
	if b == nil || b.Expression == nil {
		return b != nil && b.Value
	}
	return s.expand(b.Expression.Value) == "true"
}

// evaluate gives an expression's value; one that cannot be parsed is nil.
func (s scope) evaluate(expression string) any {
	if s.parsed == nil {
		return s.value(parseExpression(expression))
	}
	known, ok := s.parsed.Load(expression)
	if !ok {
		known, _ = s.parsed.LoadOrStore(expression, parseExpression(expression))
	}
	node, _ := known.(actionlint.ExprNode)
	return s.value(node)
}

// parseExpression reads an expression; nil when it is none.
func parseExpression(text string) actionlint.ExprNode {
	node, err := actionlint.NewExprParser().Parse(actionlint.NewExprLexer(text + "}}"))
	if err != nil {
		return nil
	}
	return node
}

func (s scope) value(node actionlint.ExprNode) any {
	switch n := node.(type) {
	case *actionlint.VariableNode:
		return s.contexts[n.Name]
	case *actionlint.BoolNode:
		return n.Value
	case *actionlint.IntNode:
		return float64(n.Value)
	case *actionlint.FloatNode:
		return n.Value
	case *actionlint.StringNode:
		return n.Value
	case *actionlint.ObjectDerefNode:
		return property(s.value(n.Receiver), n.Property)
	case *actionlint.ArrayDerefNode:
		return elements(s.value(n.Receiver))
	case *actionlint.IndexAccessNode:
		return property(s.value(n.Operand), textOf(s.value(n.Index)))
	case *actionlint.NotOpNode:
		return !truthy(s.value(n.Operand))
	case *actionlint.LogicalOpNode:
		return s.logical(n)
	case *actionlint.CompareOpNode:
		return s.compare(n)
	case *actionlint.FuncCallNode:
		return s.call(n)
	}
	return nil
}

func (s scope) logical(n *actionlint.LogicalOpNode) any {
	left := s.value(n.Left)
	if truthy(left) == (n.Kind == actionlint.LogicalOpNodeKindOr) {
		return left
	}
	return s.value(n.Right)
}

func (s scope) compare(n *actionlint.CompareOpNode) any {
	left, right := s.value(n.Left), s.value(n.Right)
	equal := strings.EqualFold(textOf(left), textOf(right))
	a, b := numberOf(left), numberOf(right)
	switch n.Kind {
	case actionlint.CompareOpNodeKindEq:
		return equal
	case actionlint.CompareOpNodeKindNotEq:
		return !equal
	case actionlint.CompareOpNodeKindLess:
		return a < b
	case actionlint.CompareOpNodeKindLessEq:
		return a <= b
	case actionlint.CompareOpNodeKindGreater:
		return a > b
	case actionlint.CompareOpNodeKindGreaterEq:
		return a >= b
	case actionlint.CompareOpNodeKindInvalid:
	}
	return false
}

func (s scope) call(n *actionlint.FuncCallNode) any {
	var args []any
	for _, arg := range n.Args {
		args = append(args, s.value(arg))
	}
	first, second := textOf(at(args, 0)), textOf(at(args, 1))
	switch strings.ToLower(n.Callee) {
	case "always":
		return true
	case "success":
		return s.fine()
	case "failure":
		return s.failed
	case "cancelled":
		return s.halted
	case "startswith":
		return strings.HasPrefix(strings.ToLower(first), strings.ToLower(second))
	case "endswith":
		return strings.HasSuffix(strings.ToLower(first), strings.ToLower(second))
	case "contains":
		return contains(at(args, 0), second)
	case "format":
		for i, arg := range args[1:] {
			first = strings.ReplaceAll(first, "{"+strconv.Itoa(i)+"}", textOf(arg))
		}
		return first
	case "join":
		var words []string
		for _, element := range elements(at(args, 0)) {
			words = append(words, textOf(element))
		}
		return strings.Join(words, second)
	case "tojson":
		text, _ := json.MarshalIndent(at(args, 0), "", "  ") // it is made of texts, numbers and lists
		return string(text)
	case "fromjson":
		var value any
		if json.Unmarshal([]byte(first), &value) != nil {
			return nil
		}
		return value
	case "hashfiles":
		if s.hashFiles == nil {
			return ""
		}
		var patterns []string
		for _, arg := range args {
			patterns = append(patterns, textOf(arg))
		}
		return s.hashFiles(patterns)
	}
	return nil
}

func at(args []any, i int) any {
	if i < len(args) {
		return args[i]
	}
	return nil
}

// property reads a member of an object, whatever its case, or of every object
// in a list (the `*` filter).
func property(from any, name string) any {
	switch from := from.(type) {
	case object:
		for key, value := range from {
			if strings.EqualFold(key, name) {
				return value
			}
		}
	case []any:
		var values []any
		for _, element := range from {
			values = append(values, property(element, name))
		}
		return values
	}
	return nil
}

func elements(of any) []any {
	switch of := of.(type) {
	case []any:
		return of
	case object:
		var values []any
		for _, key := range sortedKeys(of) {
			values = append(values, of[key])
		}
		return values
	}
	return nil
}

func contains(in any, what string) bool {
	if list, ok := in.([]any); ok {
		for _, element := range list {
			if strings.EqualFold(textOf(element), what) {
				return true
			}
		}
		return false
	}
	return strings.Contains(strings.ToLower(textOf(in)), strings.ToLower(what))
}

func truthy(value any) bool {
	switch value := value.(type) {
	case nil:
		return false
	case bool:
		return value
	case string:
		return value != ""
	case float64:
		return value != 0
	}
	return true
}

func textOf(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

func numberOf(value any) float64 {
	number, _ := strconv.ParseFloat(textOf(value), 64)
	return number
}
