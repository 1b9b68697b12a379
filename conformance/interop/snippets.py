"""The README's snippets, each run as a reader would: verify the chain's last token and refuse a changed
one and one that is bound to a key; ask whether it still stands, and whether one does whose chain was revoked.

Usage: snippets.py CHAIN, as written by chain.py.
"""

import json
import pathlib
import subprocess
import sys

from scene import expect, read

HERE = pathlib.Path(__file__).parent
SNIPPETS = HERE / "snippets"
VERIFY_PYTHON = """
import json, sys
ISSUER, AUDIENCE, token = sys.argv[1:]
{snippet}
print(json.dumps(verify(token)))
"""
VERIFY_NODE = """
const [ISSUER, AUDIENCE, token] = process.argv.slice(-3)
{snippet}
console.log(JSON.stringify(await verify(token)))
"""
INTROSPECT_PYTHON = """
import json, sys
ISSUER, CLIENT_ID, CLIENT_SECRET, token = sys.argv[1:]
{snippet}
print(json.dumps(introspect(token)))
"""
INTROSPECT_NODE = """
const [ISSUER, CLIENT_ID, CLIENT_SECRET, token] = process.argv.slice(-4)
{snippet}
console.log(JSON.stringify(await introspect(token)))
"""


def python(name, around):
    snippet = (SNIPPETS / name).read_text()
    return [sys.executable, "-c", around.replace("{snippet}", snippet)], HERE


def java():
    """None where there is no Java, which it says."""
    built = subprocess.run([HERE / "java-classes"], stdout=subprocess.PIPE, text=True)
    if built.returncode == 75:
        return []
    if built.returncode:
        raise SystemExit("not so: Java compiles")
    return [("Java", (["java", "-cp", built.stdout.strip(), "Verify"], HERE))]


def node(name, around):
    """Imports stay first; what is exported is used right here."""
    lines = (SNIPPETS / name).read_text().replace("export ", "").splitlines()
    imports = "\n".join(line for line in lines if line.startswith("import "))
    body = "\n".join(line for line in lines if not line.startswith("import "))
    program = imports + around.replace("{snippet}", body)
    return ["node", "--input-type=module", "-e", program, "--"], HERE


def ran(command, cwd, *arguments, may_fail=False):
    """Whom the claims it printed name; nobody when it said null, or failed where it may."""
    done = subprocess.run([*command, *arguments], cwd=cwd, capture_output=True, text=True, timeout=300)
    if done.returncode != 0 and not may_fail:
        raise SystemExit(f"not so: it runs\n{done.stderr}")
    claims = (json.loads(done.stdout) if done.returncode == 0 else None) or {}
    return claims.get("sub"), claims.get("act", {}).get("sub")


def main(path):
    chain = read(path)
    readme = (HERE.parent.parent / "README.md").read_text()
    for name in ["verify.py", "verify.mjs", "verify.go", "Tokens.java", "introspect.py", "introspect.mjs"]:
        expect(f"the README has {name} as it is run", (SNIPPETS / name).read_text().strip() in readme)
    head, payload, signature = chain["token"].split(".")
    changed = ".".join([head, payload, signature[::-1]])
    known, nobody = (chain["subject"], chain["actors"][0]), (None, None)
    for language, command in [
        ("Python", python("verify.py", VERIFY_PYTHON)),
        ("Node", node("verify.mjs", VERIFY_NODE)),
        ("Go", (["go", "run", "."], SNIPPETS)),
        *java(),
    ]:
        for what, token, expected in [
            ("the token", chain["token"], known),
            ("a changed one", changed, nobody),
            ("one that is bound to a key", chain["bound"], nobody),
        ]:
            said = ran(*command, chain["issuer"], chain["audience"], token, may_fail=expected == nobody)
            expect(f"{language}: {said} for {what}", said == expected)
    for language, command in [
        ("Python", python("introspect.py", INTROSPECT_PYTHON)),
        ("Node", node("introspect.mjs", INTROSPECT_NODE)),
    ]:
        for token, good in [(chain["token"], True), (chain["revoked"], False)]:
            said = ran(*command, chain["issuer"], *chain["client"], token)
            expect(f"{language} asks: {said}" + ("" if good else " for a revoked token"), said == (known if good else nobody))


if __name__ == "__main__":
    main(*sys.argv[1:])
