// npm oidc-provider as a home IdP on loopback: sign-in and sign-out, JWT access tokens (RFC 9068),
// introspection, revocation, back-channel logout.
// Usage: node oidc_provider.mjs ORDER, a JSON file: `issuer`; `certificate` and `key`, PEM files; `state`,
// the file that keeps what is to outlive a restart; the clients `app` and `actas` (`client_id`,
// `client_secret`), `redirect_uri` and `backchannel_logout_uri` of the app. Development only: any password
// is right, and whoever asks at /control is an administrator.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { Provider } from 'oidc-provider';
import { Store } from './oidc_store.mjs';

const order = JSON.parse(readFileSync(process.argv[2]));
const { issuer, resource, scope } = order;
const LIFETIME = 600;

// The application alice signs in to is one client; actas, which only introspects, is another.
const app = {
  ...order.app, redirect_uris: [order.redirect_uri], grant_types: ['authorization_code'],
  response_types: ['code'], id_token_signed_response_alg: 'ES256',
  backchannel_logout_uri: order.backchannel_logout_uri, backchannel_logout_session_required: true,
};
const actas = { ...order.actas, redirect_uris: [], grant_types: [], response_types: [] };

const store = new Store(order.state);
const keys = await store.once('keys', async () => [await privateKey('ES256'), await privateKey('RS256')]);
const cookie = await store.once('cookie', () => randomBytes(32).toString('base64url'));
const disabled = await store.once('disabled', () => ({}));

const provider = new Provider(issuer, {
  adapter: store.adapter,
  clients: [app, actas],
  jwks: { keys },
  scopes: ['openid', ...scope.split(' ')],
  cookies: { keys: [cookie] },
  findAccount: (_ctx, sub) => (disabled[sub] ? undefined : { accountId: sub, claims: () => ({ sub }) }),
  ttl: { AccessToken: LIFETIME, AuthorizationCode: 60, Grant: 3600, IdToken: LIFETIME, Interaction: 600, Session: 3600 },
  // Without the dispatcher that keeps it from loopback, where actas takes its logout tokens.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientId === actas.client_id },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        audience: resource, scope, accessTokenFormat: 'jwt', accessTokenTTL: LIFETIME,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
    revocation: { enabled: true },
  },
});

provider.on('backchannel.error', (_ctx, error) => console.error(error));

// Stock oidc-provider neither stores structured tokens nor lets anybody introspect or revoke them. So: keep
// a record of every JWT it issues under the `jti`, and hand the stock endpoints the `jti` of a JWT that
// verifies. Whether the token is active stays its say: client authentication, expiry, the session it was
// issued in, and the grant.
provider.on('access_token.issued', async (token) => {
  const iat = Math.floor(Date.now() / 1000);
  const { jti, kind, accountId, clientId, grantId, aud, gty, sid, sessionUid, expiresWithSession } = token;
  const record = { jti, kind, accountId, clientId, grantId, aud, gty, sid, sessionUid, expiresWithSession };
  await provider.AccessToken.adapter.upsert(jti, { ...record, scope: token.scope, iat, exp: iat + LIFETIME });
});

provider.use(async (ctx, next) => {
  if (ctx.method === 'POST' && /^\/token\/(introspection|revocation)$/.test(ctx.path)) {
    const form = new URLSearchParams(await text(ctx.req));
    if ((form.get('token') ?? '').split('.').length === 3) form.set('token', await idOf(form.get('token')));
    ctx.req.body = Object.fromEntries(form);
  }
  return next();
});

// POST /control/users/{sub}/{act}: what whoever keeps the accounts does; oidc-provider keeps none.
const acts = {
  // Introspection looks at the grant, not at the account.
  disable: async (sub) => { disabled[sub] = true; await end(provider.Grant, sub); },
  enable: async (sub) => { delete disabled[sub]; },
  // The provider has no passwords: what the old one opened is for the keeper of accounts to end.
  password: async (sub) => { await end(provider.Grant, sub); await end(provider.Session, sub); },
  session: async (sub) => { await end(provider.Session, sub); },
};

provider.use(async (ctx, next) => {
  const [, sub, act] = ctx.path.match(/^\/control\/users\/(\w+)\/(\w+)$/) ?? [];
  if (ctx.method !== 'POST' || !Object.hasOwn(acts, act)) return next();
  await acts[act](sub);
  ctx.body = {};
});

const tls = { cert: readFileSync(order.certificate), key: readFileSync(order.key) };
const server = createServer(tls, provider.callback());
server.listen(new URL(issuer).port, '127.0.0.1');
process.on('SIGTERM', () => { store.save(); process.exit(0); });

async function end(model, sub) {
  const all = Object.entries(store.records(model.name)).filter(([, one]) => one.accountId === sub);
  for (const [id] of all) await model.adapter.destroy(id);
}

async function privateKey(alg) {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(pair.privateKey)), alg, use: 'sig', kid: `interop-${alg}` };
}

async function idOf(token) {
  const open = { keys: keys.map(({ d, p, q, dp, dq, qi, ...open }) => open) };
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(open), { issuer, typ: 'at+jwt' });
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
