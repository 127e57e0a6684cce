"""Writer of the tables in docs/contributors/judges.md.

The tables list which peer passed with which key and recipe, and the versions that passed.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from importlib.metadata import version
from pathlib import Path

from tests.house.tree import ROOT
from tests.judges import signature_judges
from tests.judges.exchange import Case, Played
from tests.judges.peers import KEYS, PEERS, RECIPES

PAGE, FOLDER = ROOT / "docs" / "contributors" / "judges.md", ROOT / "tests" / "judges"
BEGIN, END = "<!-- What follows is written by `make judges`. -->", "<!-- Here it ends. -->"
PASSED = "passed"

_PROGRAMS = {
    "openssl": (("openssl", "version"), r"OpenSSL (\S+)"),
    "GnuTLS": (("certtool", "--version"), r"certtool (\S+)"),
    "JDK": (("java", "-version"), r'version "(\S+)"'),
    "zlint": (("zlint", "-version"), r"version (\S+)"),
    "nginx": (("nginx", "-v"), r"nginx/(\S+)"),
    "HAProxy": (("haproxy", "-v"), r"version (\S+)"),
    "OpenSSH": (("ssh", "-V"), r"OpenSSH_(\S+?),? "),
}


def is_whole(modules: AbstractSet[Path]) -> bool:
    """Return True if a run had the tests of all judges in this folder.

    The page names all of them as judges that passed.
    """
    return modules >= set(FOLDER.glob("test_*.py"))


def judges() -> list[str]:
    """Return the programs that judged, as "name version"."""
    found = signature_judges.versions()
    for name, (command, pattern) in _PROGRAMS.items():
        if shutil.which(command[0]) is not None:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            said = re.search(pattern, done.stdout + done.stderr)
            found.append(f"{name} {said[1] if said else ''}".strip())
    return [*found, f"pkilint {version('pkilint')}"]


def written(played: Mapping[Case, Played], peers: Mapping[str, Iterable[str]], others: Iterable[str]) -> str:
    """Return the part of the page that a run writes."""
    rows = [
        "| peer | key | SignNewCertificate | GetCertificate | RenewCertificate, exclusive | … inclusive |",
        "|---|---|---|---|---|---|",
    ]
    for peer in PEERS:
        for key in KEYS:
            if key not in peer.keys:
                rows.append(f"| {peer.name} | {key} |{' – |' * 4}")
                continue
            both = [played[Case(peer.name, key, recipe)] for recipe in RECIPES]
            began = PASSED if all(one.enrolled is not None and one.enrolled.returncode == 0 for one in both) else "–"
            renewed = [PASSED if one.whole else "–" for one in both]
            rows.append(f"| {peer.name} | {key} | {began} | {began} | {renewed[0]} | {renewed[1]} |")
    stands = [
        f"| {peer.name} | {'; '.join(filter(None, (peer.stands_on, peer.why_not)))} | {', '.join(peers[peer.name])} |"
        for peer in PEERS
    ]
    return "\n".join(
        [
            *rows,
            "",
            "| peer | libraries | versions |",
            "|---|---|---|",
            *stands,
            "",
            f"Judges: {', '.join(others)}.",
            "",
        ]
    )


def renewed(page: str, part: str) -> str:
    """Replace the written part of the page; return the page."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{part}\n{END}{rest.partition(END)[2]}"
