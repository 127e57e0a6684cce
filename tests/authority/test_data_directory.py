"""Folder of an authority: created atomically, and used only for its kind."""

import stat

import pytest

from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError, atomic_directory
from sinetti.infra.atomic_files import write_synced


@pytest.fixture
def root(tmp_path):
    return tmp_path / "place" / "authority"


def make(root, kind=DirectoryKind.AUTHORITY):
    with atomic_directory(root) as folder:
        folder.kind.write_text(f"{kind}\n")
        write_synced(folder.passphrase, b"secret")


def test_it_is_made_at_once(root):
    with atomic_directory(root) as folder:
        assert folder.root != root
        assert not root.exists()
        folder.kind.write_text("authority\n")
    assert [path.name for path in root.parent.iterdir()] == ["authority"]
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in root.iterdir() if path.is_dir()} == {0o700}


def test_the_embedded_register_is_its_owners(root):
    with atomic_directory(root) as folder:
        folder.sqlite_file.write_bytes(b"")
        folder.sqlite_file.chmod(0o644)
    assert stat.S_IMODE(DataDirectory(root).sqlite_file.stat().st_mode) == 0o600


def test_an_empty_folder_is_taken_over(root):
    root.mkdir(parents=True)
    make(root)
    DataDirectory(root).check(DirectoryKind.AUTHORITY)


def test_nothing_stays_behind_when_it_fails(root):
    def fail():
        with atomic_directory(root) as folder:
            write_synced(folder.passphrase, b"secret")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(root.parent.iterdir()) == []


def test_who_comes_second_changes_nothing(root):
    with pytest.raises(FolderError, match="could not be created"), atomic_directory(root):
        make(root)
    assert (root / "secrets" / "passphrase").read_bytes() == b"secret"
    assert len(list(root.parent.iterdir())) == 1


def test_a_secret_is_never_overwritten(root):
    make(root)
    with pytest.raises(FileExistsError):
        write_synced(DataDirectory(root).passphrase, b"other")
    assert DataDirectory(root).passphrase.read_bytes() == b"secret"
    assert stat.S_IMODE(DataDirectory(root).passphrase.stat().st_mode) == 0o600


def test_kinds(root):
    with pytest.raises(FolderError, match="create one first"):
        DataDirectory(root).check(DirectoryKind.AUTHORITY)
    make(root)
    DataDirectory(root).check(DirectoryKind.AUTHORITY)
    with pytest.raises(FolderError, match="belongs to an authority"):
        DataDirectory(root).check(DirectoryKind.TESTBENCH)
    (root / "kind").write_text("testbench")
    with pytest.raises(FolderError, match="belongs to a test bench"):
        DataDirectory(root).check(DirectoryKind.AUTHORITY)
    (root / "kind").write_bytes(b"\xff" * 100)
    with pytest.raises(FolderError, match="not a known kind of folder"):
        DataDirectory(root).check(DirectoryKind.AUTHORITY)


def test_what_is_no_folder_of_ours(tmp_path):
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file"):
        with pytest.raises(FolderError, match="does not contain an authority"):
            DataDirectory(place).exists()


def test_a_file_that_is_missing(root):
    make(root)
    with pytest.raises(FolderDamaged, match=r"keys\.json cannot be read .* copy of the folder"):
        DataDirectory(root).read(DataDirectory(root).secret_keys)
