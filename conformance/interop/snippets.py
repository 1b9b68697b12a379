"""The README's snippets, each run as a reader would: verify the chain's last token, refuse a changed one.

Usage: snippets.py CHAIN, as written by chain.py.
"""

import json
import pathlib
import subprocess
import sys

from scene import expect, read

HERE = pathlib.Path(__file__).parent
SNIPPETS = HERE / "snippets"
PYTHON = """
import json, sys
ISSUER, AUDIENCE, token = sys.argv[1:]
{snippet}
print(json.dumps(verify(token)))
"""
NODE = """
const [ISSUER, AUDIENCE, token] = process.argv.slice(-3)
{snippet}
console.log(JSON.stringify(await verify(token)))
"""


def commands():
    """Each language's command, without the arguments."""
    python = PYTHON.format(snippet=(SNIPPETS / "verify.py").read_text())
    yield "Python", [sys.executable, "-c", python], HERE
    snippet = (SNIPPETS / "verify.mjs").read_text().replace("export ", "")
    imports, body = snippet.split("\n\n", 1)
    node = imports + NODE.replace("{snippet}", body)
    yield "Node", ["node", "--input-type=module", "-e", node, "--"], HERE
    yield "Go", ["go", "run", "."], SNIPPETS


def main(path):
    chain = read(path)
    readme = (HERE.parent.parent / "README.md").read_text()
    for name in ["verify.py", "verify.mjs", "verify.go"]:
        expect(f"the README has {name} as it is run", (SNIPPETS / name).read_text().strip() in readme)
    head, payload, signature = chain["token"].split(".")
    changed = ".".join([head, payload, signature[::-1]])
    for language, command, cwd in commands():
        for token, good in [(chain["token"], True), (changed, False)]:
            arguments = [chain["issuer"], chain["audience"], token]
            ran = subprocess.run(command + arguments, cwd=cwd, capture_output=True, text=True, timeout=300)
            claims = json.loads(ran.stdout) if ran.returncode == 0 else {}
            said = claims.get("sub"), claims.get("act", {}).get("sub")
            expected = (chain["subject"], chain["actors"][0]) if good else (None, None)
            expect(f"{language}: {said}" + ("" if good else " for a changed token"), said == expected)


if __name__ == "__main__":
    main(*sys.argv[1:])
