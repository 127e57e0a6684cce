"""Backups on both databases: complete restores, and no overwriting."""

from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
from django.db import connections

from sinetti.database import models, sql
from sinetti.database.connection import open_database
from sinetti.database.operations import authorities, backups
from sinetti.database.operations.backups import BackupError
from tests.support.backups import url_of
from tests.support.postgres import create_database
from tests.support.registers import ALIAS
from tests.support.scene import CONTACT, ordered


@pytest.fixture
def urls(scene, tmp_path):
    """Return the URL of the scene's database and that of an absent one."""
    settings = connections[scene.db.alias].settings_dict
    if "sqlite3" in settings["ENGINE"]:
        return f"sqlite:///{settings['NAME']}", f"sqlite:///{tmp_path}/restored.sqlite3"
    with psycopg.connect(url_of(scene.db), autocommit=True) as connection:
        name = f"restored_{sql.random_id()}"
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    return url_of(scene.db), f"{url_of(scene.db).rpartition('/')[0]}/{name}"


def test_a_backup_comes_back(scene, urls, tmp_path):
    ordered(scene)
    identity = authorities.identity(scene.db)
    backups.back_up(urls[0], tmp_path / "backup")
    ordered(scene)
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    backups.restore(urls[1], tmp_path / "backup")
    scene.db.close()
    restored = open_database(urls[1], ALIAS)
    assert authorities.identity(restored) == identity
    assert models.Order.objects.using(ALIAS).count() == 1
    assert models.Person.objects.using(ALIAS).get().email == CONTACT.email
    restored.close()


def test_nothing_is_overwritten(scene, urls, tmp_path):
    backups.back_up(urls[0], tmp_path / "backup")
    with pytest.raises(BackupError):
        backups.back_up(urls[0], tmp_path / "backup")
    ordered(scene)
    with pytest.raises(BackupError):
        backups.restore(urls[0], tmp_path / "backup")
    assert models.Order.objects.using(scene.db.alias).count() == 1


@pytest.mark.parametrize("octets", [None, b"no backup at all"], ids=["no file", "another file"])
def test_what_is_no_backup(urls, tmp_path, octets):
    if octets is not None:
        (tmp_path / "backup").write_bytes(octets)
    with pytest.raises(BackupError):
        backups.restore(urls[1], tmp_path / "backup")


def test_what_stands_behind_the_question_mark_of_an_address_counts(postgres_url, tmp_path):
    """As for the database: the query may name another server or ask for encryption."""
    whole = urlsplit(create_database(postgres_url, f"backup_{sql.random_id()}"))
    place = urlencode({"host": whole.hostname, "port": whole.port})
    bare = whole._replace(netloc=whole.netloc.rpartition("@")[0] + "@nowhere.invalid:1")
    backups.back_up(bare._replace(query=place).geturl(), tmp_path / "backup")
    with pytest.raises(BackupError, match=r"(?i)ssl"):
        backups.back_up(whole._replace(query="sslmode=require").geturl(), tmp_path / "encrypted")


def test_of_several_hosts_the_one_that_answers_is_backed_up(postgres_url, tmp_path):
    whole = urlsplit(create_database(postgres_url, f"backup_{sql.random_id()}"))
    who, _, place = whole.netloc.rpartition("@")
    backups.back_up(whole._replace(netloc=f"{who}@127.0.0.1:1,{place}").geturl(), tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_size > 0


def test_a_backup_that_failed_leaves_nothing_and_may_be_taken_again(scene, urls, tmp_path, monkeypatch):
    def fails(*_: object) -> None:
        why = "the disk is full for a test"
        raise BackupError(why)

    with monkeypatch.context() as broken:
        broken.setattr(backups, "_run", fails)
        broken.setattr(backups, "_copy", fails)
        with pytest.raises(BackupError, match="full"):
            backups.back_up(urls[0], tmp_path / "backup")
    assert not list(tmp_path.glob("*backup*"))
    backups.back_up(urls[0], tmp_path / "backup")
    assert [path.name for path in tmp_path.glob("*backup*")] == ["backup"]


def test_a_database_that_is_away_leaves_no_empty_backup(tmp_path):
    away = "postgresql://nobody@127.0.0.1:1/none"
    for _ in range(2):
        with pytest.raises(BackupError, match="pg_dump failed"):
            backups.back_up(away, tmp_path / "backup")
    assert not list(tmp_path.iterdir())


def test_what_gets_the_name_meanwhile_is_not_overwritten(scene, urls, tmp_path, monkeypatch):
    def links(exc: OSError):
        def link(_partial, target) -> None:
            target.write_bytes(b"somebody else's")
            raise exc

        return link

    for exc in (FileExistsError(17, "File exists"), PermissionError(1, "Operation not permitted")):
        monkeypatch.setattr(backups.os, "link", links(exc))
        with pytest.raises(BackupError):
            backups.back_up(urls[0], tmp_path / "backup")
        assert (tmp_path / "backup").read_bytes() == b"somebody else's"
        (tmp_path / "backup").unlink()


def test_a_file_system_without_hard_links(scene, urls, tmp_path, monkeypatch):
    def unknown(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(backups.os, "link", unknown)
    backups.back_up(urls[0], tmp_path / "backup")
    assert [path.name for path in tmp_path.glob("*backup*")] == ["backup"]
    backups.restore(urls[1], tmp_path / "backup")
