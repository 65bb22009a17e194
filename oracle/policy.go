package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/google/cel-go/cel"
	vpol "github.com/kyverno/api/api/policies.kyverno.io/v1"
	authzhttp "github.com/kyverno/kyverno-authz/pkg/authz/http"
	httpcel "github.com/kyverno/kyverno-authz/pkg/cel/libs/authz/http"
	"github.com/kyverno/kyverno-authz/pkg/cel/libs/httpserver"
	"github.com/kyverno/kyverno-authz/pkg/engine/compiler"
	"github.com/kyverno/kyverno-authz/pkg/engine/sources"
	"github.com/kyverno/kyverno-authz/pkg/events"
	"github.com/kyverno/pkg/ext/resource/convert"
	"github.com/kyverno/pkg/ext/yaml"
	"github.com/kyverno/sdk/core"
	"github.com/kyverno/sdk/core/dispatchers"
	"github.com/kyverno/sdk/core/handlers"
	"github.com/kyverno/sdk/core/resulters"
	"github.com/kyverno/sdk/extensions/policy"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	sigsyaml "sigs.k8s.io/yaml"
)

// policyAnswer is Kyverno's answer of a list of policies about one request. With a broken policy there
// is no decision: Kyverno would drop policies and go on, which no test should ask for.
type policyAnswer struct {
	Broken   []brokenPolicy `json:"broken,omitempty"`
	Decision string         `json:"decision,omitempty"`
	Status   int            `json:"status,omitempty"`
	Reason   *string        `json:"reason,omitempty"`
	Policy   string         `json:"policy,omitempty"`
	Error    *string        `json:"error,omitempty"`
	Message  string         `json:"message,omitempty"` // Envoy: status.message of the response
	Policies []policyResult `json:"policies,omitempty"`
}

type brokenPolicy struct {
	Policy string `json:"policy"`
	Stage  string `json:"stage"`
	Error  string `json:"error"`
}

// policyResult is what one policy says on its own, whether or not the engine would have got to it.
type policyResult struct {
	Policy string  `json:"policy"`
	Result string  `json:"result"`
	Reason *string `json:"reason,omitempty"`
	Error  *string `json:"error,omitempty"`
	Status int     `json:"status,omitempty"` // Envoy: of the denied response
	// Envoy: status.message of the response
	Message string `json:"message,omitempty"`
}

// named is a compiled policy of a mode with its name.
type named[IN, OUT any] struct {
	name   string
	policy policy.Policy[dynamic.Interface, IN, OUT]
}

type namedPolicy = named[*httpcel.CheckRequest, *httpcel.CheckResponse]

func preparePolicies(c Case, throughServer bool) (answerer, error) {
	compiled, broken, err := compileAll[*httpcel.CheckRequest, *httpcel.CheckResponse](c)
	if err != nil {
		return nil, err
	}
	if broken != nil {
		return func(Input) (*object, any, error) { return nil, policyAnswer{Broken: broken}, nil }, nil
	}
	handle := newEngine(compiled)
	return func(in Input) (*object, any, error) {
		request, refused, err := in.checkRequest()
		if err != nil {
			return nil, nil, err
		}
		if refused != nil {
			return nil, refused, nil
		}
		recorded, err := recordInput(in, request)
		if err != nil {
			return nil, nil, err
		}
		answer, err := decide(compiled, handle, request)
		if err != nil {
			return nil, nil, err
		}
		if throughServer {
			err = askServer(handle, in, answer)
		}
		return recorded, answer, err
	}, nil
}

// compileAll loads and compiles the policies of a case, each with the exceptions that the kube source would attach.
func compileAll[IN, OUT any](c Case) (compiled []named[IN, OUT], broken []brokenPolicy, err error) {
	exceptions, err := readExceptions(c.Exceptions)
	if err != nil {
		return nil, nil, err
	}
	for _, text := range c.Policies {
		loaded, failed, err := loadPolicies(text)
		if err != nil {
			return nil, nil, err
		}
		broken = append(broken, failed...)
		for _, p := range loaded {
			one, failed := compilePolicy[IN, OUT](p, attached(p, exceptions))
			if failed != nil {
				broken = append(broken, *failed)
				continue
			}
			compiled = append(compiled, named[IN, OUT]{p.Name, one})
		}
	}
	return compiled, broken, nil
}

// readExceptions reads PolicyException documents strictly: the file source has no schema for them.
func readExceptions(documents []string) ([]*vpol.PolicyException, error) {
	var exceptions []*vpol.PolicyException
	for _, text := range documents {
		exception := &vpol.PolicyException{}
		if err := sigsyaml.UnmarshalStrict([]byte(text), exception); err != nil {
			return nil, err
		}
		exceptions = append(exceptions, exception)
	}
	return exceptions, nil
}

// attached is what sources.NewKube and its composite store select for a policy.
func attached(p *vpol.ValidatingPolicy, exceptions []*vpol.PolicyException) []*vpol.PolicyException {
	var attached []*vpol.PolicyException
	for _, exception := range exceptions {
		refers := slices.ContainsFunc(exception.Spec.PolicyRefs, func(ref vpol.PolicyRef) bool { return ref.Name == p.Name })
		if refers && exception.Spec.EvaluationMode == p.Spec.EvaluationMode() {
			attached = append(attached, exception)
		}
	}
	return attached
}

// compilePolicy has a stage of its own for what makes Kyverno's compiler panic (see compileExpression).
func compilePolicy[IN, OUT any](p *vpol.ValidatingPolicy, exceptions []*vpol.PolicyException) (compiled policy.Policy[dynamic.Interface, IN, OUT], broken *brokenPolicy) {
	defer func() {
		if crash := recover(); crash != nil {
			broken = &brokenPolicy{p.Name, "panic", fmt.Sprint(crash)}
		}
	}()
	c := compiler.NewCompiler[dynamic.Interface, IN, OUT](nil)
	compiled, errs := c.Compile(p, exceptions)
	if errs != nil {
		return nil, &brokenPolicy{p.Name, "compile", errs.ToAggregate().Error()}
	}
	return compiled, nil
}

// loadPolicies is the inner loop of sources.LoadPolicies, which only logs its errors.
func loadPolicies(text string) (loaded []*vpol.ValidatingPolicy, broken []brokenPolicy, err error) {
	loader, err := sources.DefaultLoader()
	if err != nil {
		return nil, nil, err
	}
	documents, err := yaml.SplitDocuments([]byte(text))
	if err != nil {
		return nil, nil, err
	}
	for _, document := range documents {
		gvk, untyped, err := loader.Load(document)
		if err == nil && gvk.Kind != "ValidatingPolicy" {
			err = fmt.Errorf("kind %s is loaded but not evaluated", gvk.Kind)
		}
		var typed *vpol.ValidatingPolicy
		if err == nil {
			typed, err = convert.To[vpol.ValidatingPolicy](untyped)
		}
		if err != nil {
			broken = append(broken, brokenPolicy{nameOf(document), "load", err.Error()})
			continue
		}
		loaded = append(loaded, typed)
	}
	return loaded, broken, nil
}

// nameOf finds the name of a document that Kyverno refused, for the reader of the case; "" if it cannot.
func nameOf(document []byte) string {
	var content map[string]any
	if sigsyaml.Unmarshal(document, &content) != nil {
		return ""
	}
	name, _, _ := unstructured.NestedString(content, "metadata", "name")
	return name
}

type engineFunc = engineOf[*httpcel.CheckRequest, httpcel.CheckResponse]
type engineOf[IN, OUT any] = core.Engine[dynamic.Interface, IN, policy.Evaluation[*OUT]]

// newEngine is the engine of authz/http.NewServer and of authz/envoy.NewServer without their metrics.
func newEngine[IN, OUT any](compiled []named[IN, *OUT]) engineOf[IN, OUT] {
	type one = policy.Policy[dynamic.Interface, IN, *OUT]
	type evaluation = policy.Evaluation[*OUT]
	policies := make([]one, len(compiled))
	for i, p := range compiled {
		policies[i] = p.policy
	}
	type factory = core.FactoryContext[one, dynamic.Interface, IN]
	return core.NewEngine(
		core.MakeSource(policies...),
		handlers.Handler(
			dispatchers.Sequential(
				policy.EvaluatorFactory[one](),
				func(context.Context, factory) core.Breaker[one, IN, evaluation] {
					return core.MakeBreakerFunc(func(_ context.Context, _ one, _ IN, out evaluation) bool {
						return out.Result != nil
					})
				},
			),
			func(context.Context, factory) core.Resulter[one, IN, evaluation, evaluation] {
				return resulters.NewFirst[one, IN](func(out evaluation) bool {
					return out.Result != nil || out.Error != nil
				})
			},
		),
	)
}

// ask asks every policy on its own, then the engine, and finds out whose word the engine took: the answer has the
// policies', the result is the engine's, the last is what it was made of.
func ask[IN, OUT any](
	compiled []named[IN, *OUT], handle engineOf[IN, OUT], request IN, describe func(name string, response *OUT, err error) policyResult,
) (policyAnswer, policyResult, *OUT, error) {
	ctx := context.Background()
	answer := policyAnswer{Decision: "none", Policies: []policyResult{}}
	var first *policyResult
	for _, p := range compiled {
		response, err := p.policy.Evaluate(ctx, nil, request)
		result := describe(p.name, response, err)
		answer.Policies = append(answer.Policies, result)
		if first == nil && result.Result != "none" {
			first = &result
			answer.Policy = p.name
		}
	}
	out := handle.Handle(ctx, nil, request)
	engineSays := describe(answer.Policy, out.Result, out.Error)
	if first == nil {
		first = &policyResult{Result: "none"}
	}
	if !equal(engineSays, *first) {
		return answer, engineSays, out.Result, fmt.Errorf("the engine says %+v, the policies say %+v", engineSays, *first)
	}
	return answer, engineSays, out.Result, nil
}

func decide(compiled []namedPolicy, handle engineFunc, request *httpcel.CheckRequest) (policyAnswer, error) {
	answer, engineSays, response, err := ask(compiled, handle, request, describe)
	answer.Status = http.StatusOK
	if err != nil {
		return answer, err
	}
	switch engineSays.Result {
	case "none":
	case "allow":
		answer.Decision = "allow"
	case "deny", "empty":
		reason := response.Denied
		if reason == nil {
			reason = &httpcel.CheckResponseDenied{}
		}
		answer.Decision, answer.Status, answer.Reason = "deny", http.StatusForbidden, &reason.Reason
	case "error":
		answer.Decision, answer.Status, answer.Error = "error", http.StatusInternalServerError, engineSays.Error
	}
	return answer, nil
}

func describe(name string, response *httpcel.CheckResponse, err error) policyResult {
	result := policyResult{Policy: name}
	switch {
	case err != nil:
		text := err.Error()
		result.Result, result.Error = "error", &text
	case response == nil:
		result.Result = "none"
	case response.Ok != nil: // asked first, as the default output expression does
		result.Result = "allow"
	case response.Denied != nil:
		result.Result, result.Reason = "deny", &response.Denied.Reason
	default:
		result.Result = "empty"
	}
	return result
}

func equal(a, b policyResult) bool {
	return a.Result == b.Result && text(a.Reason) == text(b.Reason) && text(a.Error) == text(b.Error)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// askServer sends a raw request through Kyverno's HTTP handler and holds the answer against it.
func askServer(handle engineFunc, in Input, answer policyAnswer) error {
	raw, isRequest, err := in.raw()
	if err != nil || !isRequest {
		return err
	}
	output, err := outputProgram()
	if err != nil {
		return err
	}
	handler := authzhttp.NewAuthorizer(handle, nil, nil, output, true, noEvents{})
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(raw)))
	want := text(answer.Reason) + text(answer.Error)
	if recorder.Code != answer.Status || recorder.Body.String() != want {
		return fmt.Errorf("the handler answers %d %q, the engine %d %q", recorder.Code, recorder.Body, answer.Status, want)
	}
	return nil
}

type noEvents struct{}

func (noEvents) Push(context.Context, time.Time, httpcel.CheckRequest, events.ResultAccessor) {}

// outputProgram is the default --output-expression of authz/http.NewServer.
var outputProgram = sync.OnceValues(func() (cel.Program, error) {
	base, err := httpEnv()
	if err != nil {
		return nil, err
	}
	env, err := base.Extend(cel.Variable("object", httpcel.ResponseType), httpserver.Lib())
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(`
has(object.ok)
	? httpserver.HttpResponse{ status: 200 }
	: httpserver.HttpResponse{ status: 403, body: bytes(object.denied.reason) }
`)
	if err := issues.Err(); err != nil {
		return nil, err
	}
	return env.Program(ast)
})
