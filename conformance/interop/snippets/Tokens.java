// com.nimbusds:nimbus-jose-jwt
import com.nimbusds.jose.*;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.*;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.*;
import java.net.URL;
import java.util.Collections;
import java.util.Set;

class Tokens {
  private final DefaultJWTProcessor<SecurityContext> processor = new DefaultJWTProcessor<>();

  Tokens(String issuer, String audience) throws Exception {
    var keys = JWKSourceBuilder.create(new URL(issuer + "/oauth/jwks")).build(); // it caches
    processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.ES256, keys));
    processor.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(
        Collections.singleton(audience), new JWTClaimsSet.Builder().issuer(issuer).build(),
        Set.of("exp", "iat", "sub", "act", "scope"), Set.of("cnf"))); // bound to a key: no bearer token
  }

  JWTClaimsSet verify(String token) throws Exception {
    return processor.process(token, null);
  }
}
