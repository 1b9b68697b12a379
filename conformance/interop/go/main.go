// The exchange driven by zitadel's client, and by golang.org/x/oauth2 as a federated workload uses it;
// then the token verified by zitadel through the JWKS. Usage: exchange DESCRIPTION
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/tokenexchange"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/oauth2/google/externalaccount"
)

const documents = "https://documents.demo.example"

type scene struct {
	Issuer        string
	TokenEndpoint string `json:"token_endpoint"`
	JwksURI       string `json:"jwks_uri"`
	Agents        []struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	Idp struct{ Control string }
}

func main() {
	ctx := context.Background()
	text, err := os.ReadFile(os.Args[1])
	fails("there is a description", err)
	var scene scene
	fails("it is JSON", json.Unmarshal(text, &scene))
	token := scene.byZitadel(ctx)
	scene.verified(ctx, token)
	scene.verified(ctx, scene.byFederation(ctx))
}

func (scene *scene) byZitadel(ctx context.Context) string {
	exchanger, err := tokenexchange.NewTokenExchangerClientCredentials(
		ctx, scene.Issuer, "orchestrator", scene.secret("orchestrator"))
	fails("zitadel discovers the server", err)
	exchange := func(scope string) (*oidc.TokenExchangeResponse, error) {
		return tokenexchange.ExchangeToken(ctx, exchanger, scene.signedIn(), oidc.AccessTokenType, "", "",
			[]string{documents}, nil, []string{scope}, oidc.AccessTokenType)
	}
	granted, err := exchange("documents:read")
	fails("zitadel exchanges", err)
	expect("zitadel exchanges, and is told what it got", granted.TokenType == "Bearer" && granted.ExpiresIn > 0 &&
		granted.IssuedTokenType == oidc.AccessTokenType && slices.Equal(granted.Scopes, []string{"documents:read"}))
	_, err = exchange("documents:admin")
	var refusal *oidc.Error
	expect(fmt.Sprintf("zitadel understands the refusal: %v", err),
		errors.As(err, &refusal) && refusal.ErrorType == "invalid_scope")
	return granted.AccessToken
}

// SubjectToken is what a workload would read from its platform.
func (scene *scene) SubjectToken(context.Context, externalaccount.SupplierOptions) (string, error) {
	return scene.signedIn(), nil
}

func (scene *scene) byFederation(ctx context.Context) string {
	source, err := externalaccount.NewTokenSource(ctx, externalaccount.Config{
		Audience:             documents,
		SubjectTokenType:     string(oidc.AccessTokenType),
		TokenURL:             scene.TokenEndpoint,
		ClientID:             "orchestrator",
		ClientSecret:         scene.secret("orchestrator"),
		Scopes:               []string{"documents:read"},
		SubjectTokenSupplier: scene,
	})
	fails("golang.org/x/oauth2 takes the settings", err)
	token, err := source.Token()
	fails("golang.org/x/oauth2 exchanges", err)
	expect("golang.org/x/oauth2 exchanges, and knows when it expires", token.Valid() && !token.Expiry.IsZero())
	return token.AccessToken
}

func (scene *scene) verified(ctx context.Context, token string) {
	keys := rp.NewRemoteKeySet(http.DefaultClient, scene.JwksURI)
	verifier := op.NewAccessTokenVerifier(scene.Issuer, keys, op.WithSupportedAccessTokenSigningAlgorithms("ES256"))
	claims, err := op.VerifyAccessToken[*oidc.AccessTokenClaims](ctx, token, verifier)
	fails("zitadel verifies it", err)
	expect("zitadel verifies it: "+claims.Actor.Subject+" for "+claims.Subject,
		claims.Subject == "alice" && claims.Actor.Subject == "agent:orchestrator" &&
			slices.Equal(claims.Audience, oidc.Audience{documents}))
	_, err = op.VerifyAccessToken[*oidc.AccessTokenClaims](ctx, token[:len(token)-8]+"AAAAAAAA", verifier)
	expect("zitadel refuses a changed one", err != nil)
}

func (scene *scene) secret(clientID string) string {
	for _, agent := range scene.Agents {
		if agent.ClientID == clientID {
			return agent.ClientSecret
		}
	}
	return ""
}

// What the orchestrator got at the IdP when alice signed in.
func (scene *scene) signedIn() string {
	order, err := json.Marshal(map[string]any{
		"kind": "access_token", "sub": "alice", "client_id": "orchestrator", "audience": []string{"orchestrator"},
		"scope": "documents:read documents:write", "lifetime": 600,
	})
	fails("the order is JSON", err)
	reply, err := http.Post(scene.Idp.Control+"/tokens", "application/json", bytes.NewReader(order))
	fails("alice signs in", err)
	defer reply.Body.Close()
	var minted struct{ Token string }
	fails("there is a token", json.NewDecoder(reply.Body).Decode(&minted))
	return minted.Token
}

// One line per proof; the first that fails ends the run.
func expect(said string, truth bool) {
	if !truth {
		fmt.Fprintln(os.Stderr, "not so:", said)
		os.Exit(1)
	}
	fmt.Println("ok:", said)
}

// The same for what goes without saying.
func fails(said string, err error) {
	if err != nil {
		expect(fmt.Sprintf("%s: %v", said, err), false)
	}
}
