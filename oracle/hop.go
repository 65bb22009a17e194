package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	authzhttp "github.com/kyverno/kyverno-authz/pkg/authz/http"
	httpcel "github.com/kyverno/kyverno-authz/pkg/cel/libs/authz/http"
	"github.com/kyverno/kyverno-authz/pkg/engine"
	"github.com/kyverno/kyverno-authz/pkg/engine/sources"
	"github.com/kyverno/kyverno-authz/pkg/events"
	"github.com/kyverno/sdk/core"
	sdksources "github.com/kyverno/sdk/core/sources"
	ctrl "sigs.k8s.io/controller-runtime"
)

// httpServer serves the policies of a directory with Kyverno's HTTP server until it is killed, set up as
// "kyverno-authz serve http authz-server" does it without a cluster: nested requests, decisions printed on
// standard output. (The command itself cannot be linked in: it needs the sources of git and of OCI registries.)
func httpServer(args []string) error {
	flags := flag.NewFlagSet("http-server", flag.ContinueOnError)
	address := flags.String("address", "127.0.0.1:9081", "where to listen")
	directory := flags.String("policies", "", "the directory with the policies")
	if err := flags.Parse(args); err != nil {
		return err
	}
	policies, err := policiesOf(*directory)
	if err != nil {
		return err
	}
	source := sdksources.NewOnce(core.MakeSource(policies...))
	logger := ctrl.Log
	printed := events.NewWriterEventSubscriber[httpcel.CheckRequest](os.Stdout, logger, "[%s] http: request %s, response: %s\n")
	config := authzhttp.Config{Address: *address, NestedRequest: true}
	return authzhttp.NewServer(config, source, nil, events.NewComposite(printed)).Run(context.Background())
}

// policiesOf loads and compiles what Kyverno's file source finds in a directory.
func policiesOf(directory string) ([]engine.HTTPPolicy, error) {
	loaded, _, err := sources.LoadPolicies(os.DirFS(directory))
	if err != nil {
		return nil, err
	}
	if len(loaded) == 0 {
		return nil, fmt.Errorf("%q has no policies", directory)
	}
	var compiled []engine.HTTPPolicy
	for _, p := range loaded {
		one, failed := compilePolicy[*httpcel.CheckRequest, *httpcel.CheckResponse](p, nil)
		if failed != nil {
			return nil, fmt.Errorf("policy %s: %s", failed.Policy, failed.Error)
		}
		compiled = append(compiled, one)
	}
	return compiled, nil
}

// timing is what the engine needs in process, in nanoseconds per call.
type timing struct {
	Decision string  `json:"decision"`
	Reason   string  `json:"reason"`
	Calls    int     `json:"calls"`
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
	// Decode is the p50 with the request read from its bytes each time, as the server does.
	Decode float64 `json:"p50WithDecoding"`
}

// timeEngine times Kyverno's engine in process: the engine of the server without HTTP, metrics and events.
func timeEngine(args []string) error {
	flags := flag.NewFlagSet("time", flag.ContinueOnError)
	directory := flags.String("policies", "", "the directory with the policies")
	file := flags.String("request", "", "the file with the HTTP request that the policies judge")
	seconds := flags.Float64("seconds", 1, "how long to measure")
	if err := flags.Parse(args); err != nil {
		return err
	}
	policies, err := policiesOf(*directory)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	named := make([]namedPolicy, len(policies))
	for i, p := range policies {
		named[i].policy = p
	}
	handle := newEngine(named)
	request, err := readRequest(raw)
	if err != nil {
		return err
	}
	ctx := context.Background()
	out := handle.Handle(ctx, nil, request)
	said := describe("", out.Result, out.Error)
	length := time.Duration(*seconds * float64(time.Second) / 2)
	ready := measure(length, func() { handle.Handle(ctx, nil, request) })
	decoded := measure(length, func() {
		request, err := readRequest(raw)
		if err == nil {
			handle.Handle(ctx, nil, request)
		}
	})
	return encode(os.Stdout, timing{
		Decision: said.Result,
		Reason:   text(said.Reason) + text(said.Error),
		Calls:    len(ready),
		P50:      quantile(ready, 0.50),
		P99:      quantile(ready, 0.99),
		Decode:   quantile(decoded, 0.50),
	})
}

// measure gives the nanoseconds of each call, sorted.
func measure(length time.Duration, call func()) []float64 {
	for start := time.Now(); time.Since(start) < length/4; {
		call()
	}
	samples := make([]float64, 0, 1<<16)
	for start := time.Now(); time.Since(start) < length || len(samples) == 0; {
		before := time.Now()
		call()
		samples = append(samples, float64(time.Since(before).Nanoseconds()))
	}
	slices.Sort(samples)
	return samples
}

func quantile(sorted []float64, q float64) float64 {
	return sorted[int(q*float64(len(sorted)-1))]
}

// readRequest does what the server does with the body of the outer request.
func readRequest(raw []byte) (*httpcel.CheckRequest, error) {
	nested, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, err
	}
	request, err := httpcel.NewRequest(nested)
	return &request, err
}
