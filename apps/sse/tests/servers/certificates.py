"""Certificates for servers of tests."""

import subprocess
from pathlib import Path


def self_sign(folder: Path, name: str = "localhost") -> None:
    """Create `fullchain.pem`, a self-signed certificate for `name` and 127.0.0.1, and its key, `privkey.pem`."""
    folder.mkdir(exist_ok=True)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"]
    command += ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run(command, check=True, capture_output=True)
