package workflows

import (
	"fmt"
	"io/fs"
	"strings"
	syntax "text/template/parse"
)

// values are what templates know, by name: texts, truths, lists of texts and
// lists of values.
type values map[string]any

// function is what a template may call.
type function func(arguments ...any) (any, error)

// templates is a set of parsed templates that name one another. They are
// written as for text/template and read by its parser, but executed here: that
// package calls methods by their name, and a program that may do so keeps every
// method of every type it holds, which is two fifths of this one.
type templates struct {
	trees     map[string]*syntax.Tree
	functions map[string]function
}

// parseTemplates reads all files of a directory.
func parseTemplates(files fs.FS, directory string, functions map[string]function) (*templates, error) {
	t := &templates{trees: map[string]*syntax.Tree{}, functions: functions}
	known := map[string]any{}
	for name := range functions {
		known[name] = true // the parser asks only for the names
	}
	entries, err := fs.ReadDir(files, directory)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		text, err := fs.ReadFile(files, directory+"/"+entry.Name())
		if err != nil {
			return nil, err
		}
		trees, err := syntax.Parse(entry.Name(), string(text), "<%", "%>", known)
		if err != nil {
			return nil, err
		}
		for name, tree := range trees {
			t.trees[name] = tree
		}
	}
	return t, nil
}

// execute renders a template with dot as its data. The error names what the
// template asks for and does not get.
func (t *templates) execute(w *strings.Builder, name string, dot any) error {
	tree, ok := t.trees[name]
	if !ok {
		return fmt.Errorf("no template %q", name)
	}
	return t.list(w, tree.Root, dot)
}

func (t *templates) list(w *strings.Builder, list *syntax.ListNode, dot any) error {
	if list == nil {
		return nil
	}
	for _, node := range list.Nodes {
		if err := t.node(w, node, dot); err != nil {
			return err
		}
	}
	return nil
}

func (t *templates) node(w *strings.Builder, node syntax.Node, dot any) error {
	switch n := node.(type) {
	case *syntax.TextNode:
		w.Write(n.Text)
		return nil
	case *syntax.ActionNode:
		return t.print(w, n, dot)
	case *syntax.IfNode:
		value, err := t.pipe(n.Pipe, dot)
		if err != nil || !truth(value) {
			return firstError(err, func() error { return t.list(w, n.ElseList, dot) })
		}
		return t.list(w, n.List, dot)
	case *syntax.WithNode:
		value, err := t.pipe(n.Pipe, dot)
		if err != nil || !truth(value) {
			return firstError(err, func() error { return t.list(w, n.ElseList, dot) })
		}
		return t.list(w, n.List, value)
	case *syntax.RangeNode:
		return t.each(w, n, dot)
	case *syntax.TemplateNode:
		value, err := t.pipe(n.Pipe, dot)
		if err != nil {
			return err
		}
		return t.execute(w, n.Name, value)
	case *syntax.CommentNode:
		return nil
	}
	return fmt.Errorf("a workflow template cannot hold %s", node)
}

// firstError is err, or what next returns.
func firstError(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

func (t *templates) print(w *strings.Builder, n *syntax.ActionNode, dot any) error {
	value, err := t.pipe(n.Pipe, dot)
	if err != nil {
		return err
	}
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("%s is no text", n)
	}
	w.WriteString(text)
	return nil
}

func (t *templates) each(w *strings.Builder, n *syntax.RangeNode, dot any) error {
	value, err := t.pipe(n.Pipe, dot)
	if err != nil {
		return err
	}
	switch list := value.(type) {
	case []string:
		for _, item := range list {
			if err := t.list(w, n.List, item); err != nil {
				return err
			}
		}
	case []values:
		for _, item := range list {
			if err := t.list(w, n.List, item); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%s is no list", n.Pipe)
	}
	return nil
}

// pipe evaluates one command; nothing here pipes one into another.
func (t *templates) pipe(p *syntax.PipeNode, dot any) (any, error) {
	if p == nil {
		return nil, nil
	}
	if len(p.Cmds) != 1 || len(p.Decl) > 0 {
		return nil, fmt.Errorf("%s is more than one command", p)
	}
	args := p.Cmds[0].Args
	name, isCall := args[0].(*syntax.IdentifierNode)
	if !isCall {
		if len(args) != 1 {
			return nil, fmt.Errorf("%s is no function", args[0])
		}
		return value(args[0], dot)
	}
	arguments := make([]any, 0, len(args)-1)
	for _, arg := range args[1:] {
		v, err := value(arg, dot)
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, v)
	}
	return t.functions[name.Ident](arguments...)
}

// value evaluates what is no call: dot, a text, or a path of names from dot.
func value(node syntax.Node, dot any) (any, error) {
	switch n := node.(type) {
	case *syntax.DotNode:
		return dot, nil
	case *syntax.StringNode:
		return n.Text, nil
	case *syntax.FieldNode:
		for _, name := range n.Ident {
			fields, ok := dot.(values)
			if !ok {
				return nil, fmt.Errorf("%s: nothing has a %s", n, name)
			}
			if dot, ok = fields[name]; !ok {
				return nil, fmt.Errorf("%s: there is no %s", n, name)
			}
		}
		return dot, nil
	}
	return nil, fmt.Errorf("%s is neither a name nor a text", node)
}

// truth is whether if and with take their first branch.
func truth(value any) bool {
	switch v := value.(type) {
	case bool:
		return v
	case string:
		return v != ""
	case []string:
		return len(v) > 0
	case []values:
		return len(v) > 0
	}
	return value != nil
}
