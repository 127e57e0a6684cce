"""Lost officers as docs/operators/ceremony.md says, after the installation of deploy/README.md."""

import json
import re

import pytest

from tests.house.tree import DOCS
from tests.support.ceremonies import PEOPLE
from tests.support.officers import founders, key_of
from tests.support.packaged import AUTHORITY, packaged_machine

LOST, NEW = ("anna", "ben", "carl"), ("dora", "emil", "fia")
CARRIED = "/media/carried-officers"
WORDS = re.compile(r"^  ((?:[a-z]{6} ){9}[a-z]{6})$", re.MULTILINE)


@pytest.fixture
def machine():
    """Yield a machine with an authority that deploy/README.md founded."""
    with packaged_machine() as one:
        one.found()
        one.does(f"install -d -o sinetti {CARRIED}")
        yield one


def planned(text):
    """Put people and new officers into a plan, as its readers do."""
    for name in PEOPLE:
        text = re.sub(rf'(name = "{name}"\nrole = .*\nkey = )"KEY"', rf'\1"{line_of(name)}"', text)
    head, _, _ = text.partition("\n# The new officers.")
    return head + "".join(f'\n[[officers]]\nname = "{one}"\nrole = "approver"\nkey = "{line_of(one)}"\n' for one in NEW)


def line_of(name):
    return key_of(name).public.read_text().strip()


def ceremony(machine, line, words, phrase):
    """Run the ceremony, and answer its prompts in their order; sign the transcript at the end."""
    folder = machine.at(CARRIED)
    people = ["yes"] * len(PEOPLE)
    answers = ["yes", "yes", "yes", *people, "yes", words, "yes", "a wrong one", phrase, "yes", "yes", "yes"]
    code, out, err = machine.run(line, "\n".join(answers))
    assert (code, (folder / "transcript.json").exists()) == (4, True), (out, err)
    assert "the pass-phrase does not open" in out
    for name in PEOPLE:
        octets = (folder / "transcript.json").read_bytes()
        (folder / f"{name}.sig").write_bytes(key_of(name).sign(octets, "sinetti-ceremony@v1"))
    answers = [*people, words, "yes", *[""] * len(PEOPLE), ""]
    code, again, err = machine.run(line, "\n".join(answers))
    assert code == 0, (again, err)
    return out


def test_the_way_back_from_lost_officers(machine):
    """The folder of `--offline-dir` is the medium: two custodians type its pass-phrase."""
    page = (DOCS / "operators" / "ceremony.md").read_text(encoding="utf-8")
    part = page.partition("## Lost officers\n")[2].partition("\n## ")[0]
    lines = [line.strip() for line in part.splitlines() if line.startswith("    sinetti ")]
    plan, recover, run, take = (one.replace("/srv/sinetti", AUTHORITY) for one in lines)
    machine.setup = f"cd {CARRIED}"
    machine.does(plan)
    path = machine.at(CARRIED) / "officers.toml"
    path.write_text(planned(path.read_text()))
    code, out, err = machine.run(f"runuser -u sinetti -- {recover}")
    assert code == 0, err
    (words,) = WORDS.findall(out + err)
    phrase = machine.at("/run/ceremony/vault-passphrase").read_text().strip()
    (back,) = WORDS.findall(ceremony(machine, run, words, phrase))
    machine.does(f"runuser -u sinetti -- {take}", f"{back}\n")
    rows = json.loads(machine.does(f"runuser -u sinetti -- sinetti authority officer list --json --dir {AUTHORITY}"))
    assert {row["name"] for row in rows if row["removed"] is None} == set(NEW)
    assert {row["name"] for row in rows if row["removed"] is not None} == set(LOST)


def test_a_root_key_that_no_ceremony_has_is_reported_before_officers_are_lost(sqlite_operator):
    """In TEST the key is in the folder of the authority."""
    sqlite_operator.found(*founders())
    sentence = sqlite_operator.refused(2, "officer", "recover", "--request-set", sqlite_operator.root / "request.json")
    assert "the key of SinettiRootTestCAv1 is in this folder" in sentence
    assert not (sqlite_operator.root / "request.json").exists()
