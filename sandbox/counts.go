package sandbox

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// Counts says how many requests the sandbox has answered.
type Counts struct {
	// GitHubSent is every request to the API, GitHubCounted those that cost
	// primary rate limit: all but 304s and reads of the limit itself.
	GitHubSent, GitHubCounted int
	// GitHubByStatus and GitHubByMethod split GitHubSent.
	GitHubByStatus map[int]int
	GitHubByMethod map[string]int
	// AWS is requests by operation ("DescribeServices"), AWSByStatus by status.
	AWS         map[string]int
	AWSByStatus map[int]int
	// Other is requests for pages, services and hooks.
	Other int
}

func newCounts() Counts {
	return Counts{
		GitHubByStatus: map[int]int{}, GitHubByMethod: map[string]int{},
		AWS: map[string]int{}, AWSByStatus: map[int]int{},
	}
}

// Counts gives a copy of the counters since the sandbox was made.
func (s *Sandbox) Counts() Counts {
	s.counting.Lock()
	defer s.counting.Unlock()
	c := s.counts
	c.GitHubByStatus = maps.Clone(c.GitHubByStatus)
	c.GitHubByMethod = maps.Clone(c.GitHubByMethod)
	c.AWS = maps.Clone(c.AWS)
	c.AWSByStatus = maps.Clone(c.AWSByStatus)
	return c
}

func (s *Sandbox) countGitHub(r *http.Request, status int, counted bool) {
	s.counting.Lock()
	defer s.counting.Unlock()
	s.counts.GitHubSent++
	if counted {
		s.counts.GitHubCounted++
	}
	s.counts.GitHubByStatus[status]++
	s.counts.GitHubByMethod[r.Method]++
}

func (s *Sandbox) countAWS(r *http.Request, status int) {
	s.counting.Lock()
	defer s.counting.Unlock()
	s.counts.AWS[awsOperationName(r)]++
	s.counts.AWSByStatus[status]++
}

func (s *Sandbox) countOther() {
	s.counting.Lock()
	defer s.counting.Unlock()
	s.counts.Other++
}

// awsOperationName reads the operation from where the protocol puts it: the
// target header, the path, or the form that the handler has parsed.
func awsOperationName(r *http.Request) string {
	if _, name, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return name
	}
	if i := strings.LastIndex(r.URL.Path, "/operation/"); i >= 0 {
		return r.URL.Path[i+len("/operation/"):]
	}
	if action := url.Values(r.Form).Get("Action"); action != "" {
		return action
	}
	return "S3 " + r.Method
}
