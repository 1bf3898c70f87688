"""An issuer of tokens of the tests' own: its keys by OpenSSL's command, and a server with its public ones."""

from __future__ import annotations

import base64
import http.server
import json
import pathlib
import subprocess
import threading
import time


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words: object, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *map(str, words)], input=data, check=True, capture_output=True, timeout=60).stdout


class Signer:
    """A key pair; `algorithm` is RS256, ES256 or EdDSA."""

    OPTIONS = {"RS256": ("RSA", "-pkeyopt", "rsa_keygen_bits:2048"), "ES256": ("EC", "-pkeyopt", "ec_paramgen_curve:P-256"), "EdDSA": ("ED25519",)}

    def __init__(self, folder: pathlib.Path, kid: str, algorithm: str = "ES256"):
        self.kid, self.algorithm, self.file = kid, algorithm, folder / f"{kid}.pem"
        openssl("genpkey", "-algorithm", *self.OPTIONS[algorithm], "-out", self.file)
        self.public = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")
        self.pem = openssl("pkey", "-in", self.file, "-pubout")

    def jwk(self) -> dict[str, str]:
        common = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().partition("=")[2].strip()
            return {**common, "kty": "RSA", "n": encode(bytes.fromhex(modulus)), "e": "AQAB"}
        if self.algorithm == "ES256":  # the key is the end of its DER
            return {**common, "kty": "EC", "crv": "P-256", "x": encode(self.public[-64:-32]), "y": encode(self.public[-32:])}
        return {**common, "kty": "OKP", "crv": "Ed25519", "x": encode(self.public[-32:])}

    def sign(self, text: bytes) -> bytes:
        if self.algorithm == "EdDSA":
            message = self.file.with_suffix(".message")
            message.write_bytes(text)
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", message)
        signature = openssl("dgst", "-sha256", "-sign", self.file, data=text)
        if self.algorithm == "RS256":
            return signature
        flat, at = b"", 2  # of DER: a sequence of two whole numbers
        for _ in range(2):
            size = signature[at + 1]
            flat += signature[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
            at += 2 + size
        return flat

    def token(self, issuer: str, audience: str = "medsynth", *, scope: object = "read", lifetime: float = 600, header: dict | None = None, **claims: object) -> str:
        now = int(time.time())
        body = {"iss": issuer, "aud": audience, "sub": "ada", "scope": scope, "iat": now, "exp": now + lifetime, **claims}
        head = {"typ": "JWT", "alg": self.algorithm, "kid": self.kid, **(header or {})}
        text = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(body).encode())}"
        return f"{text}.{encode(self.sign(text.encode()))}"


class Issuer:
    """Public keys of `signers` at `url`; `status` other than 200: it is out of order."""

    def __init__(self, *signers: Signer):
        self.signers, self.status, self.asked = list(signers), 200, 0
        issuer = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                body = json.dumps({"keys": [each.jwk() for each in issuer.signers]}).encode()
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.url = f"{self.issuer}/keys"

    def settings(self, **more: str) -> dict[str, str]:
        return {"MEDSYNTH_JWT_ISSUER": self.issuer, "MEDSYNTH_JWT_AUDIENCE": "medsynth", "MEDSYNTH_JWT_KEYS": self.url, **more}

    def end(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
