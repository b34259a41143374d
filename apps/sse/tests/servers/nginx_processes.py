"""The processes of a running nginx."""

import contextlib
from pathlib import Path


def workers(nginx) -> set[int]:
    """Return the ids of the worker processes, including those that are stopping."""
    pid = nginx.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def spooled_bytes(nginx) -> int:
    """Return the size of the deleted files in which nginx keeps request bodies and responses."""
    size = 0
    for file in [file for pid in workers(nginx) for file in Path(f"/proc/{pid}/fd").iterdir()]:
        # It may be closed by now.
        with contextlib.suppress(FileNotFoundError):
            size += file.stat().st_size if file.readlink().name.endswith(" (deleted)") else 0
    return size
