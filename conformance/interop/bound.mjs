// Strong clients as openid-client and oauth4webapi see them: private_key_jwt, DPoP, client credentials; and
// oauth4webapi's own checks of a bound token, as the resource would make them.
// Usage: node bound.mjs DESCRIPTION

import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';

import { expect, refuses } from './proof.mjs';
import { ACCESS_TOKEN, DOCUMENTS, EXCHANGE, discovered, scene, signedIn, signing } from './scene.mjs';

const insecure = { [oauth.allowInsecureRequests]: true };
// How both report a 401.
const CHALLENGE = 'OAUTH_WWW_AUTHENTICATE_CHALLENGE';

async function wanted(clientId) {
  return {
    subject_token: await signedIn(clientId), subject_token_type: ACCESS_TOKEN,
    resource: DOCUMENTS, scope: 'documents:read',
  };
}

async function dpop(config) {
  return client.getDPoPHandle(config, await client.randomDPoPKeyPair());
}

function call(config, token, handle) {
  return client.fetchProtectedResource(config, token, new URL(scene.api), 'GET', undefined, undefined, { DPoP: handle });
}

async function signs() {
  for (const kid of ['es', 'rs', 'ps', 'ed']) {
    const config = await signing('signer', kid);
    const granted = await client.genericGrantRequest(config, EXCHANGE, await wanted('signer'));
    expect(`openid-client signs who it is (${kid})`, granted.token_type === 'bearer' && granted.scope === 'documents:read');
  }
  const theirs = scene.keys.signer;
  const forged = await refuses(
    client.genericGrantRequest(await signing('fapi', 'es', theirs), EXCHANGE, await wanted('fapi')),
  );
  expect(`openid-client is refused with another client's key: ${forged}`, forged === CHALLENGE);
}

async function binds() {
  const config = await signing('fapi', 'ps');
  const handle = await dpop(config);
  const granted = await client.genericGrantRequest(config, EXCHANGE, await wanted('fapi'), { DPoP: handle });
  expect('openid-client exchanges for a token of its key', granted.token_type === 'dpop');
  const served = await call(config, granted.access_token, handle);
  expect(`the API serves it with proofs: ${served.status}`, served.status === 200);
  const other = await refuses(call(config, granted.access_token, await dpop(config)));
  expect(`the API refuses another key: ${other}`, other === CHALLENGE);
  const bearer = await refuses(call(config, granted.access_token));
  expect(`the API refuses it as a bearer token: ${bearer}`, bearer === CHALLENGE);
  const unbound = await refuses(client.genericGrantRequest(config, EXCHANGE, await wanted('fapi')));
  expect(`openid-client gets nothing without a proof: ${unbound}`, /^invalid_(request|dpop_proof)$/.test(unbound));
  return granted.access_token;
}

// RFC 9449 §8: the other organization wants its nonce in every proof.
async function retries() {
  let asked = 0;
  const counting = (url, options) => { asked += url.includes('/oauth/token') ? 1 : 0; return fetch(url, options); };
  const orchestrator = scene.other_org.agents.find((one) => one.client_id === 'orchestrator');
  const config = await client.discovery(
    new URL(scene.other_org.issuer), 'orchestrator', undefined, client.ClientSecretBasic(orchestrator.client_secret),
    { algorithm: 'oauth2', execute: [client.allowInsecureRequests], [client.customFetch]: counting },
  );
  const granted = await client.genericGrantRequest(config, EXCHANGE, await wanted('orchestrator'), { DPoP: await dpop(config) });
  expect(`openid-client tries again with the nonce it is given: ${asked} requests`, granted.token_type === 'dpop' && asked === 2);
}

async function serves() {
  const nightly = await discovered('nightly');
  const plain = await client.clientCredentialsGrant(nightly, { scope: 'documents:read', resource: DOCUMENTS });
  expect('openid-client gets a service its token', plain.token_type === 'bearer' && plain.expires_in <= 300);
  const config = await signing('fapi-service', 'es');
  const handle = await dpop(config);
  const granted = await client.clientCredentialsGrant(config, { scope: 'documents:read', resource: DOCUMENTS }, { DPoP: handle });
  const served = await call(config, granted.access_token, handle);
  expect(`openid-client gets a service a token of its key: ${served.status}`, granted.token_type === 'dpop' && served.status === 200);
  const { user, agent } = await served.json();
  expect(`it acts for itself: ${user}`, user === 'service:fapi-service' && agent === null);
}

// RFC 9449 §7.1 and RFC 9068 §4, with all their MUSTs.
async function validates() {
  const issuer = new URL(scene.issuer);
  const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
  const server = await oauth.processDiscoveryResponse(issuer, found);
  const config = await signing('fapi-service', 'es');
  const keys = await client.randomDPoPKeyPair();
  const handle = client.getDPoPHandle(config, keys);
  const { access_token: token } = await client.clientCredentialsGrant(config, { scope: 'documents:read', resource: DOCUMENTS }, { DPoP: handle });
  const sent = async (keyPair) => {
    let request;
    const DPoP = oauth.DPoP({ client_id: 'fapi-service' }, keyPair);
    const keep = (url, options) => { request = new Request(url, options); return new Response(); };
    await oauth.protectedResourceRequest(token, 'GET', new URL(DOCUMENTS), undefined, undefined, { DPoP, [oauth.customFetch]: keep });
    return request;
  };
  const check = (request) => oauth.validateJwtAccessToken(server, request, DOCUMENTS, { requireDPoP: true, ...insecure });
  const claims = await check(await sent(keys));
  expect(`oauth4webapi validates the token and its proof: ${claims.sub}`, claims.cnf.jkt && claims.client_id === 'fapi-service');
  const other = await refuses(check(await sent(await client.randomDPoPKeyPair())));
  expect(`oauth4webapi refuses another key: ${other}`, other);
  const bearer = await refuses(check(new Request(DOCUMENTS, { headers: { authorization: `Bearer ${token}` } })));
  expect(`oauth4webapi refuses it as a bearer token: ${bearer}`, bearer);
}

await signs();
await binds();
await retries();
await serves();
await validates();
