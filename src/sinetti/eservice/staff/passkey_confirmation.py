"""Confirmation of another clerk's proposal by a passkey.

The page states what is confirmed. The passkey verifies its user, and signs for this proposal alone
(docs/e-service/clerks.md).
"""

import json
import secrets
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from allauth.mfa.webauthn.internal.auth import get_credentials, get_server
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AuthenticationResponse, UserVerificationRequirement

from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.approvals.proposals import challenge_of
from sinetti.domain.certificates.bulk_revocation import account_of
from sinetti.eservice.accounts.mfa import is_credential
from sinetti.eservice.staff.common import show_page
from sinetti.eservice.ui.components import Alert, Component, DescriptionItem, DescriptionList, Input, Link, Severity
from sinetti.eservice.ui.form_components import PasskeyButton
from sinetti.eservice.ui.navigation import SECURITY
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.approval_labels import ACTS, NOT_UNDONE
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.pki.passkey_assertions import COSE_ALGORITHM, to_spki
from sinetti.services.access import accounts
from sinetti.services.staff import passkeys
from sinetti.services.staff.passkeys import Assertion, ClerkDecision
from sinetti.services.staff.session import StaffSession

_NONCE = "sinetti_passkey_nonce"
"""Session key: the nonce of the page that was shown last."""
_LIVES = 10 * 60
"""Seconds in which a nonce is remembered as used; a sign-in page lives no longer."""
_FAILED = gettext_noop("The browser did not provide a passkey. Nothing was changed. Try again.")
_WITHOUT = gettext_noop("Passkeys need a recent browser that allows this site's scripts.")
_REFUSED = gettext_noop("The passkey was not accepted for this proposal. Nothing was done. Check it, then try again.")
_NO_PASSKEY = gettext_noop(
    "You confirm this with a passkey, and your account has none. Nothing was done. Add a passkey, then try again."
)


def confirm_by_passkey(
    request: HttpRequest, clerk: StaffSession, decision: ClerkDecision, shown: Sequence[DescriptionItem]
) -> HttpResponse | None:
    """Return None if the clerk has confirmed, else the page that asks for the passkey.

    `shown` are the values of what is confirmed. The fields of the sent form are sent again with the passkey.
    """
    credentials = get_credentials(request.user)
    if not passkeys.needs_passkey(clerk, has_passkey=bool(credentials)):
        return None
    if not credentials:
        links = [Link(_(SECURITY), reverse("mfa_index"))]
        return show_page(request, _(ACTS[decision.act]), [Alert(_(_NO_PASSKEY), Severity.ERROR, links)])
    sent = request.POST.get("credential", "")
    assertion = _assertion(request, clerk, decision, sent) if sent else None
    if assertion is not None:
        passkeys.record(decision, assertion, clerk)
        return None
    return render_page(request, _page(request, clerk, decision, shown))


def _page(request: HttpRequest, clerk: StaffSession, decision: ClerkDecision, shown: Sequence[DescriptionItem]) -> Page:
    nonce = secrets.token_bytes(32)
    request.session[_NONCE] = websafe_encode(nonce)
    challenge = challenge_of(nonce, passkeys.digest_of(decision, clerk))
    options, _state = get_server().authenticate_begin(
        get_credentials(request.user), UserVerificationRequirement.REQUIRED, challenge
    )
    again = [Input(name, "", "hidden", str(value)) for name, value in request.POST.items() if name not in _NOT_AGAIN]
    values = [*shown, *_proposed(clerk, decision)]
    blocks: list[Component] = [
        *([Alert(_(_REFUSED), Severity.ERROR)] if request.POST.get("credential") else []),
        DescriptionList(values),
        Alert(_(NOT_UNDONE[decision.act]), Severity.WARNING),
        PasskeyButton(
            "get",
            json.dumps(dict(options), default=dict),
            _("Confirm with the passkey"),
            _(_FAILED),
            _(_WITHOUT),
            inputs=again,
        ),
    ]
    return Page(_(ACTS[decision.act]), blocks, final=True, script="passkeys.js")


_NOT_AGAIN = frozenset({"credential", "csrfmiddlewaretoken"})


def _proposed(clerk: StaffSession, decision: ClerkDecision) -> list[DescriptionItem]:
    """Return proposer by name, and until when it can be confirmed."""
    name = accounts.name_of(account_of(decision.proposer), clerk.ctx)
    return [
        DescriptionItem(_("Proposed by"), name or _("account deleted")),
        DescriptionItem(_("Confirm by"), format_datetime(decision.expires)),
    ]


def _assertion(request: HttpRequest, clerk: StaffSession, decision: ClerkDecision, sent: str) -> Assertion | None:
    """Return the assertion if it is this account's passkey for exactly this decision."""
    nonce = request.session.pop(_NONCE, "")
    if not nonce or not is_credential(sent, AuthenticationResponse):
        return None
    challenge = challenge_of(websafe_decode(nonce), passkeys.digest_of(decision, clerk))
    state: dict[str, Any] = {
        "challenge": websafe_encode(challenge),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }
    read = AuthenticationResponse.from_dict(json.loads(sent))
    try:
        credential = get_server().authenticate_complete(state, get_credentials(request.user), json.loads(sent))
    except ValueError:
        return None
    # fido2 also accepts hosts below the relying party's.
    if read.response.client_data.origin != request.build_absolute_uri("/").removesuffix("/"):
        return None
    # The session is no lock: of two requests with one nonce, one counts.
    if not cache.add(f"passkey-nonce:{nonce}", 1, _LIVES):
        return None
    return Assertion(
        nonce,
        websafe_encode(read.response.client_data),
        websafe_encode(read.response.authenticator_data),
        websafe_encode(read.response.signature),
        b64encode(to_spki(credential.public_key)).decode(),
        credential.public_key[COSE_ALGORITHM],
    )


def decision_about(
    act: TwoPersonAct, subject: str, proposer: str, times: tuple[datetime, datetime], **parameters: object
) -> ClerkDecision:
    """Return a decision; `times` are its beginning and its end."""
    created, expires = (time.replace(microsecond=0) for time in times)
    return ClerkDecision(act, subject, proposer, created, expires, parameters)
