"""A SOAP door for all shapes: what they send is refused and changes nothing, so none of them sees what another did."""

from collections.abc import Iterator

import pytest

from sinetti.database.connection import open_database
from sinetti.domain.values import KeyType
from tests.attacks.doors import SoapDoor, soap_door
from tests.support.registers import all_connections_closed, copied_file, sqlite_db
from tests.support.service_context import opened_desk, sqlite_desk

__all__ = ["sqlite_db", "sqlite_desk"]


@pytest.fixture(scope="session")
def soap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoapDoor]:
    """Give the certificate service, once per run, under a name of its own: other tests' registers come and go."""
    path = tmp_path_factory.mktemp("attacks") / "register.sqlite3"
    with copied_file(path) as url, all_connections_closed():
        door = soap_door(opened_desk(open_database(url, alias="attacks")), path, (KeyType.EC_P256, KeyType.RSA_2048))
        yield door
        door.file.close()
