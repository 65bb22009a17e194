package main

import (
	"encoding/json"

	"github.com/google/cel-go/cel"
	"github.com/kyverno/kyverno-authz/apis"
	authzcel "github.com/kyverno/kyverno-authz/pkg/cel"
	httpcel "github.com/kyverno/kyverno-authz/pkg/cel/libs/authz/http"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/fake"
)

// clusterEnv is validationEnv in a cluster that holds the objects.
func clusterEnv(objects []json.RawMessage) (*cel.Env, func(name string, t *cel.Type), error) {
	known := make([]runtime.Object, 0, len(objects))
	for _, text := range objects {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			return nil, nil, err
		}
		known = append(known, object)
	}
	client := fake.NewSimpleDynamicClient(runtime.NewScheme(), known...)
	return extendedEnv(func() (*cel.Env, error) {
		return authzcel.NewEnv(apis.EvaluationModeHTTP, client)
	}, httpcel.RequestType)
}
