"""Release: each build has the same octets, and the commands of its page find a changed file."""

import os
import re
import shutil
import subprocess
import tarfile
from zipfile import ZipFile

import pytest

from sinetti import __version__, build_version
from tests.house.tree import DOCS, ROOT, text_files
from tests.support import tools
from tests.support.web_servers import tool

RELEASE, DEB = tools.script("release"), tools.script("deb")
COMMITTED_AT = 1_790_000_000


def test_two_builds_in_different_places_at_different_times_are_equal(tmp_path):
    """The second is built from the source distribution of the first, with other rights and times of files."""
    first, second = tmp_path / "first", tmp_path / "a second" / "deeper place"
    for path in text_files():
        place = first / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    RELEASE.build(first, tmp_path / "one", COMMITTED_AT)
    (source,) = (tmp_path / "one").glob("*.tar.gz")
    with tarfile.open(source) as archive:
        assert {one.mtime for one in archive} == {COMMITTED_AT}
        archive.extractall(second, filter="data")
    (unpacked,) = second.iterdir()
    (unpacked / "PKG-INFO").unlink()
    for number, path in enumerate(sorted(unpacked.rglob("*"))):
        path.chmod(0o700 if path.is_dir() or path.stat().st_mode & 0o100 else 0o600)
        os.utime(path, (number, number))
    RELEASE.build(unpacked, tmp_path / "two", COMMITTED_AT)
    assert RELEASE.sums(tmp_path / "one") == RELEASE.sums(tmp_path / "two")
    (wheel,) = (tmp_path / "two").glob("*.whl")
    names = set(ZipFile(wheel).namelist())
    assert "sinetti/i18n/locale/fi/LC_MESSAGES/sinetti.mo" in names
    assert {name.partition("/")[0].rpartition(".")[2] for name in names} == {"sinetti", "data", "dist-info"}


def test_a_wheel_between_two_releases_names_its_commit(tmp_path):
    """As built from an archive of the commit, and from a checkout."""
    commit = DEB.run("git", "rev-parse", "HEAD").strip()
    if DEB.run("git", "tag", "--points-at", commit).strip():
        pytest.skip("this commit is a release")
    DEB.export(commit, tmp_path / "archive")
    for number, source in enumerate((tmp_path / "archive", ROOT)):
        RELEASE.build(source, tmp_path / str(number), COMMITTED_AT)
        (wheel,) = (tmp_path / str(number)).glob("*.whl")
        assert ZipFile(wheel).read("sinetti/commit.txt").decode() == commit[:8]
    assert build_version() == f"{__version__}+g{commit[:8]}"


def page_commands(heading: str) -> list[str]:
    """Return the commands below a heading of the page of releases."""
    page = (DOCS / "contributors" / "release.md").read_text(encoding="utf-8")
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^ {4,}(\S.+)$", section, re.MULTILINE)


@pytest.mark.parametrize("changed", ["none", "a file", "the sums"])
def test_the_commands_of_the_page_sign_and_check_a_release(changed, tmp_path):
    tool("ssh-keygen")
    folder = tmp_path / "build" / "release"
    folder.mkdir(parents=True)
    for name in ("sinetti.whl", "requirements.lock"):
        (folder / name).write_text(name, encoding="ascii")
    (folder / RELEASE.SUMS).write_text(RELEASE.sums(folder), encoding="ascii")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "RELEASE_KEY"], check=True)
    public = (tmp_path / "RELEASE_KEY.pub").read_text(encoding="ascii")
    (folder / "allowed-signers").write_text(f'release namespaces="sinetti-release@v1" {public}', encoding="ascii")
    sign, _tag = page_commands("A release")
    verify, check, _build = page_commands("Checking a release")
    subprocess.run(sign, shell=True, cwd=tmp_path, capture_output=True, check=True)  # noqa: S602 - the page's own line
    if changed == "a file":
        (folder / "sinetti.whl").write_text("other", encoding="ascii")
    elif changed == "the sums":
        (folder / "sinetti.whl").write_text("other", encoding="ascii")
        (folder / RELEASE.SUMS).write_text(RELEASE.sums(folder), encoding="ascii")
    codes = [
        subprocess.run(line, shell=True, cwd=folder, capture_output=True, check=False).returncode  # noqa: S602
        for line in (verify, check)
    ]
    assert [code == 0 for code in codes] == {
        "none": [True, True], "a file": [True, False], "the sums": [False, True]
    }[changed]  # fmt: skip
