package environments

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// A format is one kind of value in the file. Its read takes the value as it is
// written, or says in a sentence what is wrong with it and what would be right.
type format interface {
	read(value string) error
	// noun names the kind of value, as in "write a duration such as 10m".
	noun() string
}

// The formats. All but moment are kept as they were written.
type (
	schemaVersion     int
	text              string
	name              string
	environmentName   string
	serviceName       string
	clusterName       string
	databaseName      string
	workflowFile      string
	refPattern        string
	region            string
	roleName          string
	logGroup          string
	urlTemplate       string
	optionalURL       string
	urlPath           string
	alarmSelector     string
	repository        string
	fourEyes          string
	metricsMode       string
	recordCopy        string
	filePath          string
	nonNegativePeriod time.Duration
	positivePeriod    time.Duration
	moment            time.Time
)

func (schemaVersion) noun() string     { return "number" }
func (text) noun() string              { return "text" }
func (name) noun() string              { return "name" }
func (environmentName) noun() string   { return "GitHub environment" }
func (serviceName) noun() string       { return "service name" }
func (clusterName) noun() string       { return "ECS cluster name or ARN" }
func (databaseName) noun() string      { return "RDS identifier" }
func (workflowFile) noun() string      { return "file name" }
func (refPattern) noun() string        { return "branch or tag pattern" }
func (region) noun() string            { return "AWS region" }
func (roleName) noun() string          { return "IAM role ARN" }
func (logGroup) noun() string          { return "log group name" }
func (urlTemplate) noun() string       { return "URL, may hold {service}" }
func (optionalURL) noun() string       { return "URL, may hold {service}" }
func (urlPath) noun() string           { return "path" }
func (alarmSelector) noun() string     { return "alarm name or prefix*" }
func (repository) noun() string        { return "OWNER/REPO" }
func (fourEyes) noun() string          { return choices(fourEyesChoices) }
func (metricsMode) noun() string       { return choices(metricsChoices) }
func (recordCopy) noun() string        { return choices(recordCopyChoices) }
func (filePath) noun() string          { return "path below the repository's root" }
func (nonNegativePeriod) noun() string { return "duration" }
func (positivePeriod) noun() string    { return "duration" }
func (moment) noun() string            { return "time" }

func (v *schemaVersion) read(value string) error {
	if value != "1" {
		return fmt.Errorf("%q is no version that this program knows; write 1, or upgrade with gh extension upgrade deployctl", value)
	}
	*v = 1
	return nil
}

func (v *text) read(value string) error {
	*v = text(value)
	return checkText(value)
}

// longestValue is the longest value that is read, in bytes. No name or address
// comes near, and a sentence that repeats one stays readable.
const longestValue = 1024

var errTooLong = fmt.Errorf("is longer than %d bytes; shorten it", longestValue)

// checkText refuses what no name or reason contains.
func checkText(value string) error {
	switch {
	case strings.TrimSpace(value) == "":
		return errors.New("is empty; give it a value or remove the key")
	case len(value) > longestValue:
		return errTooLong
	case strings.ContainsFunc(value, unicode.IsControl):
		return fmt.Errorf("%q holds a control character; remove it", value)
	}
	return nil
}

func (v *name) read(value string) error {
	*v = name(value)
	return checkName(value)
}

func (v *environmentName) read(value string) error {
	*v = environmentName(value)
	return checkName(value)
}

// checkName follows GitHub's rule for the names of environments.
func checkName(value string) error {
	if err := checkText(value); err != nil {
		return err
	}
	if len(value) > 255 {
		return errors.New("is longer than 255 characters; shorten it")
	}
	if i := strings.IndexAny(value, "'\"`,;\\"); i >= 0 {
		return fmt.Errorf("%q holds %q, which GitHub does not allow in the name of an environment; remove it", value, value[i:i+1])
	}
	return nil
}

// atMost is a form with a greatest length. A count of hundreds in the
// expression itself would take milliseconds of every start to compile.
type atMost struct {
	*regexp.Regexp
	bytes int
}

// MatchString reports whether a value has the form and is short enough.
func (f atMost) MatchString(value string) bool {
	return len(value) <= f.bytes && f.Regexp.MatchString(value)
}

var serviceForm = atMost{regexp.MustCompile(`^[A-Za-z0-9_-]+$`), 255}

func (v *serviceName) read(value string) error {
	*v = serviceName(value)
	if !serviceForm.MatchString(value) {
		return fmt.Errorf("%q is no service name; write letters, digits, - and _ only, such as api-gateway", value)
	}
	return nil
}

var clusterARN = atMost{regexp.MustCompile(`^arn:aws[a-z-]*:ecs:([a-z0-9-]+):\d{12}:cluster/[A-Za-z0-9_-]+$`), 320}

func (v *clusterName) read(value string) error {
	*v = clusterName(value)
	switch {
	case strings.HasPrefix(value, "arn:") && !clusterARN.MatchString(value):
		return fmt.Errorf("%q is no cluster ARN; write one such as arn:aws:ecs:eu-central-1:123456789012:cluster/shop, or the bare name", value)
	case !strings.HasPrefix(value, "arn:") && !serviceForm.MatchString(value):
		return fmt.Errorf("%q is no cluster name; write letters, digits, - and _ only, such as shop-production, or the cluster's ARN", value)
	}
	return nil
}

var databaseForm = atMost{regexp.MustCompile(`^[A-Za-z](-?[A-Za-z0-9])*$`), 63}

func (v *databaseName) read(value string) error {
	*v = databaseName(value)
	if !databaseForm.MatchString(value) {
		return fmt.Errorf("%q is no RDS identifier; write 1 to 63 letters, digits and single hyphens that begin with a letter, such as shop-production", value)
	}
	return nil
}

func (v *workflowFile) read(value string) error {
	*v = workflowFile(value)
	if err := checkText(value); err != nil {
		return err
	}
	if strings.ContainsAny(value, `/\`) {
		return fmt.Errorf("%q is a path; write the file's name below .github/workflows alone: %s", value, path.Base(strings.ReplaceAll(value, `\`, "/")))
	}
	if extension := path.Ext(value); extension != ".yml" && extension != ".yaml" || value == extension {
		return fmt.Errorf("%q is no workflow file; write a name that ends in .yml or .yaml, such as ci.yml", value)
	}
	return nil
}

func (v *refPattern) read(value string) error {
	*v = refPattern(value)
	if err := checkText(value); err != nil {
		return err
	}
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		if short, found := strings.CutPrefix(value, prefix); found {
			return fmt.Errorf("%q is a full ref; write %s", value, short)
		}
	}
	if _, err := path.Match(value, ""); err != nil {
		return fmt.Errorf("%q is no pattern, because a [ is not closed or is empty; write one such as release/* or v[0-9]*", value)
	}
	if strings.ContainsAny(value, " ~^:\\") || strings.Contains(value, "..") || strings.HasSuffix(value, "/") || strings.HasPrefix(value, "/") {
		return fmt.Errorf("%q can match no branch or tag; write a name or a pattern such as main, release/* or v*", value)
	}
	return nil
}

var regionForm = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}$`)

func (v *region) read(value string) error {
	*v = region(value)
	if regionForm.MatchString(value) {
		return nil
	}
	if zone := strings.TrimRight(value, "abcdefgh"); regionForm.MatchString(zone) {
		return fmt.Errorf("%q is an availability zone; write its region, %s", value, zone)
	}
	if near := pipeline.Nearest(strings.ToLower(value), knownRegions); near != "" {
		return fmt.Errorf("%q is no AWS region; did you mean %s?", value, near)
	}
	return fmt.Errorf("%q is no AWS region; write one such as eu-central-1", value)
}

// knownRegions serves suggestions only: a region that AWS opens tomorrow must
// not be refused by a program of today.
var knownRegions = []string{
	"af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
	"ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
	"ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "cn-north-1",
	"cn-northwest-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2",
	"eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "mx-central-1",
	"sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2",
}

// likelyRegion returns the known region that somebody who wrote an unknown one
// probably meant, or nothing. A new number of a known place is no mistake.
func (v region) likelyRegion() string {
	value := string(v)
	if value == "" || slices.Contains(knownRegions, value) {
		return ""
	}
	place := func(region string) string { return strings.TrimRight(region, "0123456789") }
	if slices.ContainsFunc(knownRegions, func(known string) bool { return place(known) == place(value) }) {
		return ""
	}
	return pipeline.Nearest(value, knownRegions)
}

var roleForm = atMost{regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]+$`), 560}

func (v *roleName) read(value string) error {
	*v = roleName(value)
	if !roleForm.MatchString(value) {
		return fmt.Errorf("%q is no IAM role ARN; write one such as arn:aws:iam::123456789012:role/deploy-reader", value)
	}
	return nil
}

var logGroupForm = atMost{regexp.MustCompile(`^[.\-_/#A-Za-z0-9]+$`), 512}

func (v *logGroup) read(value string) error {
	*v = logGroup(value)
	if !logGroupForm.MatchString(value) {
		return fmt.Errorf("%q is no log group name; write one such as /ecs/shop-production/orders", value)
	}
	return nil
}

func (v *urlTemplate) read(value string) error {
	*v = urlTemplate(value)
	return checkURL(value)
}

func (v *optionalURL) read(value string) error {
	*v = optionalURL(value)
	if value == "" {
		return nil
	}
	return checkURL(value)
}

var placeholder = regexp.MustCompile(`\{[^}]*\}?`)

// checkURL accepts an http or https address. It refuses one with a password,
// because the file is committed and the address is shown on the screen.
func checkURL(value string) error {
	for _, found := range placeholder.FindAllString(value, -1) {
		if found != servicePlaceholder {
			return fmt.Errorf("%q holds %s, which is not replaced; {service} is the only placeholder", value, found)
		}
	}
	address, err := url.Parse(withService(value, "service"))
	switch {
	case err != nil || strings.ContainsFunc(value, unicode.IsSpace):
		return fmt.Errorf("%q is no URL; write one such as https://{service}.example.com/health", value)
	case address.Scheme != "http" && address.Scheme != "https":
		return fmt.Errorf("%q does not begin with http:// or https://; write the whole address, such as https://{service}.example.com/health", value)
	case address.Hostname() == "":
		return fmt.Errorf("%q names no host; write the whole address, such as https://{service}.example.com/health", value)
	case address.User != nil:
		// The value is not repeated: it holds a password.
		return errors.New("the address holds a user name or password; remove it, because this file is committed")
	}
	return nil
}

const servicePlaceholder = "{service}"

// withService fills a service's name into a URL template.
func withService(template, service string) string {
	return strings.ReplaceAll(template, servicePlaceholder, service)
}

func (v *urlPath) read(value string) error {
	*v = urlPath(value)
	_, err := url.ParseRequestURI(value)
	if err != nil || !strings.HasPrefix(value, "/") || strings.HasPrefix(value, "//") || strings.ContainsFunc(value, unicode.IsSpace) {
		return fmt.Errorf("%q is no path; write one that begins with a slash, such as /ready", value)
	}
	return nil
}

func (v *alarmSelector) read(value string) error {
	*v = alarmSelector(value)
	if err := checkText(value); err != nil {
		return err
	}
	if i := strings.IndexByte(value, '*'); i >= 0 && i != len(value)-1 {
		return fmt.Errorf("%q has its * in the middle; write an alarm's name, or a prefix that ends in *, such as orders-*", value)
	}
	if value == "*" {
		return errors.New("* would take every alarm of the account; write an alarm's name, or a prefix that ends in *, such as orders-*")
	}
	return nil
}

var repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$`)

func (v *repository) read(value string) error {
	*v = repository(value)
	if !repositoryForm.MatchString(value) {
		return fmt.Errorf("%q is no repository; write OWNER/REPO, such as acme/shop", value)
	}
	return nil
}

var (
	fourEyesChoices = []string{"require", "warn", "off"}
	metricsChoices  = []string{"rollout", "always", "never"}

	recordCopyChoices = []string{"require", "warn"}
)

func (v *fourEyes) read(value string) error {
	*v = fourEyes(value)
	return checkChoice(value, fourEyesChoices)
}

func (v *metricsMode) read(value string) error {
	*v = metricsMode(value)
	return checkChoice(value, metricsChoices)
}

func (v *recordCopy) read(value string) error {
	*v = recordCopy(value)
	return checkChoice(value, recordCopyChoices)
}

// filePathForm is what a workflow and a shell take without quotes.
var filePathForm = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)

func (v *filePath) read(value string) error {
	*v = filePath(value)
	if err := checkText(value); err != nil {
		return err
	}
	if !filePathForm.MatchString(value) || !fs.ValidPath(value) {
		return fmt.Errorf("%q is no path below the repository's root; write letters, digits, . - _ and / only, such as infrastructure/production", value)
	}
	return nil
}

func checkChoice(value string, allowed []string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%q is not one of the choices; write %s", value, choices(allowed))
}

// choices joins words as "require, warn or off".
func choices(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (v *nonNegativePeriod) read(value string) error {
	period, err := parsePeriod(value)
	if err != nil {
		return err
	}
	if period < 0 {
		return fmt.Errorf("%q is negative; write 0s or more", value)
	}
	*v = nonNegativePeriod(period)
	return nil
}

func (v *positivePeriod) read(value string) error {
	period, err := parsePeriod(value)
	if err != nil {
		return err
	}
	if period <= 0 {
		return fmt.Errorf("%q is not more than zero; write a duration such as 24h", value)
	}
	*v = positivePeriod(period)
	return nil
}

var (
	bareNumber = regexp.MustCompile(`^[0-9]+$`)
	days       = regexp.MustCompile(`^([0-9]{1,4})d$`)
)

// parsePeriod reads Go's notation of durations. It guesses nothing: a number
// without a unit and a day (which is not always 24 hours) are answered with
// what to write.
func parsePeriod(value string) (time.Duration, error) {
	period, err := time.ParseDuration(value)
	switch {
	case err == nil:
		return period, nil
	case bareNumber.MatchString(value):
		return 0, fmt.Errorf("%q has no unit; write %ss for seconds or %sm for minutes", value, value, value)
	case days.MatchString(value):
		var count int
		if _, err := fmt.Sscanf(value, "%dd", &count); err == nil {
			return 0, fmt.Errorf("%q counts days, which this file does not; write %dh", value, 24*count)
		}
	}
	return 0, fmt.Errorf("%q is no duration; write one such as 90s, 10m or 24h", value)
}

// read takes RFC 3339, or a date, which means midnight in UTC.
func (v *moment) read(value string) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, value); err == nil {
			*v = moment(at.UTC())
			return nil
		}
	}
	return fmt.Errorf("%q is no time; write one such as 2026-12-23T00:00:00Z, or a date such as 2026-12-23, which begins in UTC", value)
}
