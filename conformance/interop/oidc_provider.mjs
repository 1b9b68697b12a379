// npm oidc-provider as a home IdP on loopback: sign-in, JWT access tokens (RFC 9068), introspection.
// Usage: node oidc_provider.mjs DESCRIPTION. Development only: any password is right, accounts can be
// disabled by whoever asks.

import { randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { Provider } from 'oidc-provider';

const RESOURCE = 'https://agents.interop.example';
const SCOPE = 'documents:read documents:write';
const REDIRECT = 'http://127.0.0.1:1/callback';
const LIFETIME = 600;
const secret = () => randomBytes(32).toString('base64url');

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

// The application alice signs in to is one client; actas, which only introspects, is another.
const app = {
  client_id: 'assistant-app', client_secret: secret(), redirect_uris: [REDIRECT],
  grant_types: ['authorization_code'], response_types: ['code'],
};
const actas = {
  client_id: 'actas', client_secret: secret(), redirect_uris: [], grant_types: [], response_types: [],
};
const jwks = { keys: [await privateKey('ES256'), await privateKey('RS256')] };
const disabled = new Set();

const provider = new Provider(issuer, {
  clients: [app, actas],
  jwks,
  scopes: ['openid', ...SCOPE.split(' ')],
  cookies: { keys: [secret()] },
  findAccount: (_ctx, sub) => (disabled.has(sub) ? undefined : { accountId: sub, claims: () => ({ sub }) }),
  ttl: { AccessToken: LIFETIME, AuthorizationCode: 60, Grant: 3600, IdToken: LIFETIME, Interaction: 600, Session: 3600 },
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientId === actas.client_id },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        audience: RESOURCE, scope: SCOPE, accessTokenFormat: 'jwt', accessTokenTTL: LIFETIME,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

// Stock oidc-provider neither stores structured tokens nor lets anybody introspect them. Its grants,
// though, are what a live answer is about. So: keep a record of every JWT it issues under the `jti`, and
// hand the stock endpoint the `jti` of a JWT that verifies. Whether the token is active stays its say:
// client authentication, expiry, and the grant, which goes when the account is disabled.
const grants = new Map();
provider.on('access_token.issued', async (token) => {
  const iat = Math.floor(Date.now() / 1000);
  const { jti, kind, accountId, clientId, grantId, scope, aud, gty } = token;
  const record = { jti, kind, accountId, clientId, grantId, scope, aud, gty, iat, exp: iat + LIFETIME };
  grants.set(grantId, accountId);
  await provider.AccessToken.adapter.upsert(jti, record, LIFETIME);
});

provider.use(async (ctx, next) => {
  if (ctx.method === 'POST' && ctx.path === '/token/introspection') {
    const form = new URLSearchParams(await text(ctx.req));
    if ((form.get('token') ?? '').split('.').length === 3) form.set('token', await idOf(form.get('token')));
    ctx.req.body = Object.fromEntries(form);
  }
  return next();
});

// POST /control/users/{sub} {"disabled": true}: the account is off, its grants end.
provider.use(async (ctx, next) => {
  const [, sub] = ctx.path.match(/^\/control\/users\/(\w+)$/) ?? [];
  if (!sub || ctx.method !== 'POST') return next();
  disabled.add(sub);
  const ended = [...grants].filter(([, owner]) => owner === sub).map(([grant]) => grant);
  for (const grant of ended) await (await provider.Grant.find(grant))?.destroy();
  ctx.body = { ended: ended.length };
});

server.on('request', provider.callback());
await describe(process.argv[2], {
  issuer, resource: RESOURCE, scope: SCOPE, redirect_uri: REDIRECT, control: `${issuer}/control`,
  app: { client_id: app.client_id, client_secret: app.client_secret },
  actas: { client_id: actas.client_id, client_secret: actas.client_secret },
});

async function privateKey(alg) {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(pair.privateKey)), alg, use: 'sig', kid: `interop-${alg}` };
}

async function idOf(token) {
  const keys = createLocalJWKSet({ keys: jwks.keys.map(({ d, p, q, dp, dq, qi, ...open }) => open) });
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, typ: 'at+jwt' });
    return payload.jti;
  } catch {
    return 'a token which is none of ours';
  }
}

async function text(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function describe(path, description) {
  await writeFile(`${path}.new`, JSON.stringify(description));
  await rename(`${path}.new`, path);
}
