"""Debian packages (deploy/debian): what they name exists, and each unit finds its user, folders and settings there."""

import re
import subprocess
import tomllib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.client.config import loader
from sinetti.gateway.settings import load_settings
from tests.gateway.material import ANCHORS
from tests.house.tree import ROOT
from tests.support import tools

DEBIAN, UNITS = ROOT / "deploy" / "debian", sorted((ROOT / "deploy" / "systemd").iterdir())
DEB = tools.script("deb")
CONTROL = (DEBIAN / "control").read_text(encoding="utf-8")
MADE = ("build/", "debian/")
PROGRAM = "/opt/sinetti/bin/sinetti"
OWN = {"sinetti-sftp"}
"""Folders of units that the administrator makes (docs/relying/sftp.md)."""


def package_of(unit):
    """Return the package of a unit, as debian/rules has it."""
    named = re.match(r"sinetti-(agent|gateway)", unit)
    return {"agent": "sinetti", "gateway": "sinetti-gateway", None: "sinetti-authority"}[named and named[1]]


def values(unit, key):
    """Return the words of a setting in a unit."""
    lines = re.findall(rf"^{key}=(.+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    return [word for line in lines for word in line.split()]


def listed(package, kind):
    """Return the lines of a file in deploy/debian without comments."""
    path = DEBIAN / f"{package}.{kind}"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [line for line in lines if line and not line.startswith("#")]


def test_the_packages_are_those_that_the_script_fills():
    assert re.findall(r"^Package: (.+)$", CONTROL, re.MULTILINE) == list(DEB.TREES)
    assert set(DEB.PYTHON.removeprefix("/usr/bin/python").split()) == {"3.13"}
    assert "python3 (<< 3.14~), python3 (>= 3.13~)" in CONTROL


@pytest.mark.parametrize("package", DEB.TREES)
def test_what_a_package_lists_is_there(package):
    named = [line.split()[0] for kind in ("install", "examples") for line in listed(package, kind)]
    assert [one for one in named if not one.startswith(MADE) and not (ROOT / one).exists()] == []
    ours = [one.removeprefix("debian/") for one in named if one.startswith("debian/")]
    assert [one for one in ours if not (DEBIAN / one).is_file()] == []


@pytest.mark.parametrize("package", DEB.TREES)
def test_its_python_packages_are_locked(package):
    text, (_, extras) = DEB.lock.LOCK.read_text(encoding="utf-8"), DEB.TREES[package]
    pins = {DEB.lock.pin(one)[0] for one in DEB.lock.select(text, extras)}
    assert {DEB.lock.canonical(one) for one in DEB.lock.requirements(extras)} <= pins


@pytest.mark.parametrize("unit", [one for one in UNITS if one.suffix == ".service"], ids=lambda one: one.name)
def test_a_unit_finds_what_it_needs(unit):
    package, text = package_of(unit.name), unit.read_text(encoding="utf-8")
    assert PROGRAM in text, "debian/rules puts /usr/bin/sinetti there"
    (page,) = re.findall(r"^Documentation=man:(sinetti-[a-z]+)\(1\)$", text, re.MULTILINE)
    assert (ROOT / "docs" / "man" / f"{page}.1").is_file()
    users = {line.split()[1] for one in ("sinetti-authority", package) for line in listed(one, "sysusers")}
    assert {*values(unit, "User"), *values(unit, "Group")} <= users
    folders = {line.split()[1] for line in listed(package, "tmpfiles")}
    assert {f"/var/lib/{one}" for one in values(unit, "StateDirectory")} <= folders
    assert {one.split("/")[2] for one in re.findall(r"/etc/[^\s:\"]+", text)} <= {"sinetti"}, "its settings' folder"
    kept = {one.split("/")[3] for one in re.findall(r"/var/lib/[^\s:\"]+", text)} - OWN
    assert kept <= {one.split("/")[3] for one in folders}


@pytest.mark.parametrize("script", [*DEBIAN.glob("*.postrm")], ids=lambda one: one.name)
def test_scripts_parse(script):
    subprocess.run(["/bin/sh", "-n", script], check=True)


PERSISTENT = [one for one in UNITS if one.suffix == ".timer" and values(one, "Persistent") == ["yes"]]


@pytest.mark.parametrize("unit", PERSISTENT, ids=lambda one: one.name)
def test_purging_removes_the_stamp_of_a_persistent_timer(unit):
    script = (DEBIAN / f"{package_of(unit.name)}.postrm").read_text(encoding="utf-8")
    looped = re.search(r"for timer in ([a-z -]+);", script)
    stamps = {f"stamp-sinetti-{one}.timer" for one in (looped[1].split() if looped else ())}
    stamps |= set(re.findall(r"stamp-[a-z-]+\.timer", script))
    assert f"stamp-{unit.name}" in stamps


def uncommented(path, folder):
    """Write sample settings into a folder with the values that are comments."""
    text = re.sub(r"^# (?=[a-z_]+ = |\[)", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (folder / path.name).write_text(text, encoding="utf-8")
    return folder / path.name


def test_the_sample_settings_are_valid(tmp_path):
    for name in ("services.pem", "holders.pem"):
        (tmp_path / name).write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in ANCHORS))
    read = loader.read(uncommented(DEBIAN / "sinetti.toml", tmp_path))
    assert (list(read.services), list(read.entries)) == (["register"], ["payroll"])
    settings = load_settings(uncommented(DEBIAN / "gateway.toml", tmp_path))
    assert [one.file for one in settings.lists] == ["DataProvidersIssuingCAv1.crl"]


def test_the_settings_as_installed_name_the_store_alone(tmp_path):
    """A package that is only installed has no service; `sinetti` then says what is missing."""
    (tmp_path / "sinetti.toml").write_bytes((DEBIAN / "sinetti.toml").read_bytes())
    read = loader.read(tmp_path / "sinetti.toml")
    assert (str(read.store), read.services, read.entries) == ("/var/lib/sinetti-agent/store", {}, {})
    assert not tomllib.loads((DEBIAN / "gateway.toml").read_text(encoding="utf-8"))


def test_versions_between_releases_sort_after_the_release():
    made = DEB.version_of(ROOT, DEB.run("git", "rev-parse", "HEAD").strip(), None)
    assert re.fullmatch(r"\d+\.\d+\.\d+(\+git\d{14}\.[0-9a-f]{8})?", made)
    assert DEB.version_of(ROOT, "", "0.1.0") == "0.1.0"
