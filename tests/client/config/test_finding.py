"""Which sinetti.toml counts."""

from pathlib import Path

import pytest

from sinetti.client.config import finding
from sinetti.client.config.finding import ConfigFile
from sinetti.infra import file_permissions


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty folder to stand in, and a file for the whole machine that is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(finding.VARIABLE, raising=False)
    monkeypatch.setattr(file_permissions, "is_root", lambda: False)
    monkeypatch.setattr(finding, "MACHINE_WIDE", tmp_path / "etc" / "sinetti.toml")
    return tmp_path


def test_the_first_that_is_there_counts(places, monkeypatch):
    assert finding.find(None) is None
    finding.MACHINE_WIDE.parent.mkdir()
    finding.MACHINE_WIDE.touch()
    assert finding.find(None) == ConfigFile(finding.MACHINE_WIDE, is_named=True)
    (places / "sinetti.toml").touch()
    assert finding.find(None) == ConfigFile(Path("sinetti.toml"), is_named=False)
    monkeypatch.setenv(finding.VARIABLE, "elsewhere.toml")
    assert finding.find(None) == ConfigFile(Path("elsewhere.toml"), is_named=True)
    assert finding.find(Path("given.toml")) == ConfigFile(Path("given.toml"), is_named=True)


def test_an_empty_variable_names_no_file(places, monkeypatch):
    monkeypatch.setenv(finding.VARIABLE, "")
    assert finding.find(None) is None


def test_for_root_the_folder_that_it_stands_in_does_not_count(places, monkeypatch):
    (places / "sinetti.toml").touch()
    assert not finding.is_passed_over(None)
    monkeypatch.setattr(file_permissions, "is_root", lambda: True)
    assert finding.find(None) is None
    assert finding.is_passed_over(None)
    assert not finding.is_passed_over(Path("sinetti.toml"))
    finding.MACHINE_WIDE.parent.mkdir()
    finding.MACHINE_WIDE.touch()
    assert finding.find(None) == ConfigFile(finding.MACHINE_WIDE, is_named=True)
    monkeypatch.setenv(finding.VARIABLE, "sinetti.toml")
    assert finding.find(None) == ConfigFile(Path("sinetti.toml"), is_named=True)
