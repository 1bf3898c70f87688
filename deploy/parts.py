"""What the program is made of besides its own source: names, versions, licences.

  deploy/parts.py list LLAMA_VERSION BOOST_VERSION WEB            JSON, for the program (medsynth version --licences)
  deploy/parts.py licences PROGRAM LLAMA WEB FOLDER               the licences' texts, a file for each part of this program
  deploy/parts.py spdx PROGRAM MADE_AT                            a bill of materials (SPDX 2.3), on standard output

WEB is the folder of the console's libraries, LLAMA that of llama.cpp. Versions are those of the machine that builds; a
library that the system does not know by a package has none.
"""

import datetime
import functools
import json
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent

# Licences as SPDX names them (spdx.org/licenses). The packages are Debian's, the first that is there.
DEBIAN = {
    "fmt": ("MIT", ["libfmt-dev"]),
    "spdlog": ("MIT", ["libspdlog-dev"]),
    "CLI11": ("BSD-3-Clause", ["libcli11-dev"]),
    "toml++": ("MIT", ["libtomlplusplus-dev"]),
    "prometheus-cpp": ("MIT", ["prometheus-cpp-dev"]),
    "OpenSSL": ("Apache-2.0", ["libssl-dev"]),
    "Expat": ("MIT", ["libexpat1-dev"]),
    "libarchive": ("BSD-2-Clause", ["libarchive-dev"]),
    "zlib": ("Zlib", ["zlib1g-dev"]),
    "utf8proc": ("MIT", ["libutf8proc-dev"]),
    "ncurses": ("X11-distribute-modifications-variant", ["libncurses-dev"]),
    # What libarchive brings along.
    "bzip2": ("bzip2-1.0.6", ["libbz2-1.0"]),
    "liblzma": ("0BSD", ["liblzma5"]),
    "Zstandard": ("BSD-3-Clause", ["libzstd1"]),
    "Nettle": ("LGPL-3.0-or-later", ["libnettle8t64", "libnettle8"]),
}
WEB = {"preact": "MIT", "htm": "Apache-2.0"}


@functools.cache
def debian(packages: tuple[str, ...]) -> tuple[str, str]:
    """Name and version of the first that is installed."""
    for name in packages:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.startswith("installed "):
            return name, done.stdout.split()[1]
    return packages[0], ""


def parts(llama: str, boost: str, web: str) -> list[dict[str, str]]:
    found = [{"name": "llama.cpp", "version": llama, "licence": "MIT", "source": f"pkg:pypi/llama-cpp-python@{llama}" if llama else ""},
             {"name": "Boost", "version": boost, "licence": "BSL-1.0", "source": f"pkg:generic/boost@{boost}"}]
    for name, (licence, packages) in DEBIAN.items():
        package, version = debian(tuple(packages)) if shutil.which("dpkg-query") else ("", "")
        source = f"pkg:deb/debian/{package}@{version.replace('+', '%2B').replace(':', '%3A')}" if version else ""
        found.append({"name": name, "version": version, "licence": licence, "source": source})
    for name, licence in WEB.items():
        version = json.loads((pathlib.Path(web) / name / "package.json").read_text())["version"]
        found.append({"name": name, "version": version, "licence": licence, "source": f"pkg:npm/{name}@{version}"})
    return found


def of_program(program: str) -> dict:
    return json.loads(subprocess.run([program, "version", "--licences", "--json"], capture_output=True, text=True, check=True).stdout)


def copy_licences(program: str, llama: str, web: str, folder: str) -> None:
    for part in of_program(program)["parts"]:
        name = part["name"]
        if name == "llama.cpp":
            text = pathlib.Path(llama) / "LICENSE"
        elif name == "Boost":
            text = HERE / "licences/boost"
        elif name in WEB:
            text = pathlib.Path(web) / name / "LICENSE"
        else:
            text = pathlib.Path("/usr/share/doc") / debian(tuple(DEBIAN[name][1]))[0] / "copyright"
        shutil.copyfile(text, pathlib.Path(folder) / name)


def spdx(program: str, made_at: str) -> dict:
    said = of_program(program)
    created = datetime.datetime.fromtimestamp(int(made_at), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    ours = {"name": "medsynth", "version": said["version"], "licence": "Apache-2.0", "source": f"pkg:generic/medsynth@{said['version']}"}
    packages, relationships = [], [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-medsynth"}]
    for part in [ours, *said["parts"]]:
        key = "SPDXRef-" + "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in part["name"])
        packages.append({"SPDXID": key, "name": part["name"], "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
                         "licenseConcluded": part["licence"], "licenseDeclared": part["licence"], "copyrightText": "NOASSERTION"})
        if part["version"]:
            packages[-1]["versionInfo"] = part["version"]
        if part["source"]:
            packages[-1]["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": part["source"]}]
        if part is not ours:
            relationships.append({"spdxElementId": "SPDXRef-medsynth", "relationshipType": "CONTAINS", "relatedSpdxElement": key})
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"medsynth-{said['version']}",
            "documentNamespace": f"urn:medsynth:sbom:{said['version']}:{made_at}",
            "creationInfo": {"created": created, "creators": ["Tool: medsynth-scripts-package"]},
            "packages": packages, "relationships": relationships}


def main(command: str, *words: str) -> None:
    if command == "list":
        print(json.dumps(parts(*words), separators=(",", ":")))
    elif command == "licences":
        copy_licences(*words)
    elif command == "spdx":
        print(json.dumps(spdx(*words), indent=1))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
