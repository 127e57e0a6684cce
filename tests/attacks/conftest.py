"""SOAP endpoint that all shapes share.

It refuses what they send and changes nothing, so that no shape sees the effect of another.
"""

from collections.abc import Iterator

import pytest

from sinetti.database.connection import open_database
from sinetti.domain.values import KeyType
from tests.attacks.doors import SoapDoor, soap_door
from tests.support.registers import all_connections_closed, copied_file, sqlite_db
from tests.support.scene import opened_scene, sqlite_scene

__all__ = ["sqlite_db", "sqlite_scene"]


@pytest.fixture(scope="session")
def soap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoapDoor]:
    """Yield the certificate service, once per run, under an alias of its own.

    The databases of other tests come and go.
    """
    path = tmp_path_factory.mktemp("attacks") / "register.sqlite3"
    with copied_file(path) as url, all_connections_closed():
        door = soap_door(opened_scene(open_database(url, alias="attacks")), path, (KeyType.EC_P256, KeyType.RSA_2048))
        yield door
        door.file.close()
