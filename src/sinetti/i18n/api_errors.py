"""Error texts of `/api/v1/` for programs of holders.

A person reads them in the program's log.
"""

from collections.abc import Mapping

from sinetti.domain.certificates.self_revocation import SelfRevocationResult
from sinetti.i18n.translate import gettext_noop

NOT_THERE = gettext_noop("This service has issued no certificate with this ID. Compare the ID with the certificate's.")
NO_ID = gettext_noop(
    "This is no ID of a certificate. It is the issuer's key identifier and the serial number, each in base64url "
    "without padding, with a dot between them (RFC 9773, 4.1)."
)
ONLY_GET = gettext_noop("A renewal hint is read with GET.")
ONLY_POST = gettext_noop("A certificate is revoked with POST.")
NOT_JSON = gettext_noop("Send the call as application/json.")
BAD_BODY = gettext_noop(
    "The body is not as it has to be: serial in lower-case hex and reason, one of the names of RFC 5280, and nothing "
    "else. Nothing was revoked."
)
AWAY = gettext_noop("This cannot be answered now. Send the same call again in a minute: nothing is done twice.")
TOO_MANY = gettext_noop("This certificate has sent too many calls. Send the same call again in a minute.")

NO_SIGNATURE = gettext_noop(
    "The call is not signed: it needs Content-Digest, Signature-Input and Signature, by the key of the certificate "
    "that it is about. Nothing was revoked."
)
WRONG_CLOCK = gettext_noop(
    "The call was not signed within five minutes of now. Set the clock of the machine right and sign the call again. "
    "Nothing was revoked."
)
BAD_SIGNATURE = gettext_noop(
    "The signature does not count: it has to be by the key of a certificate that this service issued, over @method, "
    "@path, content-type and content-digest, as the service's guide says. Nothing was revoked."
)

OWN: Mapping[SelfRevocationResult, str] = {
    SelfRevocationResult.OTHER: gettext_noop(
        "A certificate can revoke itself alone, and this call names another than the one that signed it. Sign with the "
        "key of the certificate that is to be revoked, or revoke it in the e-service. Nothing was revoked."
    ),
    SelfRevocationResult.REASON: gettext_noop(
        "This reason is not for holders of certificates. Give unspecified, keyCompromise, affiliationChanged, "
        "superseded or cessationOfOperation. Nothing was revoked."
    ),
    SelfRevocationResult.ALREADY: gettext_noop(
        "The certificate was revoked before, for another reason. It stays revoked, and nothing was changed."
    ),
    SelfRevocationResult.ENDED: gettext_noop(
        "The certificate has ended, so that there is nothing left to revoke. If its key was lost, delete it everywhere."
    ),
}
"""Texts by result of a self-revocation."""
