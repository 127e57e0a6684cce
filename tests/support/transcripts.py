"""The output of commands in each language, as docs/output/ has it.

The commands run on files of tests/vectors/, in an order and at an instant of their own, so the output is always the
same. A page shows the output of a command in a block below a line `<!-- output: NAME -->`. `make golden` writes the
English output into that block, and the site shows the language of its build.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from tests.support import golden

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
VECTORS = ROOT / "tests" / "vectors"
LANGUAGES = ("fi", "sv", "en")
NOW = "2028-01-11T08:00:00Z"
"""Instant of all commands: the certificates of the vectors can be renewed by then."""
FILES = {
    "key.pem": "keys/holder-p256.pem",
    "certificate.pem": "certificates/holder-p256.pem",
    "holders.pem": "trust/holders.pem",
    "services.pem": "trust/services.pem",
    "request.xml": "requests/refused-signature-indented.xml",
    "delivery.xml": "deliveries/delivery.xml",
}
SERVICE = "https://certificates.example/2017/10/CertificateServices"
COMMANDS = {
    "adopt": f"adopt payroll --store store --key key.pem --certificate certificate.pem --service {SERVICE} "
    "--trust-services services.pem --trust-holders holders.pem --environment TEST",
    "status": "status --store store",
    "verify": "verify delivery.xml --trust-holders holders.pem",
    "explain": "explain request.xml --anchors holders.pem",
}
"""Commands by the names of their outputs, in the order in which they run."""
SENTENCES = {"adopt", "verify", "explain"}
"""Commands that print sentences, whose lines are wrapped; rows of a table are not."""
WIDTH = 100
"""Characters of a wrapped line."""
_EXPECTED = {0, 3}
"""Exit codes of the commands: done, or refused by `explain` and `verify`."""
BLOCK = re.compile(r"(^( *)<!-- output: (\S+) -->\n *```\w*\n)(.*?)(^ *```$)", re.DOTALL | re.MULTILINE)


def outputs(language: str) -> dict[str, str]:
    """Return what each command prints in a language.

    The warning about `--now` is left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, source in FILES.items():
            shutil.copyfile(VECTORS / source, Path(folder, name))
            Path(folder, name).chmod(0o600)
        return {name: _printed(words.split(), language, folder) for name, words in COMMANDS.items()}


def _printed(words: list[str], language: str, folder: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sinetti", *words, "--lang", language, "--now", NOW],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode not in _EXPECTED:
        sys.exit(f"sinetti {' '.join(words)}: {done.stderr}")
    lines = [*done.stdout.splitlines(), *(line for line in done.stderr.splitlines() if "--now" not in line)]
    if words[0] in SENTENCES:
        lines = [part for line in lines for part in _wrapped(line)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _wrapped(line: str) -> list[str]:
    # Quoted octets are indented; the mark below them needs their columns.
    if len(line) <= WIDTH or line.startswith(" "):
        return [line]
    return textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)


def with_output(text: str, english: dict[str, str]) -> str:
    """Return the text of a page with the English output in its blocks."""

    def block(found: re.Match[str]) -> str:
        """Return one block with its output."""
        begin, indent, name, _, end = found.groups()
        lines = (f"{indent}{line}".rstrip() + "\n" for line in english[name].splitlines())
        return begin + "".join(lines) + end

    return BLOCK.sub(block, text)


def write_pages() -> None:
    """Write the English output into the blocks of the pages."""
    english = {name.removesuffix(".txt"): text for name, text in golden.read("transcripts/en").items()}
    for page in DOCS.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        if with_output(text, english) != text:
            page.write_text(with_output(text, english), encoding="utf-8")
