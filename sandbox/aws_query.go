package sandbox

import (
	"bytes"
	"encoding"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// queryServices names the services behind the Version parameter.
var queryServices = map[string]struct{ service, namespace string }{
	"2015-12-01": {"elasticloadbalancing", "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"},
	"2014-10-31": {"rds", "http://rds.amazonaws.com/doc/2014-10-31/"},
	"2010-05-08": {"iam", "https://iam.amazonaws.com/doc/2010-05-08/"},
	"2011-06-15": {"sts", "https://sts.amazonaws.com/doc/2011-06-15/"},
	"2010-08-01": {"cloudwatch", "http://monitoring.amazonaws.com/doc/2010-08-01/"},
}

// awsQuery is the oldest protocol: a form with Action and Version in, XML out.
type awsQuery struct{ namespace string }

func newAWSQuery(form url.Values) (awsProtocol, *awsCall) {
	version := form.Get("Version")
	known := queryServices[version]
	return awsQuery{known.namespace}, &awsCall{
		service:   known.service,
		version:   version,
		operation: form.Get("Action"),
		decode: func(into any) error {
			return newQueryNode(form).decode(reflect.ValueOf(into).Elem())
		},
	}
}

func (p awsQuery) answer(w http.ResponseWriter, call *awsCall, out document) {
	var body xmlWriter
	body.open(call.operation+"Response", p.namespace)
	body.member(call.operation+"Result", out)
	body.member("ResponseMetadata", document{"RequestId": call.requestID})
	body.close(call.operation + "Response")
	body.send(w, http.StatusOK)
}

func (p awsQuery) refuse(w http.ResponseWriter, call *awsCall, err *awsError) {
	code, status := err.inQuery()
	var body xmlWriter
	body.open("ErrorResponse", p.namespace)
	body.member("Error", document{"Type": err.fault(), "Code": code, "Message": err.message})
	body.member("RequestId", call.requestID)
	body.close("ErrorResponse")
	body.send(w, status)
}

// An xmlWriter builds an XML answer out of documents.
type xmlWriter struct{ bytes.Buffer }

func (x *xmlWriter) open(name, namespace string) {
	if namespace == "" {
		fmt.Fprintf(x, "<%s>", name)
		return
	}
	fmt.Fprintf(x, `<%s xmlns="%s">`, name, namespace)
}

func (x *xmlWriter) close(name string) { fmt.Fprintf(x, "</%s>", name) }

// member writes one named value; the elements of a list are called "member"
// unless the list says otherwise.
func (x *xmlWriter) member(name string, value any) {
	if list, ok := value.(flatList); ok {
		for _, item := range list {
			x.member(name, item)
		}
		return
	}
	x.open(name, "")
	switch v := value.(type) {
	case document:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			x.member(key, v[key])
		}
	case namedList:
		for _, item := range v.items {
			x.member(v.element, item)
		}
	case valueMap:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			x.member("entry", document{"key": key, "value": v[key]})
		}
	case encoding.TextMarshaler:
		text, _ := v.MarshalText()
		_ = xml.EscapeText(x, text)
	default:
		x.plain(reflect.ValueOf(value))
	}
	x.close(name)
}

func (x *xmlWriter) plain(value reflect.Value) {
	if value.IsValid() && value.Kind() == reflect.Slice {
		for i := range value.Len() {
			x.member("member", value.Index(i).Interface())
		}
		return
	}
	_ = xml.EscapeText(x, fmt.Append(nil, value))
}

func (x *xmlWriter) send(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(xml.Header))
	_, _ = w.Write(x.Bytes())
}

// A queryNode is one level of the dotted parameter names of the query protocol:
// Filters.Filter.1.Name=x is a tree of four levels.
type queryNode struct {
	value    string
	children map[string]*queryNode
}

func newQueryNode(form url.Values) *queryNode {
	root := &queryNode{}
	for key, values := range form {
		node := root
		for part := range strings.SplitSeq(key, ".") {
			if node.children == nil {
				node.children = map[string]*queryNode{}
			}
			if node.children[part] == nil {
				node.children[part] = &queryNode{}
			}
			node = node.children[part]
		}
		node.value = values[0]
	}
	return root
}

// decode sets a Go value from a node. Struct fields match by name whatever the
// case, as with encoding/json.
func (n *queryNode) decode(into reflect.Value) error {
	if text, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return text.UnmarshalText([]byte(n.value))
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return n.decode(into.Elem())
	case reflect.Struct:
		return n.decodeStruct(into)
	case reflect.Slice:
		return n.decodeSlice(into)
	default:
		return n.decodeScalar(into)
	}
}

func (n *queryNode) decodeStruct(into reflect.Value) error {
	for name, child := range n.children {
		field := into.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, name) })
		if !field.IsValid() {
			continue
		}
		if err := child.decode(field); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// decodeSlice reads both List.member.1 (or List.Filter.1) and List.1.
func (n *queryNode) decodeSlice(into reflect.Value) error {
	if len(n.children) == 1 {
		for name, child := range n.children {
			if _, err := strconv.Atoi(name); err != nil && child.children != nil {
				return child.decodeSlice(into)
			}
		}
	}
	indexes := make([]int, 0, len(n.children))
	for name := range n.children {
		index, err := strconv.Atoi(name)
		if err != nil {
			return fmt.Errorf("%q is not a list index", name)
		}
		indexes = append(indexes, index)
	}
	slices.Sort(indexes)
	for _, index := range indexes {
		item := reflect.New(into.Type().Elem()).Elem()
		if err := n.children[strconv.Itoa(index)].decode(item); err != nil {
			return err
		}
		into.Set(reflect.Append(into, item))
	}
	return nil
}

func (n *queryNode) decodeScalar(into reflect.Value) (err error) {
	switch into.Kind() {
	case reflect.String:
		into.SetString(n.value)
	case reflect.Bool:
		var v bool
		v, err = strconv.ParseBool(n.value)
		into.SetBool(v)
	case reflect.Int, reflect.Int64:
		var v int64
		v, err = strconv.ParseInt(n.value, 10, 64)
		into.SetInt(v)
	case reflect.Float64:
		var v float64
		v, err = strconv.ParseFloat(n.value, 64)
		into.SetFloat(v)
	default:
		err = fmt.Errorf("cannot read a parameter into %s", into.Type())
	}
	return err
}
