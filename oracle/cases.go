package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Case is one line of a case file: what is asked, then what Kyverno answered.
type Case struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	Expr     string     `json:"expr,omitempty"`
	Mode     string     `json:"mode,omitempty"` // evaluation mode of the expression or of the policies; HTTP if absent
	Vars     []Variable `json:"vars,omitempty"`
	Policies []string   `json:"policies,omitempty"`
	// Exceptions are PolicyException documents; those that name a policy and its mode are compiled with it.
	Exceptions []string          `json:"exceptions,omitempty"`
	Files      map[string]string `json:"files,omitempty"`
	Answers    map[string]Reply  `json:"answers,omitempty"`
	// Objects are what the cluster of an HTTP expression holds; without any there is no cluster.
	Objects []json.RawMessage `json:"objects,omitempty"`
	Input
	Requests []Input `json:"requests,omitempty"` // oracle serve only
	Object   *object `json:"object,omitempty"`
	Answer   any     `json:"answer,omitempty"`
}

// Variable is a typed variable of an expression case, seen as variables.<name> by what follows it.
type Variable struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

// answerer asks one prepared question (a compiled expression or policy list) about one input.
// A nil object means that there was none, because Kyverno refused to read the input.
type answerer func(Input) (*object, any, error)

// prepare compiles what the case asks. With throughServer, raw requests of policy cases also go through
// Kyverno's HTTP handler; its metrics grow with every new path, so a long run does without.
func prepare(c Case, throughServer bool) (answerer, error) {
	if err := serveAnswers(c); err != nil {
		return nil, err
	}
	switch {
	case c.Mode != "" && c.Mode != "HTTP" && c.Mode != "Envoy" && c.Mode != "JSON":
		return nil, fmt.Errorf("unknown mode %q", c.Mode)
	case c.Mode == "Envoy" && c.Kind == "expression":
		return prepareEnvoyExpression(c)
	case c.Mode == "Envoy" && c.Kind == "policy":
		return prepareEnvoyPolicies(c)
	case c.Mode == "JSON" && c.Kind == "expression":
		return prepareJSONExpression(c)
	case c.Mode == "JSON" && c.Kind == "policy":
		return prepareJSONPolicies(c)
	}
	switch c.Kind {
	case "expression":
		return prepareExpression(c)
	case "policy":
		return preparePolicies(c, throughServer)
	case "loader":
		return func(Input) (*object, any, error) {
			answer, err := loadFiles(c.Files)
			return nil, answer, err
		}, nil
	default:
		return nil, fmt.Errorf("unknown kind %q", c.Kind)
	}
}

// record rewrites the files with Kyverno's answers. Every case is asked several times; one whose answer
// changes (Go's map order) is refused, because it cannot be a golden.
func record(paths []string) error {
	seen := map[string]string{}
	var failed []error
	for _, path := range paths {
		cases, err := readCases(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, c := range cases {
			if other, ok := seen[c.ID]; ok {
				return fmt.Errorf("%s: id %q is also in %s", path, c.ID, other)
			}
			seen[c.ID] = path
		}
		if err := answerAll(cases); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", path, err))
			continue
		}
		if err := writeCases(path, cases); err != nil {
			return err
		}
		fmt.Printf("%s: %d cases\n", filepath.Base(path), len(cases))
	}
	return errors.Join(failed...)
}

func answerAll(cases []Case) error {
	errs := make([]error, len(cases))
	var group sync.WaitGroup
	limit := make(chan struct{}, runtime.NumCPU())
	for i := range cases {
		limit <- struct{}{}
		group.Go(func() {
			defer func() { <-limit }()
			if err := answerCase(&cases[i]); err != nil {
				errs[i] = fmt.Errorf("case %s: %w", cases[i].ID, err)
			}
		})
	}
	group.Wait()
	failed := 0
	for _, err := range errs {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d cases cannot be recorded", failed)
	}
	return nil
}

func answerCase(c *Case) error {
	var first []byte
	for compile := range 2 {
		ask, err := prepare(*c, true)
		if err != nil {
			return err
		}
		for evaluate := range 3 {
			object, answer, err := ask(c.Input)
			if err != nil {
				return err
			}
			var text bytes.Buffer
			if err := encode(&text, answer); err != nil {
				return err
			}
			if compile == 0 && evaluate == 0 {
				c.Object, c.Answer, first = object, answer, text.Bytes()
			} else if !bytes.Equal(first, text.Bytes()) {
				return fmt.Errorf("the answer is not stable: %s, then %s", first, text.Bytes())
			}
		}
	}
	return nil
}

func readCases(path string) ([]Case, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var cases []Case
	lines := lineScanner(file)
	for number := 1; lines.Scan(); number++ {
		if bytes.HasPrefix(lines.Bytes(), []byte(`{"header":`)) {
			continue
		}
		c, err := readCase(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		cases = append(cases, c)
	}
	return cases, lines.Err()
}

func readCase(line []byte) (Case, error) {
	var c Case
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	// The recorded part is output only: it may be of an older format, so it is not read.
	var recorded struct {
		Case
		Object json.RawMessage `json:"object"`
		Answer json.RawMessage `json:"answer"`
	}
	if err := decoder.Decode(&recorded); err != nil {
		return c, err
	}
	c = recorded.Case
	c.Object, c.Answer = nil, nil
	return c, nil
}

// writeCases replaces the file in one step: a reader never sees half of it.
func writeCases(path string, cases []Case) error {
	var text bytes.Buffer
	if err := encode(&text, map[string]header{"header": versions()}); err != nil {
		return err
	}
	for _, c := range cases {
		if err := encode(&text, c); err != nil {
			return err
		}
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, text.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// encode writes one line of JSON, readable: Go's default would write < > & as escapes.
func encode(w io.Writer, value any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	// Go's protobuf library picks the space in its errors by a hash of the program, so that nobody relies on it.
	_, err := w.Write(bytes.ReplaceAll(text.Bytes(), []byte("proto:\u00a0"), []byte("proto: ")))
	return err
}

func lineScanner(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<20), 1<<28)
	return lines
}
