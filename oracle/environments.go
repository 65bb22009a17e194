package main

import (
	"io"
	"sort"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/decls"
	"github.com/google/cel-go/common/types"
)

// declared is one overload of an environment: a line of testdata/kyverno/environments/overloads.jsonl.
type declared struct {
	Mode      string `json:"mode"`
	Function  string `json:"function"`
	Overload  string `json:"overload"`
	Signature string `json:"signature"`
}

// environments prints every overload that the environments of HTTP, Envoy and JSON policies declare.
func environments(out io.Writer) error {
	for _, mode := range []struct {
		name string
		env  func() (*cel.Env, error)
	}{
		{"HTTP", httpEnv},
		{"Envoy", envoyEnv},
		{"JSON", plainJSONEnv},
	} {
		env, err := mode.env()
		if err != nil {
			return err
		}
		var rows []declared
		for name, function := range env.Functions() {
			for _, overload := range function.OverloadDecls() {
				rows = append(rows, declared{mode.name, name, overload.ID(), signature(name, overload)})
			}
		}
		sort.Slice(rows, func(i, j int) bool {
			if rows[i].Function != rows[j].Function {
				return rows[i].Function < rows[j].Function
			}
			return rows[i].Overload < rows[j].Overload
		})
		for _, row := range rows {
			if err := encode(out, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// signature writes an overload as Toolgate's tables do.
func signature(name string, overload *decls.OverloadDecl) string {
	arguments := overload.ArgTypes()
	text := name
	if overload.IsMemberFunction() && len(arguments) > 0 {
		text = cel.FormatCELType(arguments[0]) + "." + name
		arguments = arguments[1:]
	}
	return text + "(" + strings.Join(formatted(arguments), ", ") + ") -> " + cel.FormatCELType(overload.ResultType())
}

func formatted(list []*types.Type) []string {
	texts := make([]string, 0, len(list))
	for _, t := range list {
		texts = append(texts, cel.FormatCELType(t))
	}
	return texts
}
