"""Samples of decisions on applications for the technical interface."""

from collections.abc import Mapping

from sinetti.database.organisations.applications import DECIDED_STEP, Application
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.organisations.applications import ApplicationDecision, ApplicationState
from sinetti.domain.values import Channel, Language
from sinetti.i18n import application_decision
from sinetti.notifications.previews import roles
from sinetti.notifications.previews.reminders import SampleMessage, at

APPLICATIONS: Mapping[ApplicationState, str] = {
    state: f"{0x51 + number:032x}" for number, state in enumerate(roles.CASES)
}
"""Ids of the applications, by decision."""

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
    facts: dict[str, str | list[str]] = {"application": APPLICATIONS[state]}
    return SampleMessage(MessageKind.AUTHORISATION, title, _NOW, to=to, step=DECIDED_STEP, facts=facts)


DECISIONS = (
    _case("a decision: an application is approved", "newcomer", ApplicationState.APPROVED),
    _case("a decision: an application is refused", "newcomer", ApplicationState.REFUSED),
)


def find_application(application_id: str, language: Language, service: str) -> Application | None:
    """Return the application with this id, decided in this language, or None.

    `service` is the name of the authority that decides.
    """
    state = next((state for state, one in APPLICATIONS.items() if one == application_id), None)
    if state is None:
        return None
    channels = frozenset({Channel.WS})
    case = application_decision.DecisionContext(
        roles.CASES[state], roles.NAME, roles.CUSTOMER_ID, channels, roles.APPLIED, language
    )
    verdict = ApplicationDecision(state)
    if state is ApplicationState.REFUSED:
        verdict = ApplicationDecision(state, _REASONS[language], _APPEAL[language])
    return Application(
        application_id=application_id,
        case_number=case.number,
        organisation_id=roles.ORGANISATION_ID,
        customer_id=case.customer_id,
        organisation=case.organisation,
        channels=channels,
        purpose="",
        software="",
        language=language,
        state=state,
        created=case.applied,
        decided_at=roles.MADE,
        reason=verdict.reason,
        decision=application_decision.decision(case, verdict, service, _NOW),
        applicant=None,
    )
