package main

import "github.com/lestrrat-go/jwx/v3/jwk"

// restoreKeyLimits sets jwx's own limits for RSA keys again (jwk/rsa.go: minRSAModulusBits, minRSAPublicExponent).
//
// Kyverno's core, which this program links and kyverno-authz does not, links OPA, and an init function of OPA
// (v1/topdown/tokens.go) takes both limits away from the whole process. What is recorded here is what the authz server
// answers, where they hold: without this, keys that it refuses, one of 1,024 bits for example, would verify tokens.
func restoreKeyLimits() {
	jwk.Configure(jwk.WithMinRSAModulusBits(2048), jwk.WithMinRSAPublicExponent(3))
}
