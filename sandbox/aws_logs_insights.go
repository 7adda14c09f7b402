package sandbox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// insightsTime is how Logs Insights writes a moment, in UTC.
const insightsTime = "2006-01-02 15:04:05.000"

// An insightsRecord is an event as a query sees it: the fields that every event
// has, and those of its JSON.
type insightsRecord map[string]string

func newInsightsRecord(group *LogGroup, event LogEvent) insightsRecord {
	record := insightsRecord{
		"@timestamp":     event.Timestamp.UTC().Format(insightsTime),
		"@ingestionTime": event.ingested().UTC().Format(insightsTime),
		"@message":       event.Message,
		"@logStream":     event.Stream.Name,
		"@log":           Account + ":" + group.Name,
		"@ptr":           event.ID,
	}
	var members map[string]any
	if json.Unmarshal([]byte(event.Message), &members) == nil {
		record.discover("", members)
	}
	return record
}

// discover takes over the members of a JSON object, nested ones as a.b.
func (r insightsRecord) discover(prefix string, members map[string]any) {
	for name, value := range members {
		switch v := value.(type) {
		case map[string]any:
			r.discover(prefix+name+".", v)
		case nil, []any:
		default:
			r[prefix+name] = fmt.Sprint(v)
		}
	}
}

func (r insightsRecord) value(field string) string { return r[strings.Trim(field, "`")] }

// An insightsQuery is a query of the part of the language that the sandbox
// knows: fields or display, filter, sort, limit, and stats count(*) by fields
// and bin(…).
type insightsQuery struct {
	fields     []string
	filters    []func(insightsRecord) bool
	sort       string
	descending bool
	limit      int
	stats      bool
	name       string // of the counting column
	by         []string
	bin        time.Duration
	binName    string
}

func (q *insightsQuery) matches(record insightsRecord) bool {
	for _, filter := range q.filters {
		if !filter(record) {
			return false
		}
	}
	return true
}

func errMalformedQuery(format string, args ...any) error {
	return awsFailure("MalformedQueryException", format, args...)
}

func parseInsights(text string) (*insightsQuery, error) {
	q := &insightsQuery{fields: []string{"@timestamp", "@message"}, limit: insightsRows, sort: "@timestamp", descending: true}
	for _, command := range insightsCommands(text) {
		verb, rest, _ := strings.Cut(command, " ")
		if err := q.apply(strings.ToLower(verb), strings.TrimSpace(rest)); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// insightsCommands splits at pipes that stand outside quotes and expressions;
// lines that begin with # are comments.
func insightsCommands(text string) (commands []string) {
	var b strings.Builder
	flush := func() {
		if command := strings.TrimSpace(b.String()); command != "" {
			commands = append(commands, command)
		}
		b.Reset()
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		quote := rune(0)
		for _, r := range strings.TrimSpace(line) + " " {
			switch {
			case quote != 0 && r == quote:
				quote = 0
			case quote == 0 && strings.ContainsRune("\"'/`", r):
				quote = r
			case quote == 0 && r == '|':
				flush()
				continue
			}
			b.WriteRune(r)
		}
	}
	flush()
	return commands
}

func (q *insightsQuery) apply(verb, rest string) error {
	switch verb {
	case "fields", "display":
		q.fields = splitNames(rest)
	case "filter":
		filter, err := parseInsightsFilter(rest)
		if err != nil {
			return err
		}
		q.filters = append(q.filters, filter)
	case "sort":
		field, direction, _ := strings.Cut(rest, " ")
		q.sort, q.descending = field, !strings.EqualFold(strings.TrimSpace(direction), "asc")
	case "limit":
		if _, err := fmt.Sscanf(rest, "%d", &q.limit); err != nil || q.limit < 1 || q.limit > insightsRowsMax {
			return errMalformedQuery("invalid limit: %s", rest)
		}
	case "stats":
		return q.parseStats(rest)
	default:
		return errMalformedQuery("unexpected symbol found: %s", verb)
	}
	return nil
}

func splitNames(text string) (names []string) {
	for name := range strings.SplitSeq(text, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return names
}

var (
	statsCount = regexp.MustCompile(`(?i)^count\s*\(\s*\*?\s*\)(?:\s+as\s+(\S+))?(?:\s+by\s+(.+))?$`)
	statsBin   = regexp.MustCompile(`(?i)^bin\s*\(\s*(\d+)\s*([smhd])\w*\s*\)(?:\s+as\s+(\S+))?$`)
)

func (q *insightsQuery) parseStats(text string) error {
	parts := statsCount.FindStringSubmatch(text)
	if parts == nil {
		return errMalformedQuery("unsupported stats: %s", text)
	}
	q.stats, q.name, q.sort = true, parts[1], ""
	if q.name == "" {
		q.name = "count(*)"
	}
	if parts[2] == "" {
		return nil
	}
	for _, field := range splitNames(parts[2]) {
		if bin := statsBin.FindStringSubmatch(field); bin != nil {
			unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": day}[strings.ToLower(bin[2])]
			var n int
			_, _ = fmt.Sscan(bin[1], &n)
			q.bin, q.binName = time.Duration(n)*unit, field
			if bin[3] != "" {
				q.binName = bin[3]
			}
			if q.bin == 0 {
				return errMalformedQuery("invalid bin: %s", field)
			}
			field = q.binName
		}
		q.by = append(q.by, field)
	}
	return nil
}

var (
	filterAnd  = regexp.MustCompile(`(?i)\s+and\s+`)
	filterOr   = regexp.MustCompile(`(?i)\s+or\s+`)
	filterTerm = regexp.MustCompile("(?is)^([@\\w.`-]+)\\s*(not\\s+like|like|=~|!=|<=|>=|[=<>])\\s*(.+)$")
	present    = regexp.MustCompile(`(?i)^ispresent\(\s*(\S+?)\s*\)$`)
)

// parseInsightsFilter reads comparisons joined by "and" and "or"; "and" binds
// tighter.
func parseInsightsFilter(text string) (func(insightsRecord) bool, error) {
	var alternatives [][]func(insightsRecord) bool
	for _, alternative := range filterOr.Split(text, -1) {
		var terms []func(insightsRecord) bool
		for _, term := range filterAnd.Split(alternative, -1) {
			matches, err := parseInsightsTerm(strings.TrimSpace(term))
			if err != nil {
				return nil, err
			}
			terms = append(terms, matches)
		}
		alternatives = append(alternatives, terms)
	}
	return func(record insightsRecord) bool {
		for _, terms := range alternatives {
			q := insightsQuery{filters: terms}
			if q.matches(record) {
				return true
			}
		}
		return false
	}, nil
}

func parseInsightsTerm(text string) (func(insightsRecord) bool, error) {
	if parts := present.FindStringSubmatch(text); parts != nil {
		return func(r insightsRecord) bool { return r.value(parts[1]) != "" }, nil
	}
	parts := filterTerm.FindStringSubmatch(text)
	if parts == nil {
		return nil, errMalformedQuery("unexpected symbol found in filter: %s", text)
	}
	field, operator, operand := parts[1], strings.ToLower(parts[2]), strings.TrimSpace(parts[3])
	if strings.HasSuffix(operator, "like") || operator == "=~" {
		matches, err := likeOperand(operand)
		negated := strings.HasPrefix(operator, "not")
		return func(r insightsRecord) bool { return matches(r.value(field)) != negated }, err
	}
	wanted := strings.Trim(operand, `"'`)
	return func(r insightsRecord) bool {
		value := r.value(field)
		order := compareValues(value, wanted)
		switch operator {
		case "=":
			return order == 0
		case "!=":
			return order != 0
		case "<":
			return value != "" && order < 0
		case "<=":
			return value != "" && order <= 0
		case ">":
			return value != "" && order > 0
		default:
			return value != "" && order >= 0
		}
	}, nil
}

// likeOperand reads /an expression/ or "a part".
func likeOperand(operand string) (logPattern, error) {
	expression, ok := strings.CutPrefix(operand, "/")
	if !ok {
		return containing(strings.Trim(operand, `"'`)), nil
	}
	compiled, err := regexp.Compile(strings.TrimSuffix(expression, "/"))
	if err != nil {
		return nil, errMalformedQuery("invalid regular expression: %s", operand)
	}
	return compiled.MatchString, nil
}
