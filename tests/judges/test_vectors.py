"""xmlsec1 judges the vectors.

Signed vectors verify by the CAs of the folder. Broken ones do not.
"""

import json
import re
import shutil
import subprocess

import pytest

from tests.house.tree import ROOT
from tests.support.postgres import skip_or_fail

FOLDER = ROOT / "tests" / "vectors"
VECTORS = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))["vectors"]
SIGNED = {one["name"]: one for one in VECTORS if "canonical" in one["files"]}
BROKEN = {
    one["name"]: one
    for one in VECTORS
    if one["name"] in {"delivery-changed", "disbelieved-changed", "disbelieved-status"}
    or one["name"].startswith("refused-signature-")
}
# xmlsec1 verifies signatures alone. Their place and the other rules of the service are checks of its caller.
HOLDS_AND_IS_REFUSED = {"refused-signature-not-last", "refused-signature-with-comments"}


def document(vector) -> bytes:
    """Return the signed document: the vector itself, or the part of its envelope."""
    files = vector["files"]
    alone = files.get("document")
    octets = (FOLDER / (alone or files.get("request") or files["answer"])).read_bytes()
    found = re.search(rb":Body>(.*)</[^:>]*:Body>", octets, re.DOTALL)
    return octets if alone or found is None else found[1]


def verdict(vector, folder) -> bool:
    """Return True if xmlsec1 accepts the vector at its instant.

    It trusts the root alone.
    """
    program = shutil.which("xmlsec1")
    if program is None:
        skip_or_fail("xmlsec1 is not installed (scripts/packages judges says how)")
    place = folder / "document.xml"
    place.write_bytes(document(vector))
    certificates = FOLDER / "certificates"
    anchors = ["--trusted-pem", str(certificates / "ca-root.pem")]
    for name in ("intermediate", "ws", "services"):
        anchors += ["--untrusted-pem", str(certificates / f"ca-{name}.pem")]
    clock = ["--verification-gmt-time", vector["at"].replace("T", " ").removesuffix("Z")]
    done = subprocess.run([program, "--verify", *anchors, *clock, str(place)], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("name", [*SIGNED, "receipt", "delivery"])
def test_what_was_signed_verifies(name, tmp_path):
    found = {one["name"]: one for one in VECTORS}[name]
    if name == "receipt":
        found = found | {"files": {"document": found["files"]["receipt"]}}
    assert verdict(found, tmp_path)


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_does_not(name, tmp_path):
    assert verdict(BROKEN[name], tmp_path) is (name in HOLDS_AND_IS_REFUSED)
