package sandbox

import (
	"slices"
	"strconv"
	"time"
)

// insightsDelay is how long a query takes, insightsRows how many rows it gives
// unasked and at most.
const (
	insightsDelay   = 700 * time.Millisecond
	insightsRows    = 1000
	insightsRowsMax = 10_000
)

type startQueryInput struct {
	LogGroupName        string
	LogGroupNames       []string
	LogGroupIdentifiers []string
	StartTime           int64 // seconds, or milliseconds
	EndTime             int64
	QueryString         string
	Limit               *int
}

// An insightsRun is a query under way, or done.
type insightsRun struct {
	id       string
	query    *insightsQuery
	groups   []*LogGroup
	from, to int64 // milliseconds
	started  time.Time
	stopped  bool
}

func (a *awsAPI) startQuery(in startQueryInput) (document, error) {
	groups, err := a.queryGroups(in)
	if err != nil {
		return nil, err
	}
	if in.EndTime < in.StartTime {
		return nil, errInvalidParameter("End time should not be less than start time.")
	}
	query, err := parseInsights(in.QueryString)
	if err != nil {
		return nil, err
	}
	if in.Limit != nil {
		if *in.Limit < 1 || *in.Limit > insightsRowsMax {
			return nil, errInvalidParameter("The limit must be between 1 and %d.", insightsRowsMax)
		}
		query.limit = *in.Limit
	}
	run := &insightsRun{
		id: containerUUID(a.world.hash40("query", a.requests)[:32]), query: query, groups: groups,
		from: inMilliseconds(in.StartTime), to: inMilliseconds(in.EndTime), started: a.world.Now(),
	}
	a.queries = append(a.queries, run)
	return document{"queryId": run.id}, nil
}

func (a *awsAPI) queryGroups(in startQueryInput) (groups []*LogGroup, err error) {
	names := slices.Concat(in.LogGroupNames, in.LogGroupIdentifiers)
	if in.LogGroupName != "" {
		names = append(names, in.LogGroupName)
	}
	if err := checkBatch("Log groups", names, 50); err != nil {
		return nil, err
	}
	for _, name := range names {
		group := a.world.Cloud.LogGroup(name)
		if group == nil {
			return nil, awsFailure("ResourceNotFoundException", "Log group '%s' does not exist for account ID '%s'", name, Account)
		}
		groups = append(groups, group)
	}
	return groups, nil
}

// inMilliseconds takes seconds as the API asks for, and milliseconds as some
// clients send.
func inMilliseconds(when int64) int64 {
	if when > 1e11 {
		return when
	}
	return when * 1000
}

type queryInput struct{ QueryID string }

func (a *awsAPI) query(id string) (*insightsRun, error) {
	for _, run := range a.queries {
		if run.id == id {
			return run, nil
		}
	}
	return nil, awsFailure("ResourceNotFoundException", "Query ID %s does not exist.", id)
}

func (a *awsAPI) stopQuery(in queryInput) (document, error) {
	run, err := a.query(in.QueryID)
	if err != nil {
		return nil, err
	}
	if run.status(a.world.Now()) != "Running" {
		return nil, errInvalidParameter("Query with ID %s has ended and cannot be stopped.", in.QueryID)
	}
	run.stopped = true
	return document{"success": true}, nil
}

func (r *insightsRun) status(now time.Time) string {
	switch {
	case r.stopped:
		return "Cancelled"
	case now.Sub(r.started) < insightsDelay:
		return "Running"
	default:
		return "Complete"
	}
}

func (a *awsAPI) getQueryResults(in queryInput) (document, error) {
	run, err := a.query(in.QueryID)
	if err != nil {
		return nil, err
	}
	status := run.status(a.world.Now())
	out := document{"status": status, "results": [][]document{}, "queryLanguage": "CWLI", "statistics": document{
		"recordsMatched": 0, "recordsScanned": 0, "bytesScanned": 0,
	}}
	if status != "Complete" {
		return out, nil
	}
	var records []insightsRecord
	scanned, bytes := 0, 0
	for _, group := range run.groups {
		for _, event := range a.events(group, &run.from, &run.to) {
			scanned, bytes = scanned+1, bytes+len(event.Message)
			if record := newInsightsRecord(group, event); run.query.matches(record) {
				records = append(records, record)
			}
		}
	}
	out["results"] = run.query.rows(records)
	out["statistics"] = document{"recordsMatched": len(records), "recordsScanned": scanned, "bytesScanned": bytes}
	return out, nil
}

// rows are the answer: for each row its fields, in the order asked for.
func (q *insightsQuery) rows(records []insightsRecord) [][]document {
	columns := q.fields
	rows := records
	if q.stats {
		columns, rows = q.count(records)
	}
	if q.sort != "" {
		slices.SortStableFunc(rows, func(a, b insightsRecord) int { return compareValues(a.value(q.sort), b.value(q.sort)) })
		if q.descending {
			slices.Reverse(rows)
		}
	}
	if len(rows) > q.limit {
		rows = rows[:q.limit]
	}
	out := make([][]document, 0, len(rows))
	for _, row := range rows {
		var cells []document
		for _, column := range columns {
			if value := row.value(column); value != "" {
				cells = append(cells, document{"field": column, "value": value})
			}
		}
		if !q.stats {
			cells = append(cells, document{"field": "@ptr", "value": row.value("@ptr")})
		}
		out = append(out, cells)
	}
	return out
}

// count groups the records by the fields of "stats count(*) by …".
func (q *insightsQuery) count(records []insightsRecord) (columns []string, rows []insightsRecord) {
	totals, order := map[string]int{}, []string{}
	groups := map[string]insightsRecord{}
	for _, record := range records {
		key, group := "", insightsRecord{}
		for _, by := range q.by {
			value := q.groupValue(record, by)
			key += value + "\x00"
			group[by] = value
		}
		if _, seen := totals[key]; !seen {
			order = append(order, key)
			groups[key] = group
		}
		totals[key]++
	}
	for _, key := range order {
		groups[key][q.name] = strconv.Itoa(totals[key])
		rows = append(rows, groups[key])
	}
	return append(slices.Clone(q.by), q.name), rows
}

func (q *insightsQuery) groupValue(record insightsRecord, by string) string {
	if q.bin == 0 || by != q.binName {
		return record.value(by)
	}
	at, err := time.Parse(insightsTime, record.value("@timestamp"))
	if err != nil {
		return ""
	}
	return at.Truncate(q.bin).Format(insightsTime)
}

// compareValues compares as numbers where both are, else as text.
func compareValues(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	switch {
	case errX == nil && errY == nil && x < y, (errX != nil || errY != nil) && a < b:
		return -1
	case a == b:
		return 0
	default:
		return 1
	}
}
