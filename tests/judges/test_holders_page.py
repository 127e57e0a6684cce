"""Both files and every command of docs/holders/client.md, in its order, against a bench.

The test itself does what people do in between: the order in the e-service, the old key of another program, the
anchors.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from sinetti.cli.main import ALIASES, CLIENT, SERVER
from sinetti.client.store import generations
from sinetti.pki import encoding
from tests.house.tree import DOCS
from tests.support.programs import holder_of, new_key, running, surroundings

PAGE = (DOCS / "holders" / "client.md").read_text(encoding="utf-8")
FIRST, FLEET = PAGE.split("## Many clients")
BEFORE, AFTER = FIRST.split("## Rehearsal")
REHEARSAL, _, REST = AFTER.partition("\n## ")
FIRST = BEFORE + REST
BEGUN, OPEN = "2027-01-11T08:00:00Z", "2028-12-20T08:00:00Z"
TRANSFER_ID = "12345678901234567890123456789012"
SECRETS = {"p12-password": "of the copy\n", "old/password": "of it\n"}


def blocks(text, language):
    """Return the code blocks of a language in a part of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(text):
    """Return every command of a part of the page, split into words as in a shell."""
    whole = [block.replace("\\\n", " ") for block in blocks(text, "sh")]
    return [shlex.split(line) for block in whole for line in block.splitlines()]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with running(tmp_path_factory.mktemp("holders") / "bench", "--http") as one:
        yield one


@pytest.fixture
def folder(bench, tmp_path):
    """Return a folder with the anchors of the bench and with secrets.

    Only the owner may read the secrets.
    """
    for role in ("services", "holders"):
        shutil.copy(bench.ready["trust"][role], tmp_path / f"{role}.pem")
    (tmp_path / "old").mkdir()
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(secret)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def written(bench, folder, text):
    """Write the sinetti.toml of a part of the page, with the bench as its service.

    The page itself names another service.
    """
    whole = "\n".join(blocks(text, "toml")).replace('"PRODUCTION"', '"TEST"').replace("systemctl", "true")
    whole = re.sub(r'^address = ".*"$', f'address = "{bench.ready["soap_url"]}"', whole, flags=re.MULTILINE)
    # The test may run at any hour.
    whole = whole.replace('["Mon-Fri 18:00-06:00", "Sat-Sun"]', '["Mon-Sun"]')
    (folder / "sinetti.toml").write_text(whole)


def run(folder, words, code=0):
    """Run one command of the page in the folder of its reader."""
    path = surroundings({})["PATH"]
    known = surroundings({"PATH": f"{Path(sys.executable).parent}:{path}", "HOME": str(folder), "LC_ALL": "C.UTF-8"})
    if os.geteuid() == 0:  # root's own sinetti.toml is read only if it is named
        known["SINETTI_CONFIG"] = "sinetti.toml"
    done = subprocess.run(words, cwd=folder, env=known, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done


def test_every_command_is_one():
    spoken = {words[1] for words in commands(PAGE) if words[0] == "sinetti"}
    assert spoken <= {*CLIENT, *ALIASES, *SERVER}
    assert {"enrol", "run", "status", "adopt", "remove", "export"} <= spoken
    named = {words.split()[1] for words in re.findall(r"`(sinetti [a-z][^`]*)`", PAGE)}
    assert named <= {*CLIENT, *SERVER}


def test_a_technical_contact_does_what_the_page_says(bench, folder):
    written(bench, folder, FIRST)
    ids = bench.order(customer_id="0123456-7", customer_name="Example Oy")
    (folder / "password").write_text(ids["transfer_password"])
    (folder / "password").chmod(0o600)
    done = []
    for words in commands(FIRST):
        run(folder, [ids["transfer_id"] if word == TRANSFER_ID else word for word in words], 0 if done else 3)
        done.append(words[1])
    assert done[:4] == ["doctor", "enrol", "password", "status"]
    assert not (folder / "password").exists()
    (row,) = bench.rows("0123456-7")
    held = generations.current(folder / "store" / "payroll")
    assert held.serial == row["serial"]
    copy = pkcs12.load_pkcs12((folder / "payroll.p12").read_bytes(), b"of the copy")
    assert copy.cert.certificate == held.certificate


def test_it_is_rehearsed_as_the_page_says(tmp_path_factory, folder):
    serve, *rest = commands(REHEARSAL)
    assert serve == ["sinetti", "testbench", "serve", "--dir", "bench", "--now", BEGUN]
    with running(tmp_path_factory.mktemp("rehearsal") / "bench", "--http", "--now", BEGUN) as one:
        for role in ("services", "holders"):
            shutil.copy(one.ready["trust"][role], folder / f"{role}.pem")
        written(one, folder, FIRST)
        ids = one.order(customer_id="0123456-7", customer_name="Example Oy")
        (folder / "password").write_text(ids["transfer_password"])
        (folder / "password").chmod(0o600)
        words = ("--transfer-id", ids["transfer_id"], "--transfer-password-file", "password", "--now", BEGUN)
        run(folder, ["sinetti", "enrol", "payroll", *words])
        assert f'{{"now": "{OPEN}"}}' in REHEARSAL
        assert one.control("PUT", "/clock", {"now": OPEN})[0] == 200
        for each in rest:
            run(folder, each)
        assert [row["renewed_by"] is None for row in one.rows("0123456-7")] == [True, False]


def old(bench, customer_id, name):
    """Get a certificate as another program does; return key and certificate."""
    key, ids = new_key(), bench.order(customer_id=customer_id, customer_name=name)
    return key, holder_of(bench, customer_id).enrolled(ids, key)


def test_a_firm_does_what_the_page_says(bench, folder):
    written(bench, folder, FLEET)
    key, certificate = old(bench, "7654321-0", "Bakery Oy")
    (folder / "old" / "key.pem").write_bytes(encoding.dump_private_key(key, None))
    (folder / "old" / "certificate.pem").write_bytes(encoding.certificate_pem(encoding.certificate_der(certificate)))
    other_key, other = old(bench, "1234567-8", "Sawmill Oy")
    octets = pkcs12.serialize_key_and_certificates(b"a", other_key, other, None, BestAvailableEncryption(b"of it"))
    (folder / "old" / "sawmill.p12").write_bytes(octets)
    for words in commands(FLEET):
        run(folder, words)
    assert not (folder / "clients" / "bakery").exists()
    assert generations.current(folder / "clients" / "sawmill.north").certificate == other
    states = {row["serial"]: row["state"] for row in bench.rows()}
    assert states[encoding.serial_hex(certificate.serial_number)] == "revoked"
    assert states[encoding.serial_hex(other.serial_number)] != "revoked"
