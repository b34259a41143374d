"""
Find out whether the built client is older than its sources, without Node.

    python -m apps.sse.client.check

Exits with 1 and one sentence if a built file is outdated or exceeds its budget. build.js puts the
hash into each file's first line.
"""

import gzip
import re
import sys
from hashlib import sha256
from pathlib import Path

CLIENT = Path(__file__).resolve().parent
STATIC = CLIENT.parent / "static" / "sse"
# The most that each built file may weigh, in bytes compressed; all but the first are loaded when needed.
BUDGETS = {
    "djust-sse.js": 10 * 1024,
    "djust-sse-sharing.js": 2 * 1024,
    "djust-sse-attributes.js": 2560,
    "djust-sse-advice.js": 1024,
    "djust-sse-morph.js": 4608,
}


def source_hash() -> str:
    """Return the SHA-256 of the client's modules and of the vendored ones, names included."""
    files = [*CLIENT.glob("*.js"), *CLIENT.glob("vendor/**/*.js"), CLIENT / "package.json"]
    digest = sha256()
    for path in sorted(file.relative_to(CLIENT).as_posix() for file in files):
        digest.update(path.encode() + b"\0" + (CLIENT / path).read_bytes() + b"\0")
    return digest.hexdigest()


def built_hash(name: str) -> str | None:
    """Return the hash in the first line of a built file; None without file or hash."""
    built = STATIC / name
    if not built.exists():
        return None
    first_line = built.read_text(encoding="utf-8").partition("\n")[0]
    found = re.search(r"sha256:([0-9a-f]{64})", first_line)
    return found and found[1]


def compressed_bytes(name: str) -> int:
    """Return what a built file weighs on its way to a browser."""
    return len(gzip.compress((STATIC / name).read_bytes(), 9))


def complaint() -> str | None:
    """Return what is wrong with the built client, or None."""
    current = source_hash()
    for name, most in BUDGETS.items():
        if built_hash(name) != current:
            return f"static/sse/{name} is older than its sources. Run: make client"
        weight = compressed_bytes(name)
        if weight > most:
            return f"static/sse/{name} has {weight} bytes compressed; its budget is {most}."
    return None


if __name__ == "__main__":
    sys.exit(complaint())
