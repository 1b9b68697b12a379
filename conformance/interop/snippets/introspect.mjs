export async function introspect(token) {
  const reply = await fetch(`${ISSUER}/oauth/introspect`, {
    method: 'POST', body: new URLSearchParams({ token }), signal: AbortSignal.timeout(5000),
    headers: { authorization: `Basic ${btoa(`${CLIENT_ID}:${CLIENT_SECRET}`)}` },
  })
  if (!reply.ok) throw new Error(`${reply.status} is not a yes`)
  const claims = await reply.json()
  return claims.active ? claims : null
}
