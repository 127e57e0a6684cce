"""Plain signatures of X.509.

They are RSA PKCS#1 v1.5 (RFC 8017, 8.2) and ECDSA in DER (RFC 3279, 2.2.3).
"""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from sinetti.pki.encoding import PrivateKey, PublicKey

X509Hash = hashes.SHA256 | hashes.SHA384
"""Hash algorithms of our own signatures."""

_P384_BITS = 384

# AlgorithmIdentifier in DER: RSA has a NULL as parameter (RFC 4055, 5), ECDSA none (RFC 5758, 3.2).
_SHA256_WITH_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")
_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_WITH_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")


def hash_for(public_key: PublicKey) -> X509Hash:
    """Return the hash for a signer's key (RFC 5758, 3.2).

    It is SHA-256 for RSA and P-256, SHA-384 for P-384.
    """
    if isinstance(public_key, ec.EllipticCurvePublicKey) and public_key.curve.key_size >= _P384_BITS:
        return hashes.SHA384()
    return hashes.SHA256()


def algorithm_identifier(public_key: PublicKey) -> bytes:
    """Return the AlgorithmIdentifier of a key's signatures, in DER.

    The source is RFC 5280, 4.1.1.2.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        return _SHA256_WITH_RSA
    return _ECDSA_WITH_SHA384 if isinstance(hash_for(public_key), hashes.SHA384) else _ECDSA_WITH_SHA256


def sign(private_key: PrivateKey, octets: bytes) -> bytes:
    """Sign octets with the hash that `hash_for` names."""
    chosen = hash_for(private_key.public_key())
    if isinstance(private_key, rsa.RSAPrivateKey):
        return private_key.sign(octets, padding.PKCS1v15(), chosen)
    return private_key.sign(octets, ec.ECDSA(chosen))


def verify(public_key: PublicKey, octets: bytes, signature: bytes) -> bool:
    """Return True if this key made the signature, with the hash of `hash_for`."""
    chosen = hash_for(public_key)
    try:
        if isinstance(public_key, rsa.RSAPublicKey):
            public_key.verify(signature, octets, padding.PKCS1v15(), chosen)
        else:
            public_key.verify(signature, octets, ec.ECDSA(chosen))
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
