// npm oidc-provider as a token exchange server, to compare actas with: a grant of its own (RFC 8693), a
// client secret, an ES256 user token in, an ES256 JWT out. It stores nothing, asks no identity provider and
// has no policies. One process, as node has it.
// Usage: node oidc_provider.mjs ORDER, a JSON file: `client_id`, `client_secret`, `resource`, `scope`,
// `idp_issuer`, `idp_jwks`, `modules` (the folder above `node_modules` with oidc-provider and jose).
// Prints the address it listens at, in one line. Ends with standard input.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const order = JSON.parse(readFileSync(process.argv[2]));
const { resolve } = createRequire(pathToFileURL(`${order.modules}/package.json`));
const load = (name) => import(pathToFileURL(resolve(name)));
const [{ Provider, errors }, jose] = [await load('oidc-provider'), await load('jose')];

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const LIFETIME = 300;

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const pair = await jose.generateKeyPair('ES256', { extractable: true });
const key = { ...(await jose.exportJWK(pair.privateKey)), alg: 'ES256', use: 'sig', kid: 'peer' };

// Its own adapter keeps things in memory; a JWT is not kept, but this way nothing is.
class Nothing {
  async upsert() {}
  async find() {}
  async consume() {}
  async destroy() {}
  async revokeByGrantId() {}
}

// What is known of whom a token is for.
const target = {
  audience: order.resource, scope: order.scope, accessTokenFormat: 'jwt', accessTokenTTL: LIFETIME,
  jwt: { sign: { alg: 'ES256' } },
};

const provider = new Provider(issuer, {
  adapter: Nothing,
  clients: [{
    client_id: order.client_id, client_secret: order.client_secret, redirect_uris: [],
    grant_types: [GRANT], response_types: [], token_endpoint_auth_method: 'client_secret_basic',
    id_token_signed_response_alg: 'ES256',
  }],
  jwks: { keys: [key] },
  scopes: order.scope.split(' '),
  ttl: { AccessToken: LIFETIME },
  extraTokenClaims: (_ctx, token) => ({ act: { iss: issuer, sub: token.clientId } }),
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => target,
    },
  },
});

const users = jose.createLocalJWKSet(order.idp_jwks);
const expected = {
  issuer: order.idp_issuer, audience: order.resource, algorithms: ['ES256'], typ: 'at+jwt',
};

async function exchange(ctx) {
  const { params, client } = ctx.oidc;
  const subject = await jose.jwtVerify(params.subject_token, users, expected).catch(() => {
    throw new errors.InvalidGrant('the subject token does not hold');
  });
  const wanted = params.scope.split(' ');
  const held = new Set(subject.payload.scope.split(' '));
  if (!wanted.every((scope) => held.has(scope))) throw new errors.InvalidScope('not held', params.scope);
  const token = new provider.AccessToken({
    accountId: subject.payload.sub, client, gty: 'exchange', scope: params.scope,
  });
  token.resourceServer = new provider.ResourceServer(order.resource, target);
  ctx.body = {
    access_token: await token.save(), issued_token_type: ACCESS_TOKEN, token_type: token.tokenType,
    expires_in: token.expiration, scope: params.scope,
  };
}

const parameters = ['subject_token', 'subject_token_type', 'resource', 'scope'];
provider.registerGrantType(GRANT, exchange, parameters, []);

// The load asks where actas answers; the endpoint is called otherwise here.
const answer = provider.callback();
server.on('request', (request, response) => {
  request.url = '/token';
  answer(request, response);
});
process.stdin.resume().on('end', () => process.exit(0));
console.log(new URL(issuer).host);
