package main

import (
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/kyverno/kyverno-authz/apis"
	authzcel "github.com/kyverno/kyverno-authz/pkg/cel"
	httpcel "github.com/kyverno/kyverno-authz/pkg/cel/libs/authz/http"
	"github.com/kyverno/kyverno-authz/pkg/engine/compiler"
	"github.com/kyverno/sdk/extensions/cel/libs/http"
	"github.com/kyverno/sdk/extensions/cel/libs/imagedata"
	"github.com/kyverno/sdk/extensions/cel/libs/resource"
	"k8s.io/apiserver/pkg/cel/lazy"
)

// expressionAnswer is Kyverno's answer about one expression. Variable names the variable that failed to
// compile, if it was not the expression itself.
type expressionAnswer struct {
	Decision string `json:"decision"`
	Type     string `json:"type,omitempty"`
	Value    any    `json:"value,omitempty"`
	Variable string `json:"variable,omitempty"`
	Error    string `json:"error,omitempty"`
}

var httpEnv = sync.OnceValues(func() (*cel.Env, error) {
	return authzcel.NewEnv(apis.EvaluationModeHTTP, nil)
})

// validationEnv is the environment of a validation. Kyverno builds it inside compiler.compile, which has
// no way to hand it out, so these are the same public calls in the same order.
func validationEnv() (*cel.Env, func(name string, t *cel.Type), error) {
	return extendedEnv(httpEnv, httpcel.RequestType)
}

func extendedEnv(mode func() (*cel.Env, error), request *cel.Type) (*cel.Env, func(name string, t *cel.Type), error) {
	base, err := mode()
	if err != nil {
		return nil, nil, err
	}
	provider := authzcel.NewVariablesProvider(base.CELTypeProvider())
	env, err := base.Extend(
		cel.Variable(compiler.HttpKey, http.ContextType),
		cel.Variable(compiler.ImageDataKey, imagedata.ContextType),
		cel.Variable(compiler.ObjectKey, request),
		cel.Variable(compiler.VariablesKey, authzcel.VariablesType),
		cel.Variable(compiler.ResourceKey, resource.ContextType),
		cel.CustomTypeProvider(provider),
	)
	return env, provider.RegisterField, err
}

// plainEnv is shared by the expressions without variables: building an environment costs far more than
// compiling in it.
var plainEnv = sync.OnceValues(func() (*cel.Env, error) {
	env, _, err := validationEnv()
	return env, err
})

func prepareExpression(c Case) (answerer, error) {
	plain, extended := plainEnv, validationEnv
	if len(c.Objects) > 0 {
		extended = func() (*cel.Env, func(string, *cel.Type), error) { return clusterEnv(c.Objects) }
		plain = func() (*cel.Env, error) {
			env, _, err := extended()
			return env, err
		}
	}
	env, variables, ast, program, failed, err := compileCase(c, plain, extended)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return sameFor(failed), nil
	}
	return func(in Input) (*object, any, error) {
		request, refused, err := in.checkRequest()
		if refused != nil || err != nil {
			return nil, refused, err
		}
		recorded, err := recordInput(in, request)
		if err != nil {
			return nil, nil, err
		}
		out, _, err := program.Eval(activation(request, variables))
		answer, err := evaluated(env, ast, out, err)
		return recorded, answer, err
	}, nil
}

// compileCase compiles the variables and the expression of a case; failed is the answer if one of them does not.
func compileCase(
	c Case,
	plain func() (*cel.Env, error),
	extended func() (*cel.Env, func(string, *cel.Type), error),
) (env *cel.Env, variables map[string]cel.Program, ast *cel.Ast, program cel.Program, failed *expressionAnswer, err error) {
	var register func(string, *cel.Type)
	if len(c.Vars) > 0 {
		env, register, err = extended()
	} else {
		env, err = plain()
	}
	if err != nil {
		return nil, nil, nil, nil, nil, err
	}
	variables = map[string]cel.Program{}
	for _, variable := range c.Vars {
		ast, program, failed := compileExpression(env, variable.Expression)
		if failed != nil {
			failed.Variable = variable.Name
			return env, nil, nil, nil, failed, nil
		}
		register(variable.Name, ast.OutputType())
		variables[variable.Name] = program
	}
	ast, program, failed = compileExpression(env, c.Expr)
	return env, variables, ast, program, failed, nil
}

// compileExpression turns a panic into an answer too: cel-go 0.30 has literals that crash its checker, and
// Kyverno does not catch that.
func compileExpression(env *cel.Env, text string) (ast *cel.Ast, program cel.Program, failed *expressionAnswer) {
	defer func() {
		if crash := recover(); crash != nil {
			failed = &expressionAnswer{Decision: "panic", Error: fmt.Sprint(crash)}
		}
	}()
	ast, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, nil, &expressionAnswer{Decision: "compile-error", Error: err.Error()}
	}
	program, err := env.Program(ast)
	if err != nil {
		return nil, nil, &expressionAnswer{Decision: "program-error", Type: cel.FormatCELType(ast.OutputType()), Error: err.Error()}
	}
	return ast, program, nil
}

// sameFor answers every input alike; the object is recorded all the same.
func sameFor(failed *expressionAnswer) answerer {
	return func(in Input) (*object, any, error) {
		request, refused, err := in.checkRequest()
		if refused != nil || err != nil {
			return nil, failed, err
		}
		recorded, err := recordInput(in, request)
		return recorded, failed, err
	}
}

// recordInput leaves the object out where the case has no input.
func recordInput(in Input, request *httpcel.CheckRequest) (*object, error) {
	if _, isRequest, err := in.raw(); err != nil || (!isRequest && len(in.Payload) == 0) {
		return nil, err
	}
	return recordObject(request)
}

// activation is compiledPolicy.setupVariables: variables run on first use, at most once.
func activation(request any, variables map[string]cel.Program) map[string]any {
	values := lazy.NewMapValue(authzcel.VariablesType)
	data := map[string]any{compiler.ObjectKey: request, compiler.VariablesKey: values}
	for name, program := range variables {
		values.Append(name, func(*lazy.MapValue) ref.Val {
			out, _, err := program.Eval(data)
			if out != nil {
				return out
			}
			return types.WrapErr(err)
		})
	}
	return data
}

// evaluated is the answer to an expression that gave a value or an error.
func evaluated(env *cel.Env, ast *cel.Ast, out ref.Val, failed error) (*expressionAnswer, error) {
	if failed != nil {
		return &expressionAnswer{Decision: "error", Error: failed.Error()}, nil
	}
	value, err := canonical(env.CELTypeAdapter(), out)
	if err != nil {
		return nil, err
	}
	return &expressionAnswer{Decision: "value", Type: cel.FormatCELType(ast.OutputType()), Value: value}, nil
}
