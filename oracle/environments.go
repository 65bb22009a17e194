package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/decls"
	"github.com/google/cel-go/common/types"
)

// environmentModes are the environments of the validations of each mode.
var environmentModes = []struct {
	name string
	env  func() (*cel.Env, error)
}{
	{"HTTP", plainEnv},
	{"Envoy", plainEnvoyEnv},
	{"JSON", plainJSONEnv},
}

// environments writes what the environments of HTTP, Envoy and JSON policies declare into the files of a directory.
func environments(directory string) error {
	for file, write := range map[string]func(string, *cel.Env, io.Writer) error{
		"overloads.jsonl": overloads,
		"variables.jsonl": variables,
		"types.jsonl":     typesOf,
	} {
		out, err := os.Create(filepath.Join(directory, file))
		if err != nil {
			return err
		}
		defer out.Close()
		for _, mode := range environmentModes {
			env, err := mode.env()
			if err != nil {
				return err
			}
			if err := write(mode.name, env, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// declared is one overload of an environment: a line of testdata/kyverno/environments/overloads.jsonl.
type declared struct {
	Mode      string `json:"mode"`
	Function  string `json:"function"`
	Overload  string `json:"overload"`
	Signature string `json:"signature"`
}

func overloads(mode string, env *cel.Env, out io.Writer) error {
	var rows []declared
	for name, function := range env.Functions() {
		for _, overload := range function.OverloadDecls() {
			rows = append(rows, declared{mode, name, overload.ID(), signature(name, overload)})
		}
	}
	sort.Slice(rows, func(i, j int) bool {
		if rows[i].Function != rows[j].Function {
			return rows[i].Function < rows[j].Function
		}
		return rows[i].Overload < rows[j].Overload
	})
	return encodeAll(out, rows)
}

// declaredVariable is a name that stands for a value: a line of variables.jsonl.
type declaredVariable struct {
	Mode     string `json:"mode"`
	Variable string `json:"variable"`
	Type     string `json:"type"`
}

// variables are the names of values, those of enums among them.
func variables(mode string, env *cel.Env, out io.Writer) error {
	names := map[string]bool{}
	for _, variable := range env.Variables() {
		names[variable.Name()] = true
	}
	found := newProviderNames(env)
	for name := range found.enums {
		names[name] = true
	}
	var rows []declaredVariable
	for _, name := range sorted(names) {
		// What is declared twice has the type that an expression finds.
		if t := typeOfText(env, name); t != nil && t.Kind() != types.TypeKind {
			rows = append(rows, declaredVariable{mode, name, cel.FormatCELType(t)})
		}
	}
	return encodeAll(out, rows)
}

// declaredType is a type: a line of types.jsonl. Name is the type of its name as an expression and Literal that of `Name{}`, if
// these can be evaluated; Fields are what an access finds.
type declaredType struct {
	Mode    string            `json:"mode"`
	Type    string            `json:"type"`
	Name    string            `json:"name,omitempty"`
	Literal string            `json:"literal,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"`
}

func typesOf(mode string, env *cel.Env, out io.Writer) error {
	names := newProviderNames(env).types
	for _, variable := range env.Variables() {
		if variable.Type().Kind() == types.TypeKind {
			names[variable.Name()] = true
		}
	}
	provider := env.CELTypeProvider()
	var rows []declaredType
	for _, name := range sorted(names) {
		row := declaredType{Mode: mode, Type: name}
		if t := typeOfText(env, name); t != nil {
			row.Name = cel.FormatCELType(t)
		}
		if t := typeOfText(env, name+"{}"); t != nil {
			row.Literal = cel.FormatCELType(t)
		}
		fields, _ := provider.FindStructFieldNames(name)
		for _, field := range fields {
			if found, ok := provider.FindStructFieldType(name, field); ok {
				if row.Fields == nil {
					row.Fields = map[string]string{}
				}
				row.Fields[field] = cel.FormatCELType(found.Type)
			}
		}
		rows = append(rows, row)
	}
	return encodeAll(out, rows)
}

// typeOfText is the static type of an expression, if it checks and a program can be made of it.
func typeOfText(env *cel.Env, text string) (t *cel.Type) {
	defer func() {
		if recover() != nil {
			t = nil
		}
	}()
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil
	}
	if _, err := env.Program(ast); err != nil {
		return nil
	}
	return ast.OutputType()
}

func sorted(names map[string]bool) []string {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}

func encodeAll[T any](out io.Writer, rows []T) error {
	if len(rows) == 0 {
		return fmt.Errorf("an environment declares nothing")
	}
	for _, row := range rows {
		if err := encode(out, row); err != nil {
			return err
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
