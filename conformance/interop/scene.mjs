// The scene of `actas demo` for openid-client: who is there, and a chain of two.

import { readFile } from 'node:fs/promises';
import { importJWK } from 'jose';
import * as client from 'openid-client';

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const DOCUMENTS = 'https://documents.demo.example';

export const scene = JSON.parse(await readFile(process.argv[2]));

export async function signedIn(clientId = 'orchestrator') {
  const order = {
    kind: 'access_token', sub: 'alice', client_id: clientId, audience: [clientId],
    scope: 'documents:read documents:write calendar:read', lifetime: 600,
  };
  const reply = await fetch(`${scene.idp.control}/tokens`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(order),
  });
  return (await reply.json()).token;
}

// An agent or a resource server. `execute` allows plain HTTP, which openid-client refuses anywhere;
// here it is loopback.
export async function discovered(clientId, options = {}) {
  const { authentication = client.ClientSecretBasic, algorithm = 'oauth2', metadata, execute = [] } = options;
  const clients = [...scene.agents, ...scene.resource_servers];
  const { client_secret: secret } = clients.find((one) => one.client_id === clientId);
  return client.discovery(new URL(scene.issuer), clientId, metadata, authentication(secret), {
    algorithm, execute: [client.allowInsecureRequests, ...execute],
  });
}

// A client that has no secret: it signs who it is, with the key of this name.
export async function signing(clientId, kid, keys = scene.keys[clientId]) {
  const jwk = keys.find((one) => one.kid === kid);
  const key = await importJWK(jwk, jwk.alg);
  return client.discovery(new URL(scene.issuer), clientId, undefined, client.PrivateKeyJwt({ key, kid }), {
    algorithm: 'oauth2', execute: [client.allowInsecureRequests],
  });
}

// alice → orchestrator → researcher → documents: the tokens of both hops.
export async function chain(orchestrator, researcher) {
  const first = await client.genericGrantRequest(orchestrator, EXCHANGE, {
    subject_token: await signedIn(), subject_token_type: ACCESS_TOKEN, audience: 'researcher',
  });
  const second = await client.genericGrantRequest(researcher, EXCHANGE, {
    subject_token: first.access_token, subject_token_type: ACCESS_TOKEN,
    resource: DOCUMENTS, scope: 'documents:read',
  });
  return [first, second];
}
