// Introspection, plain and signed, and revocation, driven by openid-client; the status list read by
// another library. Usage: node revoke.mjs DESCRIPTION

import { getListFromStatusListJWT, getStatusListFromJWT } from '@sd-jwt/jwt-status-list';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import * as client from 'openid-client';

import { actors, expect, refuses } from './proof.mjs';
import { chain, discovered, scene } from './scene.mjs';

const orchestrator = await discovered('orchestrator');
const researcher = await discovered('researcher');
const plain = await discovered('documents-api');
const calendar = await discovered('calendar-api');
// Asks for RFC 9701's answer, and verifies its signature.
const signed = await discovered('documents-api', {
  metadata: { introspection_signed_response_alg: 'ES256' },
  execute: [client.enableNonRepudiationChecks],
});

const SOON = 30_000;
const [first, second] = await chain(orchestrator, researcher);
const [, neighbour] = await chain(orchestrator, researcher);
const token = second.access_token;

for (const [name, api] of [['RFC 7662', plain], ['RFC 9701, signed', signed]]) {
  const told = await client.tokenIntrospection(api, token);
  const named = told.sub === 'alice' && String(actors(told)) === 'agent:researcher,agent:orchestrator';
  expect(`openid-client is told who acts for whom (${name})`, told.active === true && named);
}
const elsewhere = await client.tokenIntrospection(calendar, token);
expect('openid-client is told nothing of a token for somebody else', JSON.stringify(elsewhere) === '{"active":false}');
const stranger = await discovered('documents-api', { authentication: () => client.ClientSecretBasic('wrong') });
const shut = await refuses(client.tokenIntrospection(stranger, token));
expect(`openid-client understands the refusal: ${shut}`, shut === 'invalid_client' || shut === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE');

// What a verifier does that never asks us about a token.
const keys = createRemoteJWKSet(new URL(scene.jwks_uri));
async function status(jwt) {
  const { idx, uri } = getStatusListFromJWT(jwt);
  const reply = await fetch(uri, { headers: { accept: 'application/statuslist+jwt' } });
  const list = await reply.text();
  await jwtVerify(list, keys, { typ: 'statuslist+jwt', subject: uri, algorithms: ['ES256'] });
  return getListFromStatusListJWT(list).getStatus(idx);
}
expect('@sd-jwt/jwt-status-list reads that both tokens are valid', await status(token) === 0 && await status(neighbour.access_token) === 0);

const mine = await refuses(client.tokenRevocation(researcher, first.access_token));
expect(`openid-client cannot revoke another's token: ${mine}`, mine === 'invalid_request');
await client.tokenRevocation(orchestrator, first.access_token);
for (const [name, api] of [['RFC 7662', plain], ['RFC 9701, signed', signed]]) {
  const told = await client.tokenIntrospection(api, token);
  expect(`openid-client revokes the first token, and the second is inactive (${name})`, JSON.stringify(told) === '{"active":false}');
}
const began = Date.now();
while (await status(token) !== 1 && Date.now() - began < SOON) await new Promise((done) => setTimeout(done, 200));
const took = ((Date.now() - began) / 1000).toFixed(1);
expect(`@sd-jwt/jwt-status-list reads the revocation, ${took} s later, and the neighbour is valid`, await status(token) === 1 && await status(neighbour.access_token) === 0);
expect('its signature and expiry are still good: only status tells', decodeJwt(token).exp * 1000 > Date.now() && await jwtVerify(token, keys, { typ: 'at+jwt' }));
