"""deploy/eservice.toml: the example of an operator's settings is one that is taken."""

import pytest

from sinetti.domain.mandates import Role
from sinetti.domain.values import Language
from sinetti.settings import eservice
from sinetti.settings.authority import SettingsError
from sinetti.testbench.identity.door import ROLES_CLAIM
from sinetti.testbench.identity.people import MANAGER_CODES, SIGNATORY_CODES, VIEWER_CODES
from tests.house.tree import ROOT

EXAMPLE = (ROOT / "deploy" / "eservice.toml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secrets").mkdir()
    secret = tmp_path / "secrets" / "national-client"
    secret.write_text("a secret\n")
    secret.chmod(0o600)
    path = tmp_path / "eservice.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    path.chmod(0o600)
    return tmp_path


def test_the_example_is_taken(folder):
    found = eservice.read(folder / "eservice.toml")
    (provider,) = found.providers
    assert (provider.provider_id, provider.client_secret) == ("national", "a secret")
    assert set(found.appeal) == set(found.legal_basis) == set(provider.name) == set(Language)
    assert found.supervising_authority is not None
    assert found.accessibility_feedback == "accessibility@authority.example"


def test_it_has_the_roles_that_are_rehearsed_at_the_bench(folder):
    (provider,) = eservice.read(folder / "eservice.toml").providers
    codes = {Role.SIGNATORY: SIGNATORY_CODES, Role.MANAGER: MANAGER_CODES, Role.VIEWER: VIEWER_CODES}
    assert provider.roles.claim == ROLES_CLAIM
    assert dict(provider.roles.means) == {code: role for role, those in codes.items() for code in those}


def test_a_file_that_everybody_can_change_is_refused(folder):
    (folder / "eservice.toml").chmod(0o606)
    with pytest.raises(SettingsError, match="chmod 600"):
        eservice.read(folder / "eservice.toml")
