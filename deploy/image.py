"""An OCI image of a root file system: one layer, for `podman load`, `docker load` and registries.

  deploy/image.py TREE FILE VERSION MACHINE MADE_AT

The same tree gives the same bytes. Source: the image layout and image specifications (opencontainers/image-spec).
"""

import datetime
import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
USER = 65532  # as other images without a shell have it; owner of what is written, and known to none else


def layer(tree: pathlib.Path, made_at: int) -> bytes:
    """A tar of the tree. What the program writes to belongs to it, all else to root."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(tree.rglob("*")):
            name = path.relative_to(tree).as_posix()
            entry = tar.gettarinfo(path, name)
            entry.uid = entry.gid = USER if name == "data" else 0
            entry.uname = entry.gname = ""
            entry.mtime = made_at
            with path.open("rb") if entry.isreg() else io.BytesIO() as file:
                tar.addfile(entry, file if entry.isreg() else None)
    return packed.getvalue()


def main(tree: str, file: str, version: str, machine: str, made_at: str) -> None:
    blobs: dict[str, bytes] = {}

    def blob(kind: str, data: bytes) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    created = datetime.datetime.fromtimestamp(int(made_at), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    plain = layer(pathlib.Path(tree), int(made_at))
    config = {
        "created": created, "architecture": ARCHITECTURES[machine], "os": "linux",
        "config": {
            "User": f"{USER}:{USER}", "Entrypoint": ["/usr/bin/medsynth"], "Cmd": ["serve", "--listen", "0.0.0.0:8000"],
            "Env": ["PATH=/usr/bin", "LANG=C.UTF-8", "HOME=/data", "MEDSYNTH_DATA_DIR=/data", "MEDSYNTH_RUNTIME_DIR=/data/run", "MEDSYNTH_LOG_FORMAT=json"],
            "ExposedPorts": {"8000/tcp": {}}, "Volumes": {"/data": {}}, "StopSignal": "SIGTERM",
            "Labels": {"org.opencontainers.image.title": "medsynth", "org.opencontainers.image.version": version,
                       "org.opencontainers.image.licenses": "Apache-2.0"}},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]},
        "history": [{"created": created, "created_by": "scripts/package image"}]}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob("config.v1+json", json.dumps(config).encode()),
                "layers": [blob("layer.v1.tar+gzip", gzip.compress(plain, 9, mtime=0))]}
    pointer = {**blob("manifest.v1+json", json.dumps(manifest).encode()), "annotations": {"org.opencontainers.image.ref.name": version}}
    index = {"schemaVersion": 2, "manifests": [pointer]}
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps(index).encode(),
                           **{f"blobs/sha256/{digest}": data for digest, data in sorted(blobs.items())}}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(data), int(made_at)
            tar.addfile(entry, io.BytesIO(data))


if __name__ == "__main__":
    main(*sys.argv[1:])
