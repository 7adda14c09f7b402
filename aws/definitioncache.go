package aws

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/deployctl/gh-deployctl/pipeline"
)

// definitionCache keeps on disk what of task definitions never changes and is
// shown in every row: images, log groups, and which release a revision names.
// AWS describes them one by one and lets twenty a second through, so that an
// account with hundreds of services would take many seconds at every start.
// Other values of environments, which may be secret, are not kept.
type definitionCache struct {
	path string // empty: nothing is kept

	mu    sync.Mutex
	known map[string]pipeline.TaskDefinition // by ARN; nil: not loaded yet
}

// definitionCacheName is the file's name in the cache's directory.
const definitionCacheName = "task-definitions.jsonl"

func newDefinitionCache(dir string) *definitionCache {
	if dir == "" {
		return &definitionCache{}
	}
	return &definitionCache{path: filepath.Join(dir, definitionCacheName)}
}

// get is what is kept of a task definition. Its status is not.
func (c *definitionCache) get(arn string) (pipeline.TaskDefinition, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.load()
	}
	d, ok := c.known[arn]
	return d, ok
}

// put keeps a task definition. A cache that cannot be written only makes the
// next start slower.
func (c *definitionCache) put(d pipeline.TaskDefinition) {
	if c.path == "" || d.ARN == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.load()
	}
	if _, kept := c.known[d.ARN]; kept {
		return
	}
	d = essence(d)
	c.known[d.ARN] = d
	c.append(d)
}

// append adds a line to the file, in one write: other processes do so as well.
func (c *definitionCache) append(d pipeline.TaskDefinition) {
	line, err := json.Marshal(d)
	if err != nil || os.MkdirAll(filepath.Dir(c.path), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(c.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.Write(append(line, '\n'))
	_ = f.Close()
}

// load reads the file. Lines that are torn are left out, and a file that has
// grown too long is begun anew.
func (c *definitionCache) load() {
	c.known = map[string]pipeline.TaskDefinition{}
	if c.path == "" {
		return
	}
	f, err := os.Open(c.path)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var d pipeline.TaskDefinition
		if json.Unmarshal(lines.Bytes(), &d) == nil && d.ARN != "" {
			c.known[d.ARN] = d
		}
	}
	if len(c.known) > memoLimit {
		c.known = map[string]pipeline.TaskDefinition{}
		_ = os.Remove(c.path)
	}
}

// essence is what rows need of a task definition.
func essence(d pipeline.TaskDefinition) pipeline.TaskDefinition {
	kept := pipeline.TaskDefinition{ARN: d.ARN, Family: d.Family, Revision: d.Revision, Registered: d.Registered, Tags: map[string]string{}}
	for name, value := range d.Tags {
		if strings.HasPrefix(name, "deployctl:") {
			kept.Tags[name] = value
		}
	}
	for _, container := range d.Containers {
		c := pipeline.ContainerDefinition{Name: container.Name, Image: container.Image, LogGroup: container.LogGroup, Environment: map[string]string{}}
		for _, name := range []string{"APP_VERSION", "GIT_SHA"} {
			if value, ok := container.Environment[name]; ok {
				c.Environment[name] = value
			}
		}
		kept.Containers = append(kept.Containers, c)
	}
	return kept
}
