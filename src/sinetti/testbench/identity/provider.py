"""The double as the bench's e-service knows it: one provider of sign-in more, whose word counts as a second factor."""

from dataclasses import replace
from types import MappingProxyType

from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from sinetti.infra.clock import utc_now
from sinetti.settings.portal import EserviceSettings, Provider, RolesClaim
from sinetti.testbench.core.layout import LOCALHOST, LOOPBACK, Ports
from sinetti.testbench.identity.endpoints import CLIENT_ID, PATH, ROLES_CLAIM, STRONG, IdentityEndpoint
from sinetti.testbench.identity.test_users import MANAGER_CODES, SIGNATORY_CODES, VIEWER_CODES
from sinetti.testbench.identity.tokens import TokenStore

PROVIDER_ID = "rehearsal"
_NAME = {
    Language.FI: "testipenkin harjoitustunnistautuminen",
    Language.SV: "testbänkens övningsidentifiering",
    Language.EN: "the test bench's rehearsal sign-in",
}
_APPEAL = {
    Language.FI: "Tämä on testipenkin päätös: sillä ei ole vaikutuksia, eikä siihen voi hakea muutosta.",
    Language.SV: "Detta är testbänkens beslut: det har inga verkningar och kan inte överklagas.",
    Language.EN: "This is a test bench's decision: it has no effects and cannot be appealed.",
}
"""Without it nothing could be refused, and refusing is to be rehearsed, too."""
_NO_LAW = {
    Language.FI: "ei mikään: testipenkissä ei käsitellä kenenkään oikeita tietoja",
    Language.SV: "ingen: i testbänken behandlas ingens riktiga uppgifter",
    Language.EN: "none: on a test bench nobody's real data is handled",
}
_FEEDBACK = "help@bench.example"


def identity_door(ports: Ports) -> IdentityEndpoint:
    """Make the double: below the bench's status address, for pages of this bench alone."""
    pages = frozenset(f"http://{name}:{ports.people}" for name in (LOCALHOST, LOOPBACK))
    return IdentityEndpoint(f"http://{LOOPBACK}:{ports.status}{PATH}", pages, utc_now, TokenStore(utc_now))


def rehearsed(settings: EserviceSettings, door: IdentityEndpoint) -> EserviceSettings:
    """Settings of a bench's e-service: those of its folder, rehearsal's words where it has none, and the double."""
    means = {
        code: role
        for role, codes in (
            (Role.SIGNATORY, SIGNATORY_CODES),
            (Role.MANAGER, MANAGER_CODES),
            (Role.VIEWER, VIEWER_CODES),
        )
        for code in codes
    }
    roles = RolesClaim(ROLES_CLAIM, "identifier", "roles", MappingProxyType(means))
    double = Provider(PROVIDER_ID, _NAME, door.issuer, CLIENT_ID, door.client_secret, (STRONG,), roles)
    others = tuple(one for one in settings.providers if one.provider_id != PROVIDER_ID)
    return replace(
        settings,
        providers=(*others, double),
        appeal=settings.appeal or _APPEAL,
        legal_basis=settings.legal_basis or _NO_LAW,
        accessibility_feedback=settings.accessibility_feedback or _FEEDBACK,
    )
