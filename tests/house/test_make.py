"""Make targets: those in documents exist, and `make help` lists all.

The scripts are fit to run.
"""

import os
import re
import shutil
import subprocess

import pytest

from tests.house.tree import DOCS, ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
DOCUMENTED = re.compile(r"`make ([a-z]+)[^`]*`|^make ([a-z]+)", re.MULTILINE)
PEERS = {"java", "jaxws", "mono", "node", "php"}
"""Peers that need packages of Debian."""

PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "src").rglob("*.py"), *(ROOT / "scripts").iterdir()]
SCRIPTS = [
    ROOT / ".ci" / "run",
    *(ROOT / "scripts" / name for name in ("environment", "machine", "packages", "peers", "pytest")),
]


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
    assert all(len(row) == 3 and set(row[0].split(",")) <= TARGETS | PEERS | {"venv"} for row in rows)


def test_what_is_there_already_is_not_installed_again():
    """A target that needs nothing prints nothing."""
    done = subprocess.run([str(ROOT / "scripts" / "packages"), "nothing"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


NEEDED = {
    "java": ["apt default-jdk-headless"],
    "jaxws": ["apt default-jdk-headless libjaxws-java"],
    "mono": ["apt mono-mcs libmono-system-security4.0-cil"],
    "node": ["npm build/peers/node"],
    "php": ["apt php-cli php-soap php-xml"],
    "requests": ["environment authority,test"],
    "zeep": ["environment authority,test"],
}


@pytest.mark.parametrize(("peer", "needed"), NEEDED.items(), ids=NEEDED)
def test_a_peer_brings_what_it_needs_and_nothing_else(peer, needed, tmp_path):
    """On a machine without any of it; stand-ins for the installers write down what they were to install."""
    installers = {
        "id": "echo 0", "dpkg-query": "exit 1", "node": "echo v20.19.0",
        "apt-get": '[ "$1" = update ] || echo "apt ${*:5}" >> "$LOG"',
        "npm": 'mkdir node_modules; echo "npm ${PWD#"$CLONE"/}" >> "$LOG"',
    }  # fmt: skip
    programs, clone, log = tmp_path / "programs", tmp_path / "clone", tmp_path / "log"
    programs.mkdir()
    shutil.copytree(ROOT / "scripts", clone / "scripts")
    shutil.copytree(ROOT / "tests" / "judges" / "peers" / "node", clone / "tests" / "judges" / "peers" / "node")
    (clone / "scripts" / "environment").write_text('#!/bin/bash\necho "environment $*" >> "$LOG"\n', encoding="utf-8")
    for name, text in installers.items():
        (programs / name).write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    known = {"PATH": f"{programs}:/usr/bin:/bin", "LOG": str(log), "CLONE": str(clone)}
    subprocess.run([clone / "scripts" / "peers", peer], env=known, capture_output=True, check=True)
    assert log.read_text(encoding="utf-8").splitlines() == needed
