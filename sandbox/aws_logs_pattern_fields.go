package sandbox

import (
	"regexp"
	"strconv"
	"strings"
)

// A fieldCondition is one field of a space-delimited pattern: a name, perhaps
// with a condition. "..." stands for any number of fields.
type fieldCondition struct {
	ellipsis bool
	matches  logPattern
}

// parseFieldPattern reads [ip, user, ..., status=5*, bytes>1000].
func parseFieldPattern(pattern string) (logPattern, error) {
	body, ok := strings.CutSuffix(strings.TrimPrefix(pattern, "["), "]")
	if !ok {
		return nil, errLogPattern("a space-delimited pattern must end with ]")
	}
	var fields []fieldCondition
	for part := range strings.SplitSeq(body, ",") {
		field, err := parseField(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
	}
	return func(message string) bool { return matchFields(fields, splitFields(message)) }, nil
}

var fieldComparison = regexp.MustCompile(`^\w*\s*(!=|<=|>=|[=<>])\s*(.+)$`)

func parseField(text string) (fieldCondition, error) {
	if text == "..." {
		return fieldCondition{ellipsis: true}, nil
	}
	parts := fieldComparison.FindStringSubmatch(text)
	if parts == nil {
		return fieldCondition{matches: func(string) bool { return true }}, nil
	}
	operator, operand := parts[1], strings.TrimSpace(parts[2])
	matches, err := fieldOperand(operator, operand)
	return fieldCondition{matches: matches}, err
}

func fieldOperand(operator, operand string) (logPattern, error) {
	if operator == "=" || operator == "!=" {
		matches := wildcard(strings.Trim(operand, `"`))
		if expression, ok := strings.CutPrefix(operand, "%"); ok {
			var err error
			if matches, err = logExpression(strings.TrimSuffix(expression, "%")); err != nil {
				return nil, err
			}
		}
		return func(text string) bool { return matches(text) == (operator == "=") }, nil
	}
	holds, err := numberCondition(operator, operand)
	if err != nil {
		return nil, err
	}
	return func(text string) bool {
		number, err := strconv.ParseFloat(text, 64)
		return err == nil && holds(number)
	}, nil
}

// numberCondition is what a number has to be.
func numberCondition(operator, operand string) (func(float64) bool, error) {
	wanted, err := strconv.ParseFloat(operand, 64)
	if err != nil {
		return nil, errLogPattern("'%s' compares numbers, and '%s' is none", operator, operand)
	}
	return func(number float64) bool {
		switch operator {
		case "<":
			return number < wanted
		case "<=":
			return number <= wanted
		case ">":
			return number > wanted
		default:
			return number >= wanted
		}
	}, nil
}

func matchFields(fields []fieldCondition, values []string) bool {
	if len(fields) == 0 {
		return len(values) == 0
	}
	if fields[0].ellipsis {
		for skip := range len(values) + 1 {
			if matchFields(fields[1:], values[skip:]) {
				return true
			}
		}
		return false
	}
	return len(values) > 0 && fields[0].matches(values[0]) && matchFields(fields[1:], values[1:])
}

var messageField = regexp.MustCompile(`"([^"]*)"|\[([^\]]*)\]|(\S+)`)

// splitFields splits a message at spaces; quotes and brackets hold a field together.
func splitFields(message string) []string {
	var values []string
	for _, field := range messageField.FindAllStringSubmatch(message, -1) {
		values = append(values, field[1]+field[2]+field[3])
	}
	return values
}
