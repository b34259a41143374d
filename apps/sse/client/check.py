"""
Check without Node that the served client is the one that was built from its sources, and its size.

    python -m apps.sse.client.check

Exits with 1 and one sentence for the first fault. build.js records the hashes of sources and of
built files in build.json; `npm run check` builds again and compares.
"""

import gzip
import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).resolve().parent
STATIC = CLIENT.parent / "static" / "sse"
# Maximum size of each script in bytes after gzip; pages load all but the first only if they need it.
BUDGETS = {
    "djust-sse.js": 10 * 1024,
    "djust-sse.esm.js": 1024,
    "djust-sse-sharing.js": 2 * 1024,
    "djust-sse-extras.js": 3 * 1024 + 256,
    "djust-sse-morph.js": 4608,
}


def source_hash() -> str:
    """Return the SHA-256 of the client's modules, its build and its dependencies, names included."""
    paths = [
        *CLIENT.glob("src/*.js"),
        *(CLIENT / name for name in ("build.js", "package.json", "package-lock.json")),
    ]
    digest = sha256()
    for name in sorted(path.relative_to(CLIENT).as_posix() for path in paths):
        digest.update(name.encode() + b"\0" + (CLIENT / name).read_bytes() + b"\0")
    return digest.hexdigest()


def record() -> dict[str, Any]:
    """Return what the last build has recorded: `sources`, a hash, and `outputs`, hashes by file name."""
    return json.loads((CLIENT / "build.json").read_text(encoding="utf-8"))


def output_hashes() -> dict[str, str]:
    """Return the SHA-256 of each built file that is served, by file name."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in STATIC.glob("djust-sse*")}


def compressed_bytes(name: str) -> int:
    """Return the size of a built file after gzip."""
    return len(gzip.compress((STATIC / name).read_bytes(), 9))


def fault() -> str | None:
    """Return the first fault of the built client, or None."""
    recorded, outputs = record(), output_hashes()
    if recorded["sources"] != source_hash():
        return "static/sse is older than its sources. Run: make client"
    for name in sorted(recorded["outputs"].keys() | outputs):
        if recorded["outputs"].get(name) != outputs.get(name):
            return f"static/sse/{name} is not what was built. Run: make client"
    for name, budget in BUDGETS.items():
        size = compressed_bytes(name)
        if size > budget:
            return f"static/sse/{name} has {size} bytes after gzip; its budget is {budget}."
    return None


if __name__ == "__main__":
    sys.exit(fault())
