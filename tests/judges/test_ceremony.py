"""A whole ceremony by the commands of its page, on two machines without a route between them.

Each machine is a network namespace of its own. The offline one cannot import the libraries of the authority. Afterwards
openssl and pkilint judge everything that the ceremonies made.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.authority.ceremony import package_digest
from sinetti.ca.ceremony.sets import parse_result_set
from sinetti.ca.ceremony.shares import combine_shares, parse_share
from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import load_certificate
from tests.ca.linters import certificate_findings, list_findings
from tests.house.tree import ROOT
from tests.support.ceremonies import PEOPLE, ScriptedDesk
from tests.support.officers import NAMES, approve, key_of
from tests.support.postgres import skip_or_fail

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

PAGE = ROOT / "docs" / "operators" / "ceremony.md"
CARRIED = ("carried", "carried-lists", "carried-v2", "carried-r", "carried-officers")
INSTANT = re.compile(r"[0-9-]{10}T[0-9:]{8}Z")
NEW_OFFICERS = ("dora", "emil", "fia")
WITHOUT_EXTRAS = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"django", "allauth", "granian", "psycopg", "fido2", "argon2"}:
            raise ImportError(name)

sys.meta_path.insert(0, Missing())
from sinetti.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
PROMPT = re.compile(r"(?:^|\n)([^\n]+: )$")


@dataclass
class Office:
    """Commands about an authority's proposals."""

    root: str

    def run(self, *words):
        """Run a command; return exit code, output and messages."""
        command = [sys.executable, "-m", "sinetti", "authority", *map(str, words), "--dir", self.root]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def does(self, *words):
        """Run a command that succeeds; return its output."""
        code, out, err = self.run(*words)
        assert code == 0, err
        return out


@dataclass
class Machines:
    """Two machines that share a disk, and the people between them with their papers."""

    folder: Path
    desk: ScriptedDesk
    said: str = ""

    def run(self, words, *, is_online):
        """Run a command of the page on one machine, and answer its prompts."""
        program = ["-m", "sinetti"] if is_online else ["-c", WITHOUT_EXTRAS]
        command = ["unshare", "-n", "env", "LANG=C.UTF-8", sys.executable, *program, *words]
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, cwd=ROOT, **streams) as process:
            self.said, unread = "", ""
            while octets := os.read(process.stdout.fileno(), 65536):
                unread += octets.decode()
                *lines, rest = unread.split("\n")
                for line in lines:
                    self.desk.show(line)
                self.said += octets.decode()
                unread = rest
                if PROMPT.search(unread):
                    process.stdin.write(f"{self.desk.ask(unread)}\n".encode())
                    process.stdin.flush()
                    unread = ""
        if process.returncode == 3 and "Proposed: " in self.said and "--approval" not in words:
            proposal = self.said.partition("Proposed: ")[2].partition(".")[0]
            approve(Office(words[words.index("--dir") + 1]), proposal, self.folder)
            self.run([*words, "--approval", proposal], is_online=is_online)
        else:
            assert process.returncode == 0, self.said

    @property
    def words(self):
        """The ten words that were printed last, as they stand on paper."""
        return re.findall(r"^  ((?:[a-z]{6} ){9}[a-z]{6})$", self.said, re.MULTILINE)[-1]


def commands():
    """Yield the words of each command of the page that is needed, in its order."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        is_command = line.startswith("    ") and line.lstrip().startswith("sinetti ")
        words = shlex.split(line) if is_command else []
        if words and "--rehearse" not in words:
            yield words[1:]


def planned(text):
    """Put people and officers into a plan, as its readers do."""
    for name in PEOPLE:
        line = key_of(name).public.read_text().strip()
        text = re.sub(rf'(name = "{name}"\nrole = .*\nkey = )"KEY"', rf'\1"{line}"', text)
    text = re.sub(r'latest = "[\d-]{10}"', f'latest = "{utc_now() + timedelta(days=1):%Y-%m-%d}"', text, count=1)
    head, officers, _ = text.partition("\n# The new officers.")
    if not officers:
        return text
    rows = (f'\n[[officers]]\nname = "{one}"\nrole = "approver"\nkey = "{_line(one)}"\n' for one in NEW_OFFICERS)
    return head + "".join(rows)


def _line(name):
    return key_of(name).public.read_text().strip()


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Carry out every command of the page, and return the machines."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        skip_or_fail("network namespaces need root and unshare (util-linux)")
    folder = tmp_path_factory.mktemp("ceremony")
    for name in (*CARRIED, "etc"):
        (folder / name).mkdir()
    machines = Machines(folder, ScriptedDesk(folder / "carried"))
    for words in commands():
        placed = [placed_in(folder, word) for word in words]
        is_online = words[0] == "authority"
        if ">" in placed:
            *placed, _, plan = placed
            made = subprocess.run([sys.executable, "-m", "sinetti", *placed], cwd=ROOT, capture_output=True, check=True)
            Path(plan).write_text(planned(made.stdout.decode()), encoding="utf-8")
            continue
        if "--exchange" in words:
            machines.desk.exchange = Path(placed[words.index("--exchange") + 1])
        machines.run(placed, is_online=is_online)
        if {"--request-set", "--request-out"} & set(words) or words[:2] == ["ceremony", "run"]:
            machines.desk.words = machines.words
    return machines


def placed_in(folder, word):
    """Return a word of a command with the paths of this test."""
    name, equals, key = word.partition("=")
    if name in NAMES and equals and key == f"{name}.pub":
        return f"{name}={key_of(name).public}"
    if INSTANT.fullmatch(word):
        return f"{utc_now():%Y-%m-%dT%H:%M:%SZ}"
    for path, place in (("/media/", ""), ("/srv/", ""), ("/etc/sinetti/", "etc/")):
        if word.startswith(path):
            return str(folder / place / word.removeprefix(path))
    return str(folder / word) if word.endswith(".toml") else word


def results(walked):
    """Return the result sets of founding and lists."""
    names = ("carried", "carried-lists")
    return [parse_result_set((walked.folder / name / "result-set.json").read_bytes()) for name in names]


def test_the_authority_can_be_used_with_what_was_made(walked):
    root = walked.folder / "sinetti"
    words = ("authority", "officer", "list", "--json", "--dir", str(root))
    done = subprocess.run([sys.executable, "-m", "sinetti", *words], cwd=ROOT, capture_output=True, check=True)
    removed = {row["name"]: row["removed"] is not None for row in json.loads(done.stdout)}
    assert removed == {**dict.fromkeys(NAMES, True), **dict.fromkeys(NEW_OFFICERS, False)}
    assert not list(root.rglob("SinettiRoot*.pem"))


def test_the_page_has_every_kind_of_ceremony(walked):
    for name in CARRIED:
        transcript = (walked.folder / name / "transcript.fi.txt").read_text(encoding="utf-8")
        assert transcript.startswith("Avainseremonian pöytäkirja")


def test_the_machines_have_no_route(walked):
    assert walked.folder.exists()
    done = subprocess.run(["unshare", "-n", "cat", "/proc/net/route"], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) <= 1


def test_pkilint(walked):
    founded, lists = results(walked)
    assert len(founded.certificates) == 5
    assert not any(certificate_findings(der) for der in founded.certificates.values())
    for one in (founded, lists):
        assert [list_findings(der) for der in one.lists.values()] == [set()] * 4


def openssl(*words):
    program = shutil.which("openssl")
    if program is None:
        skip_or_fail("openssl is not installed (scripts/packages judges says how)")
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)


def pem(path, *certificates):
    path.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in certificates))
    return path


def test_openssl(walked, tmp_path):
    founded, lists = results(walked)
    certificates = {name: load_certificate(der) for name, der in founded.certificates.items()}
    root, intermediate = (certificates.pop(f"Sinetti{name}CAv1") for name in ("Root", "Intermediate"))
    crls = [x509.load_der_x509_crl(der) for der in lists.lists.values()]
    ways = (
        *("-CAfile", pem(tmp_path / "root.pem", root), "-untrusted", pem(tmp_path / "middle.pem", intermediate)),
        *("-CRLfile", pem(tmp_path / "crls.pem", *crls)),
    )
    strict = ("verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-crl_check_all")
    for one in certificates.values():
        done = openssl(*strict, *ways, pem(tmp_path / "one.pem", one))
        assert done.returncode == 0, done.stderr


def test_openssl_opens_the_keys_of_the_medium_with_the_key_of_the_custodians(walked):
    sheets = walked.desk.sheets
    key = combine_shares(parse_share(sheets["AC", "A"]), parse_share(sheets["AC", "C"])).hex()
    files = [path for path in (walked.folder / "vault" / "sinetti").glob("*.pem") if ".cer" not in path.name]
    assert len(files) == 2
    for path in files:
        assert openssl("pkey", "-in", path, "-passin", f"pass:{key}", "-noout").returncode == 0
        assert openssl("pkey", "-in", path, "-passin", "pass:wrong", "-noout").returncode != 0


def test_the_digest_of_the_software_by_hand():
    """The page says how people compute it without Sinetti."""
    (line,) = re.findall(r"^    (find .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    done = subprocess.run(["bash", "-c", line], cwd=ROOT / "src" / "sinetti", capture_output=True, check=True)
    assert done.stdout.split()[0].decode() == package_digest()
