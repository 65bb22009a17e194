package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	httpcel "github.com/kyverno/kyverno-authz/pkg/cel/libs/authz/http"
)

// Input is what a case is decided about: a raw HTTP/1.x request, or a payload file of Kyverno's command
// line, or nothing, which is the payload {}.
type Input struct {
	Request       *string         `json:"request,omitempty"`
	RequestBase64 string          `json:"requestBase64,omitempty"` // for requests that are not UTF-8
	Payload       json.RawMessage `json:"payload,omitempty"`
}

// raw gives the bytes of the request; false if the input is a payload.
func (in Input) raw() ([]byte, bool, error) {
	if in.RequestBase64 != "" {
		bytes, err := base64.StdEncoding.DecodeString(in.RequestBase64)
		return bytes, true, err
	}
	if in.Request != nil {
		return []byte(*in.Request), true, nil
	}
	return nil, false, nil
}

// refusal is the answer to an input that Kyverno cannot read.
type refusal struct {
	Decision string `json:"decision"`
	Error    string `json:"error"`
}

// checkRequest builds what policies see, by the two ways Kyverno has. The middle result is the text of
// its refusal.
func (in Input) checkRequest() (*httpcel.CheckRequest, *refusal, error) {
	raw, isRequest, err := in.raw()
	if err != nil {
		return nil, nil, err
	}
	if !isRequest {
		request := &httpcel.CheckRequest{}
		if len(in.Payload) > 0 {
			if err := json.Unmarshal(in.Payload, request); err != nil {
				return nil, &refusal{"badrequest", err.Error()}, nil
			}
		}
		return request, nil, nil
	}
	// As authorizer.ServeHTTP with --nested-request does; askServer holds it against the real one.
	outer, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, &refusal{"badrequest", err.Error()}, nil
	}
	request, err := httpcel.NewRequest(outer)
	if err != nil {
		return nil, &refusal{"badrequest", err.Error()}, nil
	}
	return &request, nil, nil
}

// object is the recorded CheckRequest: a test that has no HTTP parser of Go's starts from it. Members
// that are nil in Go (only in payloads) are absent.
type object struct {
	Attributes attributes `json:"attributes"`
	MCP        *mcpData   `json:"mcp,omitempty"`
}

type attributes struct {
	Method        string              `json:"method"`
	Header        map[string][]string `json:"header,omitzero"`
	Host          string              `json:"host"`
	Protocol      string              `json:"protocol"`
	ContentLength int64               `json:"contentLength"`
	Body          []byte              `json:"body,omitzero"`
	Scheme        string              `json:"scheme"`
	Path          string              `json:"path"`
	Query         map[string][]string `json:"query,omitzero"`
	Fragment      string              `json:"fragment"`
}

type mcpData struct {
	Request any `json:"request"`
}

func recordObject(request *httpcel.CheckRequest) (*object, error) {
	a := request.Attributes
	recorded := &object{Attributes: attributes(a)}
	texts := []string{a.Method, a.Host, a.Protocol, a.Scheme, a.Path, a.Fragment}
	for _, multi := range []map[string][]string{a.Header, a.Query} {
		for name, values := range multi {
			texts = append(append(texts, name), values...)
		}
	}
	if !utf8.ValidString(strings.Join(texts, "")) {
		return nil, fmt.Errorf("the request has text that is not UTF-8: JSON cannot record it")
	}
	if request.Mcp.Request != nil {
		env, err := httpEnv()
		if err != nil {
			return nil, err
		}
		value, err := canonical(env.CELTypeAdapter(), env.CELTypeAdapter().NativeToValue(request.Mcp.Request))
		if err != nil {
			return nil, err
		}
		recorded.MCP = &mcpData{value}
	}
	return recorded, nil
}
