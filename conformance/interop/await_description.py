"""Waits until a program has written its description file, or has ended without one."""

import json
import os
import pathlib
import sys
import time

LONGEST_START = 60


def main(path, pid):
    deadline = time.monotonic() + LONGEST_START
    while time.monotonic() < deadline:
        try:
            json.loads(pathlib.Path(path).read_text())
            return
        except (FileNotFoundError, json.JSONDecodeError):
            pass
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            sys.exit(f"the program ended without writing {path}")
        time.sleep(0.02)
    sys.exit(f"{path} was not written within {LONGEST_START} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
