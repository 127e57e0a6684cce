"""What a browser says of a passkey, looked at before allauth and fido2 do: they fall over some of what others send.

A number where octets are wanted would be made into that many of them.
"""

import json
from typing import Any

from fido2.utils import websafe_decode
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

Kind = type[AuthenticationResponse | RegistrationResponse]

LONGEST = 65_536
"""Signs: attestations with a chain of certificates take some thousands."""

_TEXTS = ("id", "rawId", "type", "authenticatorAttachment")
_TEXTS_OF_RESPONSE = ("clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject")
_TEXTS_OF_CLIENT = ("type", "challenge", "origin")


def is_credential(told: str, kind: Kind) -> bool:
    """Tell whether this is what browsers say (Web Authentication 3, 5.1): JSON of this kind, with nothing odd in it."""
    if len(told) > LONGEST:
        return False
    try:
        credential = json.loads(told)
        return _has_its_form(credential) and _is_read(kind, credential)
    except Exception:  # noqa: BLE001 - whatever parsers fall over, no browser says it; reading changes nothing
        return False


def _has_its_form(credential: Any) -> bool:  # noqa: ANN401 - whatever came
    response = credential["response"]
    client = json.loads(websafe_decode(response["clientDataJSON"]))
    handle = websafe_decode(response.get("userHandle") or "").decode()
    return (
        all(isinstance(credential.get(name, ""), str | None) for name in _TEXTS)
        and all(isinstance(response.get(name, ""), str | None) for name in _TEXTS_OF_RESPONSE)
        and all(isinstance(one, str) for one in response.get("transports") or ())
        and all(isinstance(client[name], str) for name in _TEXTS_OF_CLIENT)
        and isinstance(credential.get("clientExtensionResults") or {}, dict)
        and "\0" not in handle
    )


def _is_read(kind: Kind, credential: Any) -> bool:  # noqa: ANN401 - as above
    found = kind.from_dict(credential)
    if isinstance(found, RegistrationResponse):
        return found.response.attestation_object.auth_data.credential_data is not None
    return True
