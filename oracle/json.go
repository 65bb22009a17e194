package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
	policieskyvernoio "github.com/kyverno/api/api/policies.kyverno.io"
	"github.com/kyverno/api/api/policies.kyverno.io/v1beta1"
	"github.com/kyverno/kyverno/pkg/cel/compiler"
	celengine "github.com/kyverno/kyverno/pkg/cel/engine"
	"github.com/kyverno/kyverno/pkg/cel/libs"
	vpolcompiler "github.com/kyverno/kyverno/pkg/cel/policies/vpol/compiler"
	vpolengine "github.com/kyverno/kyverno/pkg/cel/policies/vpol/engine"
	"github.com/kyverno/sdk/extensions/cel/libs/globalcontext"
	"github.com/kyverno/sdk/extensions/cel/libs/gzip"
	"github.com/kyverno/sdk/extensions/cel/libs/hash"
	"github.com/kyverno/sdk/extensions/cel/libs/http"
	"github.com/kyverno/sdk/extensions/cel/libs/image"
	"github.com/kyverno/sdk/extensions/cel/libs/imagedata"
	sdkjson "github.com/kyverno/sdk/extensions/cel/libs/json"
	"github.com/kyverno/sdk/extensions/cel/libs/math"
	"github.com/kyverno/sdk/extensions/cel/libs/random"
	"github.com/kyverno/sdk/extensions/cel/libs/resource"
	"github.com/kyverno/sdk/extensions/cel/libs/time"
	"github.com/kyverno/sdk/extensions/cel/libs/transform"
	"github.com/kyverno/sdk/extensions/cel/libs/user"
	"github.com/kyverno/sdk/extensions/cel/libs/x509"
	"github.com/kyverno/sdk/extensions/cel/libs/yaml"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/lazy"
)

// JSON mode: what Kyverno's own engine (not the authz server) does with a JSON payload.

// jsonValidationEnv is the environment of a JSON policy's variables and validations. Kyverno builds it inside
// compilerImpl.compileForJSON, which has no way to hand it out, so these are the same public calls in the same order.
func jsonValidationEnv() (*cel.Env, func(name string, t *cel.Type), error) {
	celVersion := version.MajorMinor(1, 0)
	base := environment.MustBaseEnvSet(celVersion)
	plain, err := base.Env(environment.StoredExpressions)
	if err != nil {
		return nil, nil, err
	}
	provider := compiler.NewVariablesProvider(plain.CELTypeProvider())
	declarations, err := apiservercel.NewDeclTypeProvider(compiler.NamespaceType, compiler.RequestType).EnvOptions(provider)
	if err != nil {
		return nil, nil, err
	}
	options := append(compiler.DefaultEnvOptionsWithCompat(),
		cel.Variable(compiler.NamespaceObjectKey, compiler.NamespaceType.CelType()),
		cel.Variable(compiler.ObjectKey, cel.DynType),
		cel.Variable(compiler.OldObjectKey, cel.DynType),
		cel.Variable(compiler.RequestKey, compiler.RequestType.CelType()),
		cel.Types(compiler.NamespaceType.CelType()),
		cel.Types(compiler.RequestType.CelType()),
		cel.Variable(compiler.VariablesKey, compiler.VariablesType),
	)
	extended, err := base.Extend(
		environment.VersionedOptions{IntroducedVersion: celVersion, EnvOptions: append(options, declarations...)},
		environment.VersionedOptions{IntroducedVersion: celVersion, EnvOptions: jsonLibraries()},
	)
	if err != nil {
		return nil, nil, err
	}
	env, err := extended.Env(environment.StoredExpressions)
	if err != nil {
		return nil, nil, err
	}
	env, err = env.Extend(cel.Variable(compiler.VariablesKey, compiler.VariablesType))
	return env, provider.RegisterField, err
}

func jsonLibraries() []cel.EnvOption {
	context := libs.GetLibsCtx()
	return []cel.EnvOption{
		ext.NativeTypes(reflect.TypeFor[libs.Exception](), ext.ParseStructTags(true)),
		cel.Variable(compiler.ExceptionsKey, types.NewObjectType("libs.Exception")),
		globalcontext.Lib(globalcontext.Context{ContextInterface: context}, globalcontext.Latest()),
		resource.Lib(resource.Context{ContextInterface: context}, "", resource.Latest()),
		image.Lib(image.Latest()),
		imagedata.Lib(imagedata.Context{ContextInterface: context}, imagedata.Latest(), nil),
		user.Lib(user.Latest()),
		hash.Lib(hash.Latest()),
		math.Lib(math.Latest()),
		sdkjson.Lib(&sdkjson.JsonImpl{}, sdkjson.Latest()),
		yaml.Lib(&yaml.YamlImpl{}, yaml.Latest()),
		random.Lib(random.Latest()),
		x509.Lib(x509.Latest()),
		time.Lib(time.Latest()),
		transform.Lib(transform.Latest()),
		gzip.Lib(gzip.Latest()),
		http.Lib(http.Context{ContextInterface: compiler.NewLazyCELHTTPContext("")}, http.Latest()),
	}
}

var plainJSONEnv = sync.OnceValues(func() (*cel.Env, error) {
	env, _, err := jsonValidationEnv()
	return env, err
})

// jsonObject reads a payload as Kyverno's command line does (pkg/payload, files that end in .json).
func (in Input) jsonObject() (map[string]any, *refusal, error) {
	if _, isRequest, err := in.raw(); isRequest || err != nil {
		return nil, nil, fmt.Errorf("a JSON case has a payload, not an HTTP request")
	}
	if len(in.Payload) == 0 {
		return map[string]any{}, nil, nil
	}
	var payload any
	if err := json.Unmarshal(in.Payload, &payload); err != nil {
		return nil, &refusal{"badrequest", err.Error()}, nil
	}
	object, ok := payload.(map[string]any)
	if !ok {
		return nil, &refusal{"badrequest", "the payload is no object"}, nil
	}
	return object, nil, nil
}

// jsonActivation is what Policy.evaluateWithData makes of a payload when no exception matches.
func jsonActivation(object map[string]any, variables map[string]cel.Program) map[string]any {
	values := lazy.NewMapValue(compiler.VariablesType)
	data := map[string]any{
		compiler.NamespaceObjectKey: nil,
		compiler.ObjectKey:          object,
		compiler.OldObjectKey:       nil,
		compiler.RequestKey:         nil,
		compiler.ExceptionsKey:      libs.Exception{AllowedImages: []string{}, AllowedValues: []string{}},
		compiler.VariablesKey:       values,
	}
	for name, program := range variables {
		values.Append(name, func(*lazy.MapValue) ref.Val {
			out, _, err := program.ContextEval(context.Background(), data)
			if out != nil {
				return out
			}
			return types.WrapErr(err)
		})
	}
	return data
}

func prepareJSONExpression(c Case) (answerer, error) {
	env, variables, ast, program, failed, err := compileCase(c, plainJSONEnv, jsonValidationEnv)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return func(Input) (*object, any, error) { return nil, failed, nil }, nil
	}
	return func(in Input) (*object, any, error) {
		payload, refused, err := in.jsonObject()
		if err != nil {
			return nil, nil, err
		}
		if refused != nil {
			return nil, refused, nil
		}
		out, _, err := program.ContextEval(context.Background(), jsonActivation(payload, variables))
		answer, err := evaluated(env, ast, out, err)
		return nil, answer, err
	}, nil
}

// jsonAnswer is what Kyverno's engine says of a payload: one result for each policy, in order.
type jsonAnswer struct {
	Broken   []brokenPolicy `json:"broken,omitempty"`
	Policies []jsonResult   `json:"policies,omitempty"`
}

// jsonResult is the one rule response of a policy.
type jsonResult struct {
	Policy     string   `json:"policy"`
	Status     string   `json:"status"`
	Rule       string   `json:"rule,omitempty"`
	Message    string   `json:"message"`
	Index      string   `json:"index,omitempty"` // property cel.validationIndex
	Exceptions []string `json:"exceptions,omitempty"`
}

func prepareJSONPolicies(c Case) (answerer, error) {
	exceptions, err := readExceptions(c.Exceptions)
	if err != nil {
		return nil, err
	}
	var older []*v1beta1.PolicyException
	for _, exception := range exceptions {
		older = append(older, &v1beta1.PolicyException{TypeMeta: exception.TypeMeta, ObjectMeta: exception.ObjectMeta, Spec: exception.Spec})
	}
	var policies []v1beta1.ValidatingPolicyLike
	var broken []brokenPolicy
	for _, text := range c.Policies {
		loaded, failed, err := loadPolicies(text)
		if err != nil {
			return nil, err
		}
		broken = append(broken, failed...)
		for _, p := range loaded {
			// The command line gives payloads to policies of mode JSON alone.
			if p.Spec.EvaluationMode() == policieskyvernoio.EvaluationModeJSON {
				policies = append(policies, &v1beta1.ValidatingPolicy{TypeMeta: p.TypeMeta, ObjectMeta: p.ObjectMeta, Spec: p.Spec})
			}
		}
	}
	var provider vpolengine.ProviderFunc
	if broken == nil {
		provider, broken = jsonProvider(policies, older)
	}
	if broken != nil {
		return func(Input) (*object, any, error) { return nil, jsonAnswer{Broken: broken}, nil }, nil
	}
	handle := vpolengine.NewEngine(provider, nil, nil)
	return func(in Input) (*object, any, error) {
		payload, refused, err := in.jsonObject()
		if err != nil {
			return nil, nil, err
		}
		if refused != nil {
			return nil, refused, nil
		}
		request := celengine.RequestFromJSON(libs.GetLibsCtx(), &unstructured.Unstructured{Object: payload})
		response, err := handle.Handle(context.Background(), request, nil)
		if err != nil {
			return nil, nil, err
		}
		answer := jsonAnswer{Policies: []jsonResult{}}
		for _, policy := range response.Policies {
			for _, rule := range policy.Rules {
				result := jsonResult{
					Policy:  policy.Policy.GetName(),
					Status:  string(rule.Status()),
					Rule:    rule.Name(),
					Message: rule.Message(),
					Index:   rule.Properties()["cel.validationIndex"],
				}
				for _, exception := range rule.Exceptions() {
					result.Exceptions = append(result.Exceptions, exception.GetName())
				}
				answer.Policies = append(answer.Policies, result)
			}
		}
		return nil, answer, nil
	}, nil
}

// jsonProvider has a stage of its own for what makes Kyverno's compiler panic (see compileExpression).
func jsonProvider(policies []v1beta1.ValidatingPolicyLike, exceptions []*v1beta1.PolicyException) (provider vpolengine.ProviderFunc, broken []brokenPolicy) {
	defer func() {
		if crash := recover(); crash != nil {
			broken = []brokenPolicy{{"", "panic", fmt.Sprint(crash)}}
		}
	}()
	for _, policy := range policies {
		one := []v1beta1.ValidatingPolicyLike{policy}
		if _, err := vpolengine.NewProvider(vpolcompiler.NewCompiler(), one, exceptions); err != nil {
			broken = append(broken, brokenPolicy{policy.GetName(), "compile", err.Error()})
		}
	}
	if broken != nil {
		return nil, broken
	}
	provider, err := vpolengine.NewProvider(vpolcompiler.NewCompiler(), policies, exceptions)
	if err != nil {
		return nil, []brokenPolicy{{"", "compile", err.Error()}}
	}
	return provider, nil
}
