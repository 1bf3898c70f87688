"""Certificates of the tests' own, by OpenSSL's command."""

from __future__ import annotations

import pathlib
import subprocess
from typing import NamedTuple


class Certificate(NamedTuple):
    certificate: pathlib.Path
    key: pathlib.Path


def self_signed(folder: pathlib.Path, name: str, *alternatives: str) -> Certificate:
    """It vouches for itself, for `alternatives` such as DNS:ml.example.org."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}-key.pem")
    names = ["-addext", f"subjectAltName={','.join(alternatives)}"] if alternatives else []
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-keyout", made.key, "-out", made.certificate, *names], check=True, capture_output=True, timeout=60)
    return made
