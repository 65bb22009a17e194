package main

import (
	"fmt"
	"sync"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/cel-go/cel"
	"github.com/kyverno/kyverno-authz/apis"
	authzcel "github.com/kyverno/kyverno-authz/pkg/cel"
	"github.com/kyverno/kyverno-authz/pkg/cel/libs/authz/envoy"
	"google.golang.org/protobuf/encoding/protojson"
)

// Envoy mode: what the gRPC service and the command line do with a CheckRequest. Payloads are protojson, read as
// processor.LoadEnvoyRequests reads them.

type envoyPolicy = named[*authv3.CheckRequest, *authv3.CheckResponse]

var envoyEnv = sync.OnceValues(func() (*cel.Env, error) {
	return authzcel.NewEnv(apis.EvaluationModeEnvoy, nil)
})

func envoyValidationEnv() (*cel.Env, func(name string, t *cel.Type), error) {
	return extendedEnv(envoyEnv, envoy.CheckRequest)
}

var plainEnvoyEnv = sync.OnceValues(func() (*cel.Env, error) {
	env, _, err := envoyValidationEnv()
	return env, err
})

// envoyRequest reads the payload; the middle result is the text of its refusal.
func (in Input) envoyRequest() (*authv3.CheckRequest, *refusal, error) {
	if _, isRequest, err := in.raw(); isRequest || err != nil {
		return nil, nil, fmt.Errorf("an Envoy case has a payload, not an HTTP request")
	}
	request := &authv3.CheckRequest{}
	if len(in.Payload) > 0 {
		if err := protojson.Unmarshal(in.Payload, request); err != nil {
			return nil, &refusal{"badrequest", err.Error()}, nil
		}
	}
	return request, nil, nil
}

func prepareEnvoyExpression(c Case) (answerer, error) {
	env, variables, ast, program, failed, err := compileCase(c, plainEnvoyEnv, envoyValidationEnv)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return func(Input) (*object, any, error) { return nil, failed, nil }, nil
	}
	return func(in Input) (*object, any, error) {
		request, refused, err := in.envoyRequest()
		if err != nil {
			return nil, nil, err
		}
		if refused != nil {
			return nil, refused, nil
		}
		out, _, err := program.Eval(activation(request, variables))
		answer, err := evaluated(env, ast, out, err)
		return nil, answer, err
	}, nil
}

func prepareEnvoyPolicies(c Case) (answerer, error) {
	compiled, broken, err := compileAll[*authv3.CheckRequest, *authv3.CheckResponse](c)
	if err != nil {
		return nil, err
	}
	if broken != nil {
		return func(Input) (*object, any, error) { return nil, policyAnswer{Broken: broken}, nil }, nil
	}
	handle := newEngine(compiled)
	return func(in Input) (*object, any, error) {
		request, refused, err := in.envoyRequest()
		if err != nil {
			return nil, nil, err
		}
		if refused != nil {
			return nil, refused, nil
		}
		answer, err := decideEnvoy(compiled, handle, request)
		return nil, answer, err
	}, nil
}

func decideEnvoy(compiled []envoyPolicy, handle engineOf[*authv3.CheckRequest, authv3.CheckResponse], request *authv3.CheckRequest) (policyAnswer, error) {
	answer, engineSays, _, err := ask(compiled, handle, request, describeEnvoy)
	if err != nil {
		return answer, err
	}
	answer.Decision, answer.Reason, answer.Error, answer.Status = engineSays.Result, engineSays.Reason, engineSays.Error, engineSays.Status
	answer.Message = engineSays.Message
	return answer, nil
}

// describeEnvoy tells a response by what Envoy goes by, its status; the sides are the reason's and the command line's.
func describeEnvoy(name string, response *authv3.CheckResponse, err error) policyResult {
	result := policyResult{Policy: name, Message: response.GetStatus().GetMessage()}
	switch {
	case err != nil:
		text := err.Error()
		result.Result, result.Error = "error", &text
	case response == nil:
		result.Result = "none"
	case response.GetStatus().GetCode() == 0:
		result.Result = "allow"
		if response.GetOkResponse() == nil {
			result.Result = "allow-without-ok"
		}
		if response.GetDeniedResponse() != nil || response.GetErrorResponse() != nil {
			result.Result = "allow-with-denied"
		}
	default:
		body := response.GetDeniedResponse().GetBody()
		result.Result, result.Reason = "deny", &body
		result.Status = int(response.GetDeniedResponse().GetStatus().GetCode())
		if response.GetDeniedResponse() == nil {
			result.Result = "deny-without-denied"
		}
	}
	return result
}
