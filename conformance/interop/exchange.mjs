// The exchange driven by openid-client: discovery (both documents), then a generic grant.
// Usage: node exchange.mjs DESCRIPTION

import { readFile } from 'node:fs/promises';
import * as client from 'openid-client';

import { expect, refuses } from './proof.mjs';

const scene = JSON.parse(await readFile(process.argv[2]));
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const documents = 'https://documents.demo.example';

async function signedIn() {
  const order = {
    kind: 'access_token', sub: 'alice', client_id: 'orchestrator', audience: ['orchestrator'],
    scope: 'documents:read documents:write calendar:read', lifetime: 600,
  };
  const reply = await fetch(`${scene.idp.control}/tokens`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(order),
  });
  return (await reply.json()).token;
}

// `execute` allows plain HTTP, which openid-client refuses anywhere; here it is loopback.
async function discovered(clientId, authentication, algorithm) {
  const { client_secret: secret } = scene.agents.find((agent) => agent.client_id === clientId);
  return client.discovery(new URL(scene.issuer), clientId, undefined, authentication(secret), {
    algorithm, execute: [client.allowInsecureRequests],
  });
}

for (const [authentication, algorithm] of [
  [client.ClientSecretBasic, 'oauth2'],
  [client.ClientSecretPost, 'oidc'],
]) {
  const orchestrator = await discovered('orchestrator', authentication, algorithm);
  const researcher = await discovered('researcher', authentication, algorithm);
  const first = await client.genericGrantRequest(orchestrator, exchange, {
    subject_token: await signedIn(), subject_token_type: accessToken, audience: 'researcher',
  });
  const second = await client.genericGrantRequest(researcher, exchange, {
    subject_token: first.access_token, subject_token_type: accessToken,
    resource: documents, scope: 'documents:read',
  });
  const told = second.token_type === 'bearer' && second.issued_token_type === accessToken;
  expect(`openid-client exchanges twice (${authentication.name}, ${algorithm})`, told && second.scope === 'documents:read' && second.expiresIn() > 0);
  const refused = await refuses(client.genericGrantRequest(researcher, exchange, {
    subject_token: 'garbage', subject_token_type: accessToken, resource: documents,
  }));
  expect(`openid-client understands the refusal: ${refused}`, refused === 'invalid_request');
}
