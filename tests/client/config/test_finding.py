"""Choice of the sinetti.toml that counts."""

from pathlib import Path

import pytest

from sinetti.client.config import loader
from sinetti.client.config.loader import ConfigFile
from sinetti.infra import environment, file_permissions


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Make an empty working directory and name an absent machine-wide file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(environment.CONFIG, raising=False)
    monkeypatch.setattr(file_permissions, "is_root", lambda: False)
    monkeypatch.setattr(loader, "MACHINE_WIDE", tmp_path / "etc" / "sinetti.toml")
    return tmp_path


def test_the_first_that_is_there_counts(places, monkeypatch):
    assert loader.find(None) is None
    loader.MACHINE_WIDE.parent.mkdir()
    loader.MACHINE_WIDE.touch()
    assert loader.find(None) == ConfigFile(loader.MACHINE_WIDE, is_named=True)
    (places / "sinetti.toml").touch()
    assert loader.find(None) == ConfigFile(Path("sinetti.toml"), is_named=False)
    monkeypatch.setenv(environment.CONFIG, "elsewhere.toml")
    assert loader.find(None) == ConfigFile(Path("elsewhere.toml"), is_named=True)
    assert loader.find(Path("given.toml")) == ConfigFile(Path("given.toml"), is_named=True)


def test_an_empty_variable_names_no_file(places, monkeypatch):
    monkeypatch.setenv(environment.CONFIG, "")
    assert loader.find(None) is None


def test_for_root_the_folder_that_it_stands_in_does_not_count(places, monkeypatch):
    (places / "sinetti.toml").touch()
    assert not loader.is_passed_over(None)
    monkeypatch.setattr(file_permissions, "is_root", lambda: True)
    assert loader.find(None) is None
    assert loader.is_passed_over(None)
    assert not loader.is_passed_over(Path("sinetti.toml"))
    loader.MACHINE_WIDE.parent.mkdir()
    loader.MACHINE_WIDE.touch()
    assert loader.find(None) == ConfigFile(loader.MACHINE_WIDE, is_named=True)
    monkeypatch.setenv(environment.CONFIG, "sinetti.toml")
    assert loader.find(None) == ConfigFile(Path("sinetti.toml"), is_named=True)
