package sandbox

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// A jsonCondition says whether a decoded message satisfies a selector.
type jsonCondition func(event any) bool

// parseJSONPattern reads { $.level = "ERROR" && ($.status >= 500 || $.user NOT EXISTS) }.
func parseJSONPattern(pattern string) (logPattern, error) {
	body, ok := strings.CutSuffix(strings.TrimPrefix(pattern, "{"), "}")
	if !ok {
		return nil, errLogPattern("a JSON pattern must end with }")
	}
	tokens, err := jsonPatternTokens(body)
	if err != nil {
		return nil, err
	}
	p := jsonPatternParser{tokens: tokens}
	condition, err := p.either()
	if err != nil {
		return nil, err
	}
	if p.peek() != "" {
		return nil, errLogPattern("unexpected '%s'", p.peek())
	}
	return func(message string) bool {
		var event any
		if json.Unmarshal([]byte(message), &event) != nil {
			return false
		}
		return condition(event)
	}, nil
}

var jsonPatternToken = regexp.MustCompile(
	`^(?:&&|\|\||[()]|!=|<=|>=|[=<>]|"(?:[^"\\]|\\.)*"|%(?:[^%\\]|\\.)*%|\$[^\s()=!<>&|]*|[^\s()=!<>&|"%]+)`)

func jsonPatternTokens(text string) ([]string, error) {
	var tokens []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		token := jsonPatternToken.FindString(text)
		if token == "" {
			return nil, errLogPattern("unexpected '%s'", text[:1])
		}
		tokens = append(tokens, token)
		text = text[len(token):]
	}
	return tokens, nil
}

type jsonPatternParser struct{ tokens []string }

func (p *jsonPatternParser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *jsonPatternParser) next() string {
	token := p.peek()
	if token != "" {
		p.tokens = p.tokens[1:]
	}
	return token
}

func (p *jsonPatternParser) either() (jsonCondition, error) {
	left, err := p.both()
	for err == nil && p.peek() == "||" {
		p.next()
		a := left
		var b jsonCondition
		b, err = p.both()
		left = func(event any) bool { return a(event) || b(event) }
	}
	return left, err
}

func (p *jsonPatternParser) both() (jsonCondition, error) {
	left, err := p.condition()
	for err == nil && p.peek() == "&&" {
		p.next()
		a := left
		var b jsonCondition
		b, err = p.condition()
		left = func(event any) bool { return a(event) && b(event) }
	}
	return left, err
}

func (p *jsonPatternParser) condition() (jsonCondition, error) {
	if p.peek() == "(" {
		p.next()
		inner, err := p.either()
		if err == nil && p.next() != ")" {
			err = errLogPattern("a parenthesis is not closed")
		}
		return inner, err
	}
	selector := p.next()
	if !strings.HasPrefix(selector, "$") {
		return nil, errLogPattern("a selector must begin with $, not '%s'", selector)
	}
	path := jsonPath(selector)
	switch operator := p.next(); strings.ToUpper(operator) {
	case "IS", "NOT":
		return keywordCondition(path, operator, p.next())
	case "=", "!=", "<", "<=", ">", ">=":
		return comparison(path, operator, p.next())
	default:
		return nil, errLogPattern("'%s' is no operator", operator)
	}
}

func keywordCondition(path []string, operator, keyword string) (jsonCondition, error) {
	var wanted any
	switch strings.ToUpper(operator + " " + keyword) {
	case "NOT EXISTS":
		return func(event any) bool {
			_, ok := selectJSON(event, path)
			return !ok
		}, nil
	case "IS NULL":
	case "IS TRUE":
		wanted = true
	case "IS FALSE":
		wanted = false
	default:
		return nil, errLogPattern("'%s %s' is no condition", operator, keyword)
	}
	return func(event any) bool {
		value, ok := selectJSON(event, path)
		return ok && value == wanted
	}, nil
}

// comparison compares as numbers where both sides are, else as text.
func comparison(path []string, operator, operand string) (jsonCondition, error) {
	if operand == "" {
		return nil, errLogPattern("a value is missing after '%s'", operator)
	}
	if operator == "=" || operator == "!=" {
		return equality(path, operator == "=", operand)
	}
	holds, err := numberCondition(operator, operand)
	if err != nil {
		return nil, err
	}
	return func(event any) bool {
		value, _ := selectJSON(event, path)
		number, isNumber := value.(float64)
		return isNumber && holds(number)
	}, nil
}

func equality(path []string, equal bool, operand string) (jsonCondition, error) {
	matches := wildcard(operand)
	if operand[0] == '"' || operand[0] == '%' {
		inner, _, err := delimited(operand)
		if err != nil {
			return nil, err
		}
		matches = wildcard(inner)
		if operand[0] == '%' {
			if matches, err = logExpression(inner); err != nil {
				return nil, err
			}
		}
	}
	wanted, numberErr := strconv.ParseFloat(operand, 64)
	return func(event any) bool {
		switch value, _ := selectJSON(event, path); v := value.(type) {
		case string:
			return matches(v) == equal
		case float64:
			if numberErr == nil {
				return (v == wanted) == equal
			}
			return matches(strconv.FormatFloat(v, 'f', -1, 64)) == equal
		case bool:
			return matches(strconv.FormatBool(v)) == equal
		default:
			return false // a missing member or an object equals nothing, and differs from nothing
		}
	}, nil
}

var jsonPathPart = regexp.MustCompile(`\[['"]?([^\]'"]+)['"]?\]|\.?([^.\[\]]+)`)

// jsonPath splits $.a.b[0]['c d'] into its parts.
func jsonPath(selector string) []string {
	var path []string
	for _, part := range jsonPathPart.FindAllStringSubmatch(strings.TrimPrefix(selector, "$"), -1) {
		path = append(path, part[1]+part[2])
	}
	return path
}

func selectJSON(event any, path []string) (any, bool) {
	for _, part := range path {
		switch v := event.(type) {
		case map[string]any:
			member, ok := v[part]
			if !ok {
				return nil, false
			}
			event = member
		case []any:
			index, err := strconv.Atoi(part)
			if err != nil || index < 0 || index >= len(v) {
				return nil, false
			}
			event = v[index]
		default:
			return nil, false
		}
	}
	return event, true
}
