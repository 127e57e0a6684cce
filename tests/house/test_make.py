"""Make targets: those in documents exist, and `make help` lists all.

The scripts are fit to run.
"""

import os
import re
import subprocess

import pytest

from tests.house.tree import DOCS, ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
DOCUMENTED = re.compile(r"`make ([a-z]+)[^`]*`|^make ([a-z]+)", re.MULTILINE)
PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "src").rglob("*.py"), *(ROOT / "scripts").iterdir()]
SCRIPTS = [ROOT / ".ci" / "run", *(ROOT / "scripts" / name for name in ("environment", "packages", "peers", "pytest"))]


def test_documented_targets_exist():
    for page in PAGES:
        if page.is_file():
            for pair in DOCUMENTED.findall(page.read_text(encoding="utf-8")):
                assert (pair[0] or pair[1]) in TARGETS, page


def test_help_names_every_target():
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(re.findall(r"^  make ([a-z]+) ", shown.stdout, re.MULTILINE)) == TARGETS


def test_help_is_what_comes_without_a_target():
    shown = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make demo" in shown.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_executable_and_parse(script):
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_debian_packages_have_target_name_and_reason():
    lines = (ROOT / "scripts" / "debian-packages.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(maxsplit=2) for line in lines if not line.startswith("#")]
    assert all(len(row) == 3 and row[0] in TARGETS | {"venv"} for row in rows)


def test_what_is_there_already_is_not_installed_again():
    """A target that needs nothing prints nothing."""
    done = subprocess.run([str(ROOT / "scripts" / "packages"), "nothing"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
