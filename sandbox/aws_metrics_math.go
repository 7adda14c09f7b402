package sandbox

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// evaluate computes an expression of metric math: numbers, ids of other queries,
// + - * /, parentheses, FILL(id, number), and SUM, AVG, MIN or MAX over a list
// of ids or METRICS().
func (e *metricEvaluation) evaluate(query metricQuery) (series, error) {
	p := mathParser{evaluation: e, self: query.ID, tokens: mathToken.FindAllString(query.Expression, -1)}
	operand, err := p.sum()
	if err == nil && p.peek() != "" {
		err = p.fail()
	}
	if err != nil {
		return series{}, err
	}
	if operand.series == nil {
		return series{}, errMetric("ValidationError", "Error in expression '%s': it must return a time series.", query.ID)
	}
	return series{values: operand.series, label: query.ID}, nil
}

var mathToken = regexp.MustCompile(`[A-Za-z_]\w*|\d+(?:\.\d+)?|\S`)

// A mathOperand is a number, or a series of them.
type mathOperand struct {
	number float64
	series map[time.Time]float64
}

type mathParser struct {
	evaluation *metricEvaluation
	self       string // id of the expression itself
	tokens     []string
}

func (p *mathParser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *mathParser) next() string {
	token := p.peek()
	if token != "" {
		p.tokens = p.tokens[1:]
	}
	return token
}

func (p *mathParser) fail() error {
	return errMetric("ValidationError", "Error in expression '%s': unexpected '%s'.", p.self, p.peek())
}

func (p *mathParser) expect(token string) error {
	if p.peek() != token {
		return p.fail()
	}
	p.next()
	return nil
}

func (p *mathParser) sum() (mathOperand, error) { return p.chain("+-", p.product) }

func (p *mathParser) product() (mathOperand, error) { return p.chain("*/", p.value) }

// chain reads operands with left-associative operators between them.
func (p *mathParser) chain(operators string, operand func() (mathOperand, error)) (mathOperand, error) {
	left, err := operand()
	for err == nil && p.peek() != "" && strings.Contains(operators, p.peek()) {
		operator := p.next()
		var right mathOperand
		if right, err = operand(); err == nil {
			left = combine(left, right, operator)
		}
	}
	return left, err
}

// combine applies an operator; two series are joined where both have a value.
func combine(left, right mathOperand, operator string) mathOperand {
	apply := func(a, b float64) float64 {
		switch operator {
		case "+":
			return a + b
		case "-":
			return a - b
		case "*":
			return a * b
		default:
			return a / b
		}
	}
	if left.series == nil && right.series == nil {
		return mathOperand{number: apply(left.number, right.number)}
	}
	times := left.series
	if times == nil {
		times = right.series
	}
	out := map[time.Time]float64{}
	for at := range times {
		a, hasLeft := left.at(at)
		b, hasRight := right.at(at)
		if value := apply(a, b); hasLeft && hasRight && !math.IsNaN(value) && !math.IsInf(value, 0) {
			out[at] = value
		}
	}
	return mathOperand{series: out}
}

func (o mathOperand) at(when time.Time) (float64, bool) {
	if o.series == nil {
		return o.number, true
	}
	value, ok := o.series[when]
	return value, ok
}

func (p *mathParser) value() (mathOperand, error) {
	token := p.next()
	if number, err := strconv.ParseFloat(token, 64); err == nil {
		return mathOperand{number: number}, nil
	}
	switch token {
	case "-":
		operand, err := p.value()
		return combine(mathOperand{number: -1}, operand, "*"), err
	case "(":
		operand, err := p.sum()
		if err != nil {
			return operand, err
		}
		return operand, p.expect(")")
	case "FILL":
		return p.fill()
	case "SUM", "AVG", "MIN", "MAX":
		return p.aggregate(token)
	}
	return p.reference(token)
}

// reference gives the series of another query.
func (p *mathParser) reference(id string) (mathOperand, error) {
	for _, query := range p.evaluation.in.MetricDataQueries {
		if query.ID == id && id != p.self {
			s, err := p.evaluation.run(query)
			return mathOperand{series: s.values}, err
		}
	}
	return mathOperand{}, errMetric("ValidationError", "Error in expression '%s': '%s' is not the id of another query.", p.self, id)
}

// fill reads FILL(series, number): the number stands where there is no value.
func (p *mathParser) fill() (mathOperand, error) {
	if err := p.expect("("); err != nil {
		return mathOperand{}, err
	}
	operand, err := p.sum()
	if err != nil {
		return operand, err
	}
	if err := p.expect(","); err != nil {
		return operand, err
	}
	number, err := p.value()
	if err != nil {
		return operand, err
	}
	length := p.evaluation.period()
	in := p.evaluation.in
	out := map[time.Time]float64{}
	for at := in.StartTime.Truncate(length); at.Before(in.EndTime.Time); at = at.Add(length) {
		out[at] = number.number
		if value, ok := operand.at(at); ok {
			out[at] = value
		}
	}
	return mathOperand{series: out}, p.expect(")")
}

// period is that of the request's first metric.
func (e *metricEvaluation) period() time.Duration {
	for _, query := range e.in.MetricDataQueries {
		if query.MetricStat != nil {
			return time.Duration(query.MetricStat.Period) * time.Second
		}
	}
	return time.Minute
}

// aggregate reads SUM([a, b]), SUM(METRICS()) and the like.
func (p *mathParser) aggregate(name string) (mathOperand, error) {
	if err := p.expect("("); err != nil {
		return mathOperand{}, err
	}
	operands, err := p.operands()
	if err != nil {
		return mathOperand{}, err
	}
	columns := map[time.Time][]float64{}
	for _, operand := range operands {
		for at, value := range operand.series {
			columns[at] = append(columns[at], value)
		}
	}
	out := map[time.Time]float64{}
	for at, values := range columns {
		out[at] = aggregated(name, values)
	}
	return mathOperand{series: out}, p.expect(")")
}

func aggregated(name string, values []float64) float64 {
	total := 0.0
	for _, value := range values {
		total += value
	}
	switch name {
	case "MIN":
		return slices.Min(values)
	case "MAX":
		return slices.Max(values)
	case "AVG":
		return total / float64(len(values))
	default:
		return total
	}
}

func (p *mathParser) operands() (operands []mathOperand, err error) {
	if p.peek() == "METRICS" {
		p.tokens = p.tokens[min(len(p.tokens), 3):] // METRICS ( )
		for _, query := range p.evaluation.in.MetricDataQueries {
			if query.MetricStat != nil {
				operand, err := p.reference(query.ID)
				if err != nil {
					return nil, err
				}
				operands = append(operands, operand)
			}
		}
		return operands, nil
	}
	if err := p.expect("["); err != nil {
		return nil, err
	}
	for {
		operand, err := p.sum()
		if err != nil {
			return nil, err
		}
		operands = append(operands, operand)
		if p.peek() != "," {
			return operands, p.expect("]")
		}
		p.next()
	}
}
