"""A passkey in software: it registers with an account, and signs as a browser does (WebAuthn, level 3)."""

import json
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.apps import apps
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from sinetti.database import models

FLAG = AuthenticatorData.FLAG


@dataclass
class Passkey:
    """A passkey for the site `host` at the origin."""

    host: str
    origin: str
    flags: FLAG = FLAG.UP | FLAG.UV
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = b"passkey-1"

    def register(self, user: models.User) -> "Passkey":
        """Store the passkey with an account, as its page does."""
        public = ES256.from_cryptography_key(self.private.public_key())
        data = AttestedCredentialData.create(Aaguid(b"\0" * 16), self.credential_id, public)
        made = AuthenticatorData.create(sha256(self.host.encode()).digest(), self.flags | FLAG.AT, 0, data)
        client = CollectedClientData.create("webauthn.create", b"made", self.origin)
        response = {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(AttestationObject.create("none", made, {})),
        }
        credential = {**self._names(), "response": response, "clientExtensionResults": {}}
        rows = apps.get_model("mfa", "Authenticator").objects
        rows.create(user_id=user.pk, type="webauthn", data={"name": "Key", "credential": credential})
        return self

    def assertion(self, options: str, challenge: str | None = None) -> str:
        """Return what the browser sends for the options of a page."""
        asked = json.loads(options)["publicKey"]["challenge"] if challenge is None else challenge
        client = json.dumps({"type": "webauthn.get", "challenge": asked, "origin": self.origin}).encode()
        data = AuthenticatorData.create(sha256(self.host.encode()).digest(), self.flags, 1)
        signature = self.private.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
        }
        return json.dumps({**self._names(), "response": response, "clientExtensionResults": {}})

    def _names(self) -> dict[str, str]:
        name = websafe_encode(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key"}
