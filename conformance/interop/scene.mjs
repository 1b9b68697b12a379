// The scene of `actas demo` for openid-client: who is there, and a chain of two.

import { readFile } from 'node:fs/promises';
import * as client from 'openid-client';

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const DOCUMENTS = 'https://documents.demo.example';

export const scene = JSON.parse(await readFile(process.argv[2]));

export async function signedIn() {
  const order = {
    kind: 'access_token', sub: 'alice', client_id: 'orchestrator', audience: ['orchestrator'],
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
