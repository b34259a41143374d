"""
Find out whether the built client is older than its sources, without Node.

    python -m apps.sse.client.check

Exits with 1 and one sentence if it is, or if it has grown too heavy. The hash is the one that
build.js puts into the first line.
"""

import gzip
import re
import sys
from hashlib import sha256
from pathlib import Path

CLIENT = Path(__file__).resolve().parent
BUILT = CLIENT.parent / "static" / "sse" / "djust-sse.js"
MOST_BYTES = 10 * 1024
STALE = "static/sse/djust-sse.js is older than its sources; run: make client"


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


def compressed_bytes() -> int:
    """Return what the built file weighs on its way to a browser."""
    return len(gzip.compress(BUILT.read_bytes(), 9))


def complaint() -> str | None:
    """Return what is wrong with the built client, or None."""
    if built_hash() != source_hash():
        return STALE
    weight = compressed_bytes()
    if weight > MOST_BYTES:
        return f"static/sse/djust-sse.js weighs {weight} bytes compressed, and is to stay under {MOST_BYTES}"
    return None


if __name__ == "__main__":
    sys.exit(complaint())
