// The last token of the chain, verified by jose through the JWKS, and by oauth4webapi's resource server.
// Usage: node verify.mjs CHAIN, as written by chain.py.

import { readFile } from 'node:fs/promises';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';

import { actors, expect, refuses } from './proof.mjs';

const chain = JSON.parse(await readFile(process.argv[2]));
const [header, claims, signature] = chain.token.split('.');
const tampered = `${header}.${claims}.${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`;

function byJose(token, audience) {
  const keys = createRemoteJWKSet(new URL(chain.jwks_uri));
  return jwtVerify(token, keys, { issuer: chain.issuer, audience, typ: 'at+jwt' }).then((r) => r.payload);
}

// RFC 8414 discovery first, then RFC 9068 §4 with all its MUSTs.
async function byOauth4webapi(token, audience) {
  const insecure = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(chain.issuer);
  const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
  const server = await oauth.processDiscoveryResponse(issuer, found);
  const request = new Request(chain.audience, { headers: { authorization: `Bearer ${token}` } });
  return oauth.validateJwtAccessToken(server, request, audience, insecure);
}

for (const [name, verify] of [['jose', byJose], ['oauth4webapi', byOauth4webapi]]) {
  const verified = await verify(chain.token, chain.audience);
  expect(`${name} verifies: ${verified.sub}`, verified.sub === chain.subject);
  expect(`${name} reads ${actors(verified)}`, String(actors(verified)) === String(chain.actors));
  const changed = await refuses(verify(tampered, chain.audience));
  expect(`${name} refuses a changed signature: ${changed}`, changed);
  const elsewhere = await refuses(verify(chain.token, 'https://calendar.demo.example'));
  expect(`${name} refuses another audience: ${elsewhere}`, elsewhere);
}
