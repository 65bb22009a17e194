package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	_ "github.com/kyverno/kyverno/pkg/version" // links Kyverno itself, whose go.mod chose all other versions
)

// pins are the modules whose behaviour a golden depends on, at the versions that Kyverno 1.19.1 selects.
var pins = []struct{ name, module, version string }{
	{"kyverno", "github.com/kyverno/kyverno", "v1.19.1"},
	{"kyverno-authz", "github.com/kyverno/kyverno-authz", "v0.4.1-0.20260701230957-9101a3ffd44f"},
	{"kyverno-sdk", "github.com/kyverno/sdk", "v0.0.0-20260825082632-68d74afcb07a"},
	{"kyverno-api", "github.com/kyverno/api", "v0.0.1-alpha.3.0.20260723090831-fb2785727f98"},
	{"cel-go", "github.com/google/cel-go", "v0.30.0"},
	{"apiserver", "k8s.io/apiserver", "v0.36.3"},
	{"mcp-go", "github.com/mark3labs/mcp-go", "v0.49.0"},
	{"jwx", "github.com/lestrrat-go/jwx/v3", "v3.1.1"},
}

const goVersion = "go1.26.8"

// header is the first line of every case file: who answered.
type header struct {
	Kyverno   string `json:"kyverno"`
	Authz     string `json:"kyverno-authz"`
	SDK       string `json:"kyverno-sdk"`
	API       string `json:"kyverno-api"`
	CELGo     string `json:"cel-go"`
	APIServer string `json:"apiserver"`
	MCPGo     string `json:"mcp-go"`
	JWX       string `json:"jwx"`
	Go        string `json:"go"`
}

func versions() header {
	v := linked()
	return header{
		v["kyverno"], v["kyverno-authz"], v["kyverno-sdk"], v["kyverno-api"], v["cel-go"],
		v["apiserver"], v["mcp-go"], v["jwx"], runtime.Version(),
	}
}

// linked reads the versions out of this very binary, so that a header cannot claim what did not run.
func linked() map[string]string {
	found := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return found
	}
	for _, dep := range info.Deps {
		for _, pin := range pins {
			if dep.Path == pin.module {
				found[pin.name] = dep.Version
			}
		}
	}
	return found
}

func checkVersions() error {
	found := linked()
	for _, pin := range pins {
		if found[pin.name] != pin.version {
			return fmt.Errorf("linked with %s %q, want %s", pin.module, found[pin.name], pin.version)
		}
	}
	// The texts of net/http, encoding/json, regexp and time come from the standard library.
	if runtime.Version() != goVersion {
		return fmt.Errorf("built with %s, want %s", runtime.Version(), goVersion)
	}
	return nil
}
