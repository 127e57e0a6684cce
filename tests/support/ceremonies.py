"""Ceremonies for tests: participants with keys, plans, and a desk where a script answers."""

import re
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.ceremony import TRANSCRIPT, Ceremony
from sinetti.authority.ceremony_requests import ImportOptions, begin_founding, import_founding
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.initialise import InitOptions
from sinetti.ca.ceremony.plan import NAMESPACE, default_plan, parse_plan
from sinetti.ca.ceremony.sets import CeremonyKind
from sinetti.ca.ceremony.words import digest_words
from sinetti.ca.hierarchy_config import load_preset
from sinetti.domain.values import Environment
from sinetti.settings.authority import AuthoritySettings
from tests.support.officers import key_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
URL = "http://pki.example"
SETTINGS = AuthoritySettings(Environment.TEST, URL, "https://soap.example/soap")
PASSPHRASE = b"a pass-phrase of the online keys"
PEOPLE = ("ADMINISTRATOR", "CUSTODIAN-A", "CUSTODIAN-B", "CUSTODIAN-C", "WITNESS")
ROOTS = ("SinettiRootTestCAv1", "SinettiIntermediateTestCAv1")
QUICK = load_preset("default").replace("ec-p384", "ec-p256")


def founding(now=NOW, hierarchy=None, **changes):
    """Return the options of a founding that awaits a ceremony."""
    options = InitOptions(DirectoryKind.AUTHORITY, hierarchy or load_preset("default"), SETTINGS, now)
    return replace(options, passphrase=PASSPHRASE, **changes)


def plan_text(kind=CeremonyKind.FOUNDING, now=NOW, hierarchy=None, officers=("dora", "emil"), request=None):
    """Return a plan with the keys of these tests' people."""
    text = default_plan(kind, Environment.TEST, now, (hierarchy or load_preset("default"), URL), request)
    for name in PEOPLE:
        line = key_of(name).public.read_text().strip()
        text = re.sub(rf'(name = "{name}"\nrole = .*\nkey = )"KEY"', rf'\1"{line}"', text)
    before, _, _ = text.partition("\n# The new officers.")
    if kind is CeremonyKind.OFFICERS:
        rows = (f'\n[[officers]]\nname = "{one}"\nrole = "approver"\nkey = "{_line(one)}"\n' for one in officers)
        return before + "".join(rows)
    return text


def _line(name):
    return key_of(name).public.read_text().strip()


@dataclass
class ScriptedDesk:
    """ScriptedDesk whose script answers each prompt; `answers` has other answers by a part of the prompt.

    `sheets` are the custodians' papers, which are also in the file `paper` if there is one. `words` is the paper from
    the online machine.
    """

    exchange: Path
    words: str = ""
    sheets: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    shown: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    pair: str = "AB"
    cleared: int = 0
    paper: Path | None = None

    def __post_init__(self):
        if self.paper is not None and self.paper.exists():
            self.sheets = {(line[:2], line[3]): line for line in self.paper.read_text().splitlines()}

    def show(self, text):
        self.shown.append(text)
        found = re.fullmatch(r"([ABC]{2}) ([ABC]) .*", text)
        if found:
            self.sheets[found[1], found[2]] = text
            if self.paper is not None:
                self.paper.write_text("".join(f"{line}\n" for line in self.sheets.values()))

    def clear(self):
        self.cleared += 1

    def ask(self, prompt, *, is_secret=False):
        self.asked.append((prompt, is_secret))
        for part, answer in self.answers.items():
            if part in prompt:
                found = answer.pop(0) if isinstance(answer, list) and answer else answer
                if found is EOFError:
                    raise EOFError
                if isinstance(found, str):
                    return found
        return self._answer(prompt)

    def _answer(self, prompt):
        if back := re.search(r"Type the sheet (..) (.) back", prompt):
            return self.sheets[back[1], back[2]]
        if share := re.search(r"Type a share .*\((\d) of 2\)", prompt):
            return self.sheets[self.pair, self.pair[int(share[1]) - 1]]
        if "Type the words" in prompt:
            return self.words
        if waited := re.search(r"when (.*)\.sig is", prompt):
            sign(self.exchange, waited[1])
            return ""
        return "yes"


def sign(exchange, name):
    """Sign the transcript as a person, with `ssh-keygen`."""
    octets = (exchange / TRANSCRIPT).read_bytes()
    (exchange / f"{name}.sig").write_bytes(key_of(name).sign(octets, NAMESPACE))


def ceremony(tmp_path, text, request=None, *, desk=None, now=NOW, exchange="carried", **changes):
    """Return a ceremony in a folder with this request set, at a desk that answers."""
    folder = tmp_path / exchange
    folder.mkdir(exist_ok=True)
    if request is not None:
        (folder / "request-set.json").write_bytes(request.octets)
    desk = desk or ScriptedDesk(folder)
    if request is not None:
        desk.words = " ".join(digest_words(request.octets))
    return Ceremony(parse_plan(text.encode()), tmp_path / "medium", folder, desk, lambda: now, **changes)


@dataclass(frozen=True)
class Founded:
    """An authority that a ceremony founded: its folder, the medium, and the custodians' sheets."""

    root: Path
    medium: Path
    sheets: dict

    def copied_to(self, folder):
        """Return a copy of both in an empty folder, whose medium is where `ceremony` looks."""
        shutil.copytree(self.root, folder / "authority")
        shutil.copytree(self.medium, folder / "medium")
        return Founded(folder / "authority", folder / "medium", dict(self.sheets))

    def opened(self, now=NOW + timedelta(hours=2)):
        """Open the authority, with a clock that stands still."""
        manner = RuntimeOptions(now=lambda: now)
        return open_authority(self.root, DirectoryKind.AUTHORITY, manner, passphrase=PASSPHRASE)

    def answer(self, folder, request, text, exchange="second", **changes):
        """Run a ceremony for a request, and return its result set."""
        done = ceremony(folder, text, request, exchange=exchange, **changes)
        done.desk.sheets.update(self.sheets)
        done.run()
        return (folder / exchange / "result-set.json").read_bytes()


def options(now=NOW + timedelta(hours=1), **changes):
    """Return the options of taking a result in."""
    return ImportOptions(now, "operator", "request", PASSPHRASE, **changes)


@cache
def founded():
    """Return an authority that a ceremony founded, once per process."""
    _kept.append(TemporaryDirectory(prefix="sinetti-ceremony-"))
    folder = Path(_kept[-1].name)
    request = begin_founding(folder / "authority", founding(hierarchy=QUICK))
    first = ceremony(folder, plan_text(hierarchy=QUICK), request)
    first.run()
    import_founding(folder / "authority", (folder / "carried" / "result-set.json").read_bytes(), options())
    return Founded(folder / "authority", folder / "medium", first.desk.sheets)


_kept = []
"""Folders that are removed when the process ends."""
