"""Every command of docs/integrators/integrators.md, in its order, in an empty folder, in each language of the site.

The programs are bash, curl, OpenSSL and, where it is installed, keytool. The commands start their bench themselves.
"""

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from lxml import html

from sinetti.client.messages import messages
from sinetti.domain.values import Language
from sinetti.i18n.translate import translate
from tests.house.tree import DOCS, ROOT
from tests.support.postgres import skip_or_fail
from tests.support.programs import surroundings

PAGE = (DOCS / "integrators" / "integrators.md").read_text(encoding="utf-8")
SITE = ROOT / "build" / "docs"
LANGUAGES = ("fi", "sv", "en")
BEGIN = "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n"
"""First lines of the script of all commands.

The script ends at the first error. The bench ends with its shell.
"""


def commands_of(language: str) -> str:
    """Return the commands of the guide as the site shows them in a language."""
    page = SITE / language / "integrators" / "integrators.html"
    if not page.is_file():
        skip_or_fail("the site is not built: make docs")
    blocks = html.parse(str(page)).getroot().xpath("//div[contains(@class, 'highlight-sh')]//pre")
    return "\n".join(block.text_content() for block in blocks)


def played(language: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the commands in an empty folder, with messages in a language."""
    path = surroundings({})["PATH"]
    environment = surroundings(
        {"PATH": f"{Path(sys.executable).parent}:{path}", "HOME": str(folder), "LC_ALL": f"{language}_FI.UTF-8"}
    )
    return subprocess.run(
        ["bash", "-c", BEGIN + commands_of(language)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=140,
        check=False,
    )


@pytest.fixture(scope="module")
def guides(tmp_path_factory):
    """Run the guide of every language, all at the same time; return folders and results."""
    for program in ("bash", "curl", "openssl"):
        if shutil.which(program) is None:
            skip_or_fail(f"{program} is not installed (scripts/packages judges says how)")
    folders = {language: tmp_path_factory.mktemp(f"guide-{language}") for language in LANGUAGES}
    with ThreadPoolExecutor(len(folders)) as pool:
        done = pool.map(played, folders, folders.values())
    return {language: (folders[language], one) for language, one in zip(folders, done, strict=True)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_commands_of_the_guide_lead_to_a_renewal(guides, language):
    folder, done = guides[language]
    assert done.returncode == 0, done.stdout + done.stderr
    warning = translate(messages.NOW_IS_FOR_BENCHES, Language(language), at="@").partition("@")[0]
    assert warning in done.stderr  # messages are in the language, too
    old, new = (
        x509.load_pem_x509_certificate((folder / name).read_bytes())
        for name in ("certificate.pem", "next-certificate.pem")
    )
    assert old.subject == new.subject
    assert old.not_valid_before_utc < new.not_valid_before_utc < old.not_valid_after_utc
    assert json.loads((folder / "bench.json").read_text())["soap_url"].startswith("https://127.0.0.1:")
    for name in ("payroll.pfx", "next-certificate.cer", "next-key.der"):
        assert (folder / name).stat().st_size
    assert x509.load_der_x509_certificate((folder / "next-certificate.cer").read_bytes()) == new


def test_every_language_has_the_same_commands():
    english = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    assert {commands_of(language) for language in LANGUAGES} == {english}


def test_a_bench_that_does_not_start_is_not_waited_for(tmp_path):
    (first, *_) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    command = f"sinetti() {{ echo 'the port is taken' >&2; return 5; }}\n{first}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "the port is taken\n"
