"""Error texts of `/api/v1/` for programs of holders.

A person reads them in the program's log.
"""

from collections.abc import Mapping

from sinetti.domain.certificates.self_revocation import SelfRevocationResult
from sinetti.i18n.translate import gettext_noop

NOT_THERE = gettext_noop(
    "This service has not issued a certificate with this ID. Compare the ID with that of the certificate."
)
NO_ID = gettext_noop(
    "This is not a certificate ID. A certificate ID is the issuer's key identifier and the serial number, "
    "each in base64url without padding, with a dot between them (RFC 9773, 4.1)."
)
ONLY_GET = gettext_noop("Use GET to read the renewal time.")
ONLY_POST = gettext_noop("Use POST to revoke a certificate.")
NOT_JSON = gettext_noop("Send the call as application/json.")
BAD_BODY = gettext_noop(
    "The body must contain serial, in lower-case hex, and reason, one of the names of RFC 5280, and "
    "nothing else. No certificate was revoked."
)
AWAY = gettext_noop(
    "The service is temporarily unavailable. Send the same call again in a minute. The service carries it out "
    "only once."
)
TOO_MANY = gettext_noop("Too many calls were made with this certificate. Send the same call again in a minute.")

NO_SIGNATURE = gettext_noop(
    "The call is not signed. It needs Content-Digest, Signature-Input and Signature, made with the key of "
    "the certificate that it concerns. No certificate was revoked."
)
WRONG_CLOCK = gettext_noop(
    "The signing time of the call differs from the service's clock by more than five minutes. Set your "
    "machine's clock and sign the call again. No certificate was revoked."
)
BAD_SIGNATURE = gettext_noop(
    "The signature is not valid. Sign @method, @path, content-type and content-digest with the key of a "
    "certificate that this service issued, as the service's guide describes. No certificate was revoked."
)

OWN: Mapping[SelfRevocationResult, str] = {
    SelfRevocationResult.OTHER: gettext_noop(
        "A certificate can revoke only itself, and this call names a different certificate from the one "
        "that signed it. Sign with the key of the certificate to be revoked, or revoke it in the "
        "e-service. No certificate was revoked."
    ),
    SelfRevocationResult.REASON: gettext_noop(
        "Certificate holders cannot use this reason. Use unspecified, keyCompromise, affiliationChanged, "
        "superseded or cessationOfOperation. No certificate was revoked."
    ),
    SelfRevocationResult.ALREADY: gettext_noop(
        "The certificate has already been revoked for another reason. It stays revoked, and the recorded "
        "reason does not change."
    ),
    SelfRevocationResult.ENDED: gettext_noop(
        "The certificate has expired and no longer needs to be revoked. If its key was disclosed, delete "
        "the key everywhere."
    ),
}
"""Texts by result of a self-revocation."""
