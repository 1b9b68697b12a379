// npm install jose
import { createRemoteJWKSet, jwtVerify } from 'jose'

const keys = createRemoteJWKSet(new URL(`${ISSUER}/oauth/jwks`))

export async function verify(token) {
  const { payload } = await jwtVerify(token, keys, {
    typ: 'at+jwt', algorithms: ['ES256'], issuer: ISSUER, audience: AUDIENCE,
    requiredClaims: ['exp', 'iat', 'sub', 'act', 'scope'],
  })
  if (payload.cnf) throw new Error('no bearer token: it is bound to a key')
  return payload
}
