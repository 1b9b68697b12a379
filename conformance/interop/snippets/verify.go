// go get github.com/coreos/go-oidc/v3 github.com/go-jose/go-jose/v4
package main

import (
	"context"
	"errors"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

func verify(ctx context.Context, issuer, audience, token string) (map[string]any, error) {
	parsed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || parsed.Signatures[0].Header.ExtraHeaders["typ"] != "at+jwt" {
		return nil, errors.New("not an access token")
	}
	keys := oidc.NewRemoteKeySet(ctx, issuer+"/oauth/jwks") // make it once: it caches
	config := &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{"ES256"}}
	verified, err := oidc.NewVerifier(issuer, keys, config).Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		return nil, err
	}
	if claims["cnf"] != nil {
		return nil, errors.New("no bearer token: it is bound to a key")
	}
	return claims, nil
}
