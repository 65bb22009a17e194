package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	"github.com/kyverno/kyverno-authz/pkg/engine/sources"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

type loaderAnswer struct {
	Policies []string  `json:"policies"`
	Skipped  []skipped `json:"skipped"`
}

type skipped struct {
	Error string `json:"error"`
}

// loadFiles runs Kyverno's file source over a directory with these files.
func loadFiles(files map[string]string) (loaderAnswer, error) {
	answer := loaderAnswer{Policies: []string{}, Skipped: []skipped{}}
	root, err := os.MkdirTemp("", "oracle")
	if err != nil {
		return answer, err
	}
	defer os.RemoveAll(root)
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return answer, err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return answer, err
		}
	}
	// The source reports its errors to the log only, and the log is one for the whole process.
	oneLoader.Lock()
	defer oneLoader.Unlock()
	log.take()
	policies, _, err := sources.LoadPolicies(os.DirFS(root))
	if err != nil {
		return answer, err
	}
	for _, policy := range policies {
		answer.Policies = append(answer.Policies, policy.Name)
	}
	for _, line := range log.take() {
		answer.Skipped = append(answer.Skipped, skipped{line})
	}
	return answer, nil
}

var oneLoader sync.Mutex

// log receives what Kyverno logs through klog.
var log captured

type captured struct {
	lock  sync.Mutex
	lines []string
}

func silenceLogs() {
	klog.SetLogger(logr.New(&log))
	ctrl.SetLogger(logr.New(&log))
}

func (c *captured) take() []string {
	c.lock.Lock()
	defer c.lock.Unlock()
	lines := c.lines
	c.lines = nil
	return lines
}

// Error keeps the loader's lines; the compiler's errors come back as values as well.
func (c *captured) Error(_ error, message string, _ ...any) {
	if strings.HasPrefix(message, "skipping ") {
		c.lock.Lock()
		defer c.lock.Unlock()
		c.lines = append(c.lines, message)
	}
}

func (c *captured) Init(logr.RuntimeInfo)          {}
func (c *captured) Enabled(int) bool               { return true }
func (c *captured) Info(int, string, ...any)       {}
func (c *captured) WithValues(...any) logr.LogSink { return c }
func (c *captured) WithName(string) logr.LogSink   { return c }
