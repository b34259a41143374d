"""
Find out whether the built client is older than its sources, without Node.

    python -m apps.sse.client.check

Exits with 1 and one sentence if it is. The hash is the one that build.js puts into the first line.
"""

import re
import sys
from hashlib import sha256
from pathlib import Path

CLIENT = Path(__file__).resolve().parent
BUILT = CLIENT.parent / "static" / "sse" / "djust-sse.js"
STALE = "static/sse/djust-sse.js is older than its sources; run: npm --prefix apps/sse/client run build"


def source_hash() -> str:
    """Return the SHA-256 of the client's modules and of the vendored ones, names included."""
    files = [*CLIENT.glob("*.js"), *CLIENT.glob("vendor/**/*.js"), CLIENT / "package.json"]
    digest = sha256()
    for path in sorted(file.relative_to(CLIENT).as_posix() for file in files):
        digest.update(path.encode() + b"\0" + (CLIENT / path).read_bytes() + b"\0")
    return digest.hexdigest()


def built_hash() -> str | None:
    """Return the hash in the first line of the built file; None without file or hash."""
    if not BUILT.exists():
        return None
    first_line = BUILT.read_text(encoding="utf-8").partition("\n")[0]
    found = re.search(r"sha256:([0-9a-f]{64})", first_line)
    return found and found[1]


if __name__ == "__main__":
    sys.exit(None if built_hash() == source_hash() else STALE)
