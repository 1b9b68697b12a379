// The exchange driven by openid-client: discovery (both documents), then a generic grant.
// Usage: node exchange.mjs DESCRIPTION

import * as client from 'openid-client';

import { expect, refuses } from './proof.mjs';
import { ACCESS_TOKEN, DOCUMENTS, EXCHANGE, chain, discovered } from './scene.mjs';

for (const [authentication, algorithm] of [
  [client.ClientSecretBasic, 'oauth2'],
  [client.ClientSecretPost, 'oidc'],
]) {
  const orchestrator = await discovered('orchestrator', { authentication, algorithm });
  const researcher = await discovered('researcher', { authentication, algorithm });
  const [, second] = await chain(orchestrator, researcher);
  const told = second.token_type === 'bearer' && second.issued_token_type === ACCESS_TOKEN;
  expect(`openid-client exchanges twice (${authentication.name}, ${algorithm})`, told && second.scope === 'documents:read' && second.expiresIn() > 0);
  const refused = await refuses(client.genericGrantRequest(researcher, EXCHANGE, {
    subject_token: 'garbage', subject_token_type: ACCESS_TOKEN, resource: DOCUMENTS,
  }));
  expect(`openid-client understands the refusal: ${refused}`, refused === 'invalid_request');
}
