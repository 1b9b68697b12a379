// What the proofs in JavaScript share: one line per proof, the first that fails ends the run.

export function expect(said, truth) {
  if (!truth) {
    console.error(`not so: ${said}`);
    process.exit(1);
  }
  console.log(`ok: ${said}`);
}

// Who acts, the current actor first (RFC 8693 §4.1).
export function actors(claims) {
  const found = [];
  for (let act = claims.act; act; act = act.act) found.push(act.sub);
  return found;
}

// The code of the refusal, or undefined when there was none.
export async function refuses(promise) {
  try {
    await promise;
    return undefined;
  } catch (refusal) {
    return refusal.error ?? refusal.code ?? refusal.name;
  }
}
