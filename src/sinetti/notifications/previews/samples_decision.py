"""The samples of decisions on applications for the technical interface: approved, and refused with its reasons."""

from collections.abc import Mapping

from sinetti.database.connection import Database
from sinetti.database.organisations.applications import DECIDED_STEP
from sinetti.database.sample_data import access
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.organisations.applications import ApplicationDecision, ApplicationState
from sinetti.domain.values import Channel, Language
from sinetti.i18n import application_decision
from sinetti.notifications.previews.reminders import SampleMessage, at

DECIDED = "decided"
"""The fact of a case that names what was decided: its text is written, and kept, before the message is."""

_NOW = at(2027, 3, 3, 11, 3)
_REASONS: Mapping[Language, str] = {
    Language.FI: "Hakemuksesta ei käy ilmi, mitä tietoja organisaatio lähettäisi rajapinnan kautta.",
    Language.SV: "Av ansökan framgår inte vilka uppgifter organisationen skulle skicka via gränssnittet.",
    Language.EN: "The application does not show which data the organisation would send over the interface.",
}
_APPEAL: Mapping[Language, str] = {
    Language.FI: "muutosta haetaan kirjallisesti hallinto-oikeudelta kuukauden kuluessa tiedoksisaannista.",
    Language.SV: "ändring söks skriftligen hos förvaltningsdomstolen inom en månad från delfåendet.",
    Language.EN: "appeal in writing to the administrative court within a month of being notified.",
}


def _case(title: str, to: str, state: ApplicationState) -> SampleMessage:
    facts: dict[str, str | list[str]] = {DECIDED: state.value}
    return SampleMessage(MessageKind.AUTHORISATION, title, _NOW, to=to, step=DECIDED_STEP, facts=facts)


DECISIONS = (
    _case("a decision: an application is approved", "newcomer", ApplicationState.APPROVED),
    _case("a decision: an application is refused", "newcomer", ApplicationState.REFUSED),
)


def decided(db: Database, state: ApplicationState, language: Language, service: str) -> str:
    """Decide the samples' application so, in this language; returns its id."""
    case = application_decision.DecisionContext(
        access.CASES[state], access.NAME, access.CUSTOMER_ID, frozenset({Channel.WS}), access.APPLIED, language
    )
    verdict = ApplicationDecision(state)
    if state is ApplicationState.REFUSED:
        verdict = ApplicationDecision(state, _REASONS[language], _APPEAL[language])
    return access.decide(db, state, language, application_decision.decision(case, verdict, service, _NOW))
