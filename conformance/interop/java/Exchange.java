import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.*;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.oauth2.sdk.*;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.*;
import com.nimbusds.oauth2.sdk.dpop.*;
import com.nimbusds.oauth2.sdk.dpop.verifiers.*;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.id.*;
import com.nimbusds.oauth2.sdk.token.*;
import com.nimbusds.oauth2.sdk.tokenexchange.TokenExchangeGrant;
import com.nimbusds.oauth2.sdk.util.JSONObjectUtils;
import com.nimbusds.openid.connect.sdk.Nonce;
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;
import java.util.*;
import net.minidev.json.JSONObject;

/**
 * The exchange driven by Nimbus: its parsers are strict about metadata and answers. Then a token that is
 * bound to a key, checked by Nimbus as the resource would. Usage: Exchange DESCRIPTION
 */
class Exchange {
  static final URI DOCUMENTS = URI.create("https://documents.demo.example");
  final JSONObject scene;
  final AuthorizationServerMetadata server;

  Exchange(String description) throws Exception {
    scene = JSONObjectUtils.parse(Files.readString(Path.of(description)));
    server = discovered(issuer(scene));
    expect("Nimbus finds the exchange there", server.getGrantTypes().contains(GrantType.TOKEN_EXCHANGE));
  }

  public static void main(String[] arguments) throws Exception {
    var exchange = new Exchange(arguments[0]);
    exchange.bearer();
    exchange.signed();
    exchange.bound();
    exchange.withNonce();
  }

  void bearer() throws Exception {
    var token = granted(request(server, secret(scene, "orchestrator"), "orchestrator", null));
    expect("Nimbus exchanges for " + token.getType(), token instanceof BearerAccessToken);
    var claims = new Tokens(server.getIssuer().getValue(), DOCUMENTS.toString()).verify(token.getValue());
    expect("Nimbus verifies it: " + claims.getSubject(), claims.getSubject().equals("alice"));
    var refused = TokenResponse.parse(
        request(server, new ClientSecretBasic(new ClientID("orchestrator"), new Secret("wrong")), "orchestrator", null)
            .send());
    var code = refused.toErrorResponse().getErrorObject().getCode();
    expect("Nimbus understands the refusal: " + code, code.equals("invalid_client"));
  }

  void signed() throws Exception {
    for (var kid : List.of("es", "rs", "ps")) {
      var token = granted(request(server, signing("signer", kid), "signer", null));
      expect("Nimbus signs who it is (" + kid + ")", token instanceof BearerAccessToken);
    }
  }

  void bound() throws Exception {
    var key = new ECKeyGenerator(Curve.P_256).generate();
    var proofs = new DefaultDPoPProofFactory(key, JWSAlgorithm.ES256);
    var proof = proofs.createDPoPJWT("POST", server.getTokenEndpointURI());
    var token = granted(request(server, signing("fapi", "es"), "fapi", proof));
    expect("Nimbus exchanges for a token of its key", token instanceof DPoPAccessToken);
    var claims = SignedJWT.parse(token.getValue()).getJWTClaimsSet();
    var verifier = new DPoPProtectedResourceRequestVerifier(
        Set.of(JWSAlgorithm.ES256), 60, new DefaultDPoPSingleUseChecker(60, 60));
    var atResource = proofs.createDPoPJWT("GET", DOCUMENTS, token);
    verifier.verify("GET", DOCUMENTS, new DPoPIssuer("fapi"), atResource,
        (DPoPAccessToken) token, JWKThumbprintConfirmation.parse(claims));
    expect("Nimbus checks its binding", true);
    var api = URI.create(JSONObjectUtils.getString(scene, "api"));
    var call = new HTTPRequest(HTTPRequest.Method.GET, api);
    call.setAuthorization(token.toAuthorizationHeader());
    call.setDPoP(proofs.createDPoPJWT("GET", api, token));
    var served = call.send().getStatusCode();
    expect("the API serves it with a proof: " + served, served == 200);
  }

  /** RFC 9449 §8: the other organization wants its nonce in every proof. */
  void withNonce() throws Exception {
    var scene = JSONObjectUtils.getJSONObject(this.scene, "other_org");
    var server = discovered(issuer(scene));
    var proofs = new DefaultDPoPProofFactory(new ECKeyGenerator(Curve.P_256).generate(), JWSAlgorithm.ES256);
    var first = proofs.createDPoPJWT("POST", server.getTokenEndpointURI());
    var asked = request(server, secret(scene, "orchestrator"), "orchestrator", first).send();
    var code = TokenResponse.parse(asked).toErrorResponse().getErrorObject().getCode();
    Nonce nonce = asked.getDPoPNonce();
    expect("Nimbus is asked for a nonce: " + code, code.equals("use_dpop_nonce") && nonce != null);
    var second = proofs.createDPoPJWT("POST", server.getTokenEndpointURI(), nonce);
    var token = granted(request(server, secret(scene, "orchestrator"), "orchestrator", second));
    expect("Nimbus has its token with it", token instanceof DPoPAccessToken);
  }

  /** A token for the documents out of what `clientId` got when alice signed in. */
  HTTPRequest request(AuthorizationServerMetadata server, ClientAuthentication client, String clientId, SignedJWT proof)
      throws Exception {
    var subject = new TypelessAccessToken(signedIn(clientId));
    var grant = new TokenExchangeGrant(subject, TokenTypeURI.ACCESS_TOKEN);
    var request = new TokenRequest.Builder(server.getTokenEndpointURI(), client, grant)
        .scope(new Scope("documents:read")).resource(DOCUMENTS).build().toHTTPRequest();
    if (proof != null) request.setDPoP(proof);
    return request;
  }

  static AccessToken granted(HTTPRequest request) throws Exception {
    var response = TokenResponse.parse(request.send());
    if (!response.indicatesSuccess()) {
      expect("a token: " + response.toErrorResponse().toJSONObject(), false);
    }
    var token = response.toSuccessResponse().getTokens().getAccessToken();
    var issued = token.getIssuedTokenType();
    if (!TokenTypeURI.ACCESS_TOKEN.equals(issued)) expect("an access token is issued: " + issued, false);
    return token;
  }

  String signedIn(String clientId) throws Exception {
    var order = new JSONObject(Map.of("kind", "access_token", "sub", "alice", "client_id", clientId,
        "audience", List.of(clientId), "scope", "documents:read documents:write", "lifetime", 600));
    var control = JSONObjectUtils.getString(JSONObjectUtils.getJSONObject(scene, "idp"), "control");
    var request = java.net.http.HttpRequest.newBuilder(URI.create(control + "/tokens"))
        .header("Content-Type", "application/json")
        .POST(java.net.http.HttpRequest.BodyPublishers.ofString(order.toString())).build();
    var reply = HttpClient.newHttpClient().send(request, java.net.http.HttpResponse.BodyHandlers.ofString());
    return JSONObjectUtils.getString(JSONObjectUtils.parse(reply.body()), "token");
  }

  ClientAuthentication signing(String clientId, String kid) throws Exception {
    var keys = JSONObjectUtils.getJSONObject(scene, "keys").get(clientId);
    var set = JWKSet.parse(new JSONObject(Map.of("keys", keys)).toString());
    var key = set.getKeyByKeyId(kid);
    var secret = ((AsymmetricJWK) key).toPrivateKey();
    var algorithm = JWSAlgorithm.parse(key.getAlgorithm().getName());
    // rfc7523bis: the issuer is the audience.
    return new PrivateKeyJWT(new ClientID(clientId), URI.create(server.getIssuer().getValue()), algorithm, secret, kid, null);
  }

  static ClientAuthentication secret(JSONObject scene, String clientId) throws Exception {
    for (var agent : JSONObjectUtils.getJSONArray(scene, "agents")) {
      var one = (JSONObject) agent;
      if (one.get("client_id").equals(clientId)) {
        return new ClientSecretBasic(new ClientID(clientId), new Secret(JSONObjectUtils.getString(one, "client_secret")));
      }
    }
    throw new IllegalStateException("no agent " + clientId);
  }

  /** RFC 8414 §3.1: between host and path. Nimbus would look behind the path; what it reads it judges. */
  static AuthorizationServerMetadata discovered(String issuer) throws Exception {
    var found = URI.create(issuer).resolve("/.well-known/oauth-authorization-server" + URI.create(issuer).getPath());
    var reply = new HTTPRequest(HTTPRequest.Method.GET, found).send();
    var metadata = AuthorizationServerMetadata.parse(reply.getBody());
    expect("Nimbus reads the metadata of " + issuer, metadata.getIssuer().getValue().equals(issuer));
    return metadata;
  }

  static String issuer(JSONObject scene) throws Exception {
    return JSONObjectUtils.getString(scene, "issuer");
  }

  /** One line per proof; the first that fails ends the run. */
  static void expect(String said, boolean truth) {
    System.out.println((truth ? "ok: " : "not so: ") + said);
    if (!truth) System.exit(1);
  }
}
