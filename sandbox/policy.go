package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A policy is an IAM policy document, as far as identity-based policies of this
// world need one.
type policy struct {
	Statement []statement
}

type statement struct {
	Effect    string
	Action    texts
	Resource  texts
	Condition map[string]map[string]texts // by operator and key
}

// texts is a text or a list of them, as IAM writes it.
type texts []string

// UnmarshalJSON reads one text, or several.
func (t *texts) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(t))
}

func (t texts) match(value string, fold bool) bool {
	return slices.ContainsFunc(t, func(pattern string) bool { return globbed(pattern, value, fold) })
}

// globbed compares with * for any characters and ? for one.
func globbed(pattern, value string, fold bool) bool {
	if fold {
		pattern, value = strings.ToLower(pattern), strings.ToLower(value)
	}
	star, taken := -1, 0 // the last *, and how much of the value it stands for
	p, v := 0, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, taken = p, v
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == value[v]):
			p, v = p+1, v+1
		case star >= 0: // the * stands for one more
			taken++
			p, v = star+1, taken
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// An access is one thing that a caller wants to do: an action on a resource,
// with the keys that conditions ask about. The resource "*" stands for actions
// that know no resources.
type access struct {
	action, resource string
	keys             map[string]string
}

// parsePolicies reads the documents of each principal.
func parsePolicies(documents map[string][]string) (map[string][]policy, error) {
	out := map[string][]policy{}
	for principal, list := range documents {
		out[principal] = []policy{}
		for _, document := range list {
			var p policy
			if err := json.Unmarshal([]byte(document), &p); err != nil {
				return nil, fmt.Errorf("the policy of %s: %w", principal, err)
			}
			for _, s := range p.Statement {
				if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action) == 0 || len(s.Resource) == 0 {
					return nil, fmt.Errorf("the policy of %s has a statement without effect, action or resource", principal)
				}
			}
			out[principal] = append(out[principal], p)
		}
	}
	return out, nil
}

// decide says what IAM makes of an access: allowed, explicitDeny or implicitDeny.
func decide(policies []policy, a access) string {
	decision := "implicitDeny"
	for _, p := range policies {
		for _, s := range p.Statement {
			if !s.Action.match(a.action, true) || !s.Resource.match(a.resource, false) || !s.holds(a.keys) {
				continue
			}
			if s.Effect == "Deny" {
				return "explicitDeny"
			}
			decision = "allowed"
		}
	}
	return decision
}

// holds reports whether every condition of a statement does. A key that the
// access does not have fails.
func (s statement) holds(keys map[string]string) bool {
	for operator, wanted := range s.Condition {
		for key, values := range wanted {
			have, there := keys[key]
			switch operator {
			case "StringEquals", "ArnEquals":
				if !there || !slices.Contains(values, have) {
					return false
				}
			case "StringLike", "ArnLike":
				if !there || !values.match(have, false) {
					return false
				}
			default:
				return false // an operator that this world does not know grants nothing
			}
		}
	}
	return true
}
