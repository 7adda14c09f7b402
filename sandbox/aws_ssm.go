package sandbox

import (
	"fmt"
	"strings"
)

var ssmOperations = map[string]awsOperation{
	"GetParameter":        operation((*awsAPI).getParameter),
	"GetParameters":       operation((*awsAPI).getParameters),
	"GetParametersByPath": operation((*awsAPI).getParametersByPath),
	"DescribeParameters":  operation((*awsAPI).describeParameters),
}

type ssmInput struct {
	Name             string
	Names            []string
	Path             string
	Recursive        bool
	WithDecryption   bool
	ParameterFilters []struct {
		Key    string
		Option string
		Values []string
	}
	MaxResults *int
	NextToken  string
}

// parameter finds a parameter by name (perhaps with a :version) or ARN.
func (a *awsAPI) parameter(ref string) *Parameter {
	for _, p := range a.world.Cloud.Parameters {
		if ref == p.Name || ref == p.ARN || ref == fmt.Sprintf("%s:%d", p.Name, p.Version) {
			return p
		}
	}
	return nil
}

func (in ssmInput) document(p *Parameter) document {
	value := p.Value
	if p.Type == "SecureString" && !in.WithDecryption {
		value = "AQICAHg" + stableHex(p.Name, 48) // the ciphertext
	}
	return document{
		"Name": p.Name, "ARN": p.ARN, "Type": p.Type, "Value": value, "Version": p.Version, "DataType": "text",
	}.at("LastModifiedDate", p.Changed)
}

func (a *awsAPI) getParameter(in ssmInput) (document, error) {
	p := a.parameter(in.Name)
	if p == nil {
		return nil, awsFailure("ParameterNotFound", "Parameter %s not found.", in.Name)
	}
	return document{"Parameter": in.document(p)}, nil
}

func (a *awsAPI) getParameters(in ssmInput) (document, error) {
	if len(in.Names) == 0 || len(in.Names) > 10 {
		return nil, awsFailure("ValidationException",
			"1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10")
	}
	found, invalid := []document{}, []string{}
	for _, name := range in.Names {
		if p := a.parameter(name); p != nil {
			found = append(found, in.document(p))
		} else {
			invalid = append(invalid, name)
		}
	}
	return document{"Parameters": found, "InvalidParameters": invalid}, nil
}

func (a *awsAPI) getParametersByPath(in ssmInput) (document, error) {
	if !strings.HasPrefix(in.Path, "/") {
		return nil, awsFailure("ValidationException", "The parameter path must begin with a slash.")
	}
	found := []document{}
	for _, p := range a.world.Cloud.Parameters {
		rest, below := strings.CutPrefix(p.Name, strings.TrimSuffix(in.Path, "/")+"/")
		if below && (in.Recursive || !strings.Contains(rest, "/")) {
			found = append(found, in.document(p))
		}
	}
	found, next, err := cutPage(found, pageRequest{in.MaxResults, in.NextToken, 10, 10})
	if err != nil {
		return nil, err
	}
	return document{"Parameters": found}.set("NextToken", next), nil
}

func (a *awsAPI) describeParameters(in ssmInput) (document, error) {
	list := []document{}
	for _, p := range a.world.Cloud.Parameters {
		if in.matches(p) {
			list = append(list, document{
				"Name": p.Name, "ARN": p.ARN, "Type": p.Type, "Version": p.Version, "DataType": "text", "Tier": "Standard",
			}.at("LastModifiedDate", p.Changed))
		}
	}
	list, next, err := cutPage(list, pageRequest{in.MaxResults, in.NextToken, 50, 50})
	if err != nil {
		return nil, err
	}
	return document{"Parameters": list}.set("NextToken", next), nil
}

func (in ssmInput) matches(p *Parameter) bool {
	for _, filter := range in.ParameterFilters {
		held := map[string]string{"Name": p.Name, "Type": p.Type}[filter.Key]
		found := false
		for _, value := range filter.Values {
			found = found || held == value ||
				filter.Option == "BeginsWith" && strings.HasPrefix(held, value) ||
				filter.Option == "Contains" && strings.Contains(held, value)
		}
		if !found {
			return false
		}
	}
	return true
}
