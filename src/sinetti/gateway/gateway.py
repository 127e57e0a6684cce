"""Core of the gateway: identifies certificates and verifies signed documents.

See docs/relying/gateway.md.

A signed document has one enveloped signature, which `wire/xmldsig/signature.py` verifies.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import NoReturn, assert_never

from cryptography import x509

from sinetti.domain.values import Channel, Environment
from sinetti.gateway.revocation.bridge import BridgeQuestion
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.revocation.source import (
    FRESHNESS,
    GOOD,
    MISSING,
    NOT_FOR_THIS,
    RevocationSource,
    RevocationState,
    RevocationStatus,
)
from sinetti.gateway.trust_lists.content import DistrustIndex, PathDistrust, TrustContent
from sinetti.gateway.trust_lists.lists import TrustLists
from sinetti.gateway.verdicts.verdict import (
    Phrase,
    RevocationCheck,
    Verdict,
    VerdictBuilder,
    VerdictReason,
    VerdictTexts,
)
from sinetti.gateway.x509 import verdict_texts
from sinetti.gateway.x509.end_entity import EndEntityCertificate, InvalidCertificate, parse_certificate
from sinetti.gateway.x509.path_validation import (
    MOST_HELPERS,
    CaCertificate,
    CertificationPath,
    TrustStore,
    authority_of,
    build_paths,
    has_issued,
    trust_store_of,
)
from sinetti.gateway.x509.trust_file import CaPurpose, TrustFile, ca_purpose
from sinetti.pki.encoding import AnyPublicKey, certificate_der
from sinetti.pki.policy_oids import signs_responses
from sinetti.wire.soap.schema_types import SERVICE
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing, WrongReference
from sinetti.wire.xmldsig.parser import NotWellFormed, XmlRejected
from sinetti.wire.xmldsig.signature import verify_document

LARGEST_DOCUMENT = 20_000_000
"""Largest size of a document in octets.

One text or attribute in it may have 10 MB, which is libxml2's own limit.
"""

MOST_MARKS, OCTETS_OF_A_MARK = 400_000, 12
"""Limit of tags, comments and attributes in a document, counted by `<` and `=`.

The limit is the larger of the first number and one for each 12 octets. Each takes some 130 octets in libxml2's tree,
even before the signature is checked. A million of them in 4 MB took 130 MB and a second. Official messages have one
for 28 octets.
"""

# Octets. A tag contains no further `<` (XML 1.0, 3.1), so long tags are found by the distance between two of them.
_LONG = 16_384
# A start tag with more attributes and declarations than are accepted; also matches inside a comment.
_CROWDED = re.compile(
    rb"<[^\s<>/=!?]++(?:\s++[^\s<>/=\"']++\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+')){%d}" % (2 * parser.MOST_ATTRIBUTES + 1)
)


class DocumentRejected(Exception):
    """Rejection of a document, with its verdict."""

    def __init__(self, verdict: Verdict) -> None:
        """Store the verdict."""
        super().__init__(verdict.reason)
        self.verdict = verdict


def verified(
    document: bytes, judge: Callable[[x509.Certificate], None], known_key: Callable[[bytes], AnyPublicKey | None]
) -> tuple[bytes, bytes]:
    """Return the octets that the signature covers, and its certificate's DER.

    `judge` gets the certificate before any computation with its key, and raises DocumentRejected to reject it.
    `known_key` returns the key of a certificate (DER) that needs no further judgement, or None. Raises DocumentRejected
    if the document or its signature is invalid.
    """
    tags = _check_proportions(document)

    def accept(certificate: x509.Certificate) -> bool:
        judge(certificate)
        return True

    try:
        root = parser.parse(document, tags)
        # Renewal requests are signed by the same key in the same way and must never be accepted as a delivery.
        if str(root.tag).startswith(f"{{{SERVICE}}}"):
            raise DocumentRejected(
                Verdict(VerdictReason.COVERS_SOMETHING_ELSE, verdict_texts.FOR_THE_CERTIFICATE_SERVICE)
            )
        found = verify_document([root], accept, known_key)
    except NotWellFormed as bad:
        why = Phrase(parser.NOT_WELL_FORMED, {"line": bad.line})
        raise DocumentRejected(
            Verdict(VerdictReason.MALFORMED, verdict_texts.MALFORMED_DOCUMENT, {"why": why})
        ) from None
    except XmlRejected as bad:
        _refuse(VerdictReason.MALFORMED, verdict_texts.MALFORMED_DOCUMENT, str(bad))
    except SignatureMissing:
        raise DocumentRejected(Verdict(VerdictReason.SIGNATURE_MISSING, verdict_texts.SIGNATURE_MISSING)) from None
    except WrongReference as bad:
        _refuse(VerdictReason.COVERS_SOMETHING_ELSE, verdict_texts.COVERS_SOMETHING_ELSE, str(bad))
    except SignatureInvalid as bad:
        _refuse(VerdictReason.SIGNATURE_INVALID, verdict_texts.SIGNATURE_INVALID, str(bad))
    return found.octets, found.certificate


def _check_proportions(document: bytes) -> int:
    """Return the number of `<` in a document.

    Raises DocumentRejected if the XML tree or one tag would be out of proportion. A tag is rejected if it has more
    attributes than are ever accepted. This check precedes all parsers: expat and libxml2 store the attributes of a tag
    before they report it, and a million took a second and 130 MB.
    """
    if len(document) > LARGEST_DOCUMENT:
        _refuse(VerdictReason.MALFORMED, verdict_texts.MALFORMED_DOCUMENT, verdict_texts.TOO_LONG_DOCUMENT)
    tags, most = document.count(b"<"), max(MOST_MARKS, len(document) // OCTETS_OF_A_MARK)
    if len(document) > most and tags + document.count(b"=") > most:
        _refuse(VerdictReason.MALFORMED, verdict_texts.MALFORMED_DOCUMENT, verdict_texts.TOO_MANY_MARKS)
    if any(_CROWDED.match(document, at) for at in _long_tags(document)):
        _refuse(VerdictReason.MALFORMED, verdict_texts.MALFORMED_DOCUMENT, parser.TOO_MUCH)
    return tags


def _long_tags(document: bytes) -> Iterator[int]:
    """Yield the offsets where a long tag, or a tag followed by long text, may begin.

    Leaps from one `<` to the last `<` within the limit.
    """
    at = document.find(b"<")
    while at >= 0:
        further = document.rfind(b"<", at + 1, at + _LONG)
        if further < 0:
            yield at
            further = document.find(b"<", at + 1)
        at = further


def _refuse(reason: VerdictReason, sentence: str, why: str) -> NoReturn:
    raise DocumentRejected(Verdict(reason, sentence, {"why": Phrase(why)})) from None


KNOWN_AT_MOST = 4096
"""Largest number of cached chains; each takes about 10 kB."""

_ORDER = {reason: number for number, reason in enumerate(VerdictReason)}
_CERTIFICATE = VerdictTexts(verdict_texts.GOOD, verdict_texts.GOOD_UNCHECKED)
_DOCUMENT = VerdictTexts(verdict_texts.GOOD_DOCUMENT, verdict_texts.GOOD_DOCUMENT_UNCHECKED)


@dataclass(frozen=True)
class VerifiedDelivery:
    """Verdict on a signed document, with its signed content.

    `octets`: exactly the octets that the signature covers; None unless accepted. `certificate`: the signer's DER, if
    accepted. Process `octets` only, and no other part of the document.
    """

    verdict: Verdict
    octets: bytes | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ValidatedCertificate:
    """Certificate with a verified chain.

    Holds only properties that depend neither on time nor on a revocation list.
    """

    leaf: EndEntityCertificate
    ways: tuple["TrustPath", ...]


@dataclass(frozen=True)
class TrustPath:
    """One path, and the purpose of its issuing CA.

    `for_holders` False: the CA issues to signers of responses. `over_anchor`: known CAs that issued the anchor; the
    anchor itself if it is self-signed.
    """

    path: CertificationPath
    links: tuple[tuple[x509.Certificate, CaCertificate], ...]
    over_anchor: tuple[CaCertificate, ...]
    purpose: CaPurpose
    for_holders: bool


@dataclass(frozen=True)
class TrustState:
    """Trust at one instant: anchors, distrust, and the chains that were verified."""

    content: TrustContent
    trusted: TrustStore
    distrust: DistrustIndex
    remembered: "PathCache"


@dataclass
class Gateway:
    """Gateway that judges certificates and documents.

    `anchors` is a file of CAs; `pki.chain.anchors_of` decides which are anchors. `listed`: CAs whose lists the
    settings name. If a list of theirs is missing, the status of the CAs below them is unknown. They issue no accepted
    certificates; they only help to verify lists about an anchor. `source` None: revocation is not checked. `channel`
    and `environment` None: any. `lists` add CAs to the anchors, and name CAs whose certificates count only through the
    bridge. Raises ValueError if no anchor can issue certificates. Thread-safe.
    """

    anchors: Sequence[x509.Certificate] = field(repr=False)
    _: KW_ONLY
    source: RevocationSource | None = None
    trust: TrustFile | None = field(default=None, repr=False)
    channel: Channel | None = None
    environment: Environment | None = None
    freshness: timedelta = FRESHNESS
    listed: Sequence[x509.Certificate] = field(default=(), repr=False)
    lists: TrustLists | None = field(default=None, repr=False)
    _listed: tuple[CaCertificate, ...] = field(init=False, repr=False)
    _state: TrustState = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Build the trust store."""
        self._listed = tuple(
            ca_certificate for ca_certificate in map(authority_of, self.listed) if ca_certificate is not None
        )
        self._state = self._state_of(TrustContent() if self.lists is None else self.lists.current())
        if not self._state.trusted.ways:
            raise ValueError("none of its certificates belongs to a CA that may issue certificates")

    @property
    def is_blocking(self) -> bool:
        """True if a judgement may wait for an answer over the network.

        Lists are in memory.
        """
        return not isinstance(self.source, CrlSource | None) or bool(self._current().distrust.entries)

    def is_distrusted(self, authority: CaCertificate) -> bool:
        """Return True if certificates of a CA count only through the bridge.

        Its lists then count for nothing.
        """
        return self._current().distrust.entry_of(authority) is not None

    def identify(
        self, certificate: x509.Certificate | bytes, now: datetime, chain: Sequence[x509.Certificate] = ()
    ) -> Verdict:
        """Return the verdict on a certificate (DER or PEM) at `now` (UTC).

        `chain` holds further certificates of the message; they are not trusted. No side effects except requests to the
        revocation source. Addresses inside certificates are never used.
        """
        octets = certificate if isinstance(certificate, bytes) else certificate_der(certificate)
        known = self._chain_of(octets, chain)
        if isinstance(known, Verdict):
            return known
        return self._judged(known, now.replace(microsecond=0), _CERTIFICATE)

    def verify(self, document: bytes, now: datetime, tls_certificate: bytes | None = None) -> VerifiedDelivery:
        """Check the enveloped signature of an XML document, then its signer.

        `now` is UTC. With `tls_certificate` (DER) the signer's certificate must be the same. Chain and key size are
        checked before any computation with the presented key. Dates, channel and status are checked after the
        signature, so that no holder is named for a document that they did not sign.
        """
        held: list[ValidatedCertificate] = []

        def judge(certificate: x509.Certificate) -> None:
            der = certificate_der(certificate)
            if tls_certificate is not None and der != tls_certificate:
                raise DocumentRejected(Verdict(VerdictReason.SIGNATURE_INVALID, verdict_texts.OTHER_CERTIFICATE))
            known = self._chain_of(der, ())
            if isinstance(known, Verdict):
                raise DocumentRejected(known)
            held.append(known)

        def known_key(der: bytes) -> AnyPublicKey | None:
            known = self._current().remembered.get(sha256(der).digest())
            # The cache also has certificates that came as PEM, which is no content of a signature.
            if known is None or known.leaf.der != der or tls_certificate not in {None, der}:
                return None
            held.append(known)
            return known.leaf.certificate.public_key()

        try:
            octets, der = verified(document, judge, known_key)
        except DocumentRejected as refused:
            return VerifiedDelivery(refused.verdict)
        verdict = self._judged(held[-1], now.replace(microsecond=0), _DOCUMENT)
        return VerifiedDelivery(verdict, octets, der) if verdict.accepted else VerifiedDelivery(verdict)

    def _current(self) -> TrustState:
        """Return the present trust.

        It is built anew if the lists changed, in each process by itself.
        """
        content = self._state.content if self.lists is None else self.lists.current()
        if content is not self._state.content:
            self._state = self._state_of(content)
        return self._state

    def _state_of(self, content: TrustContent) -> TrustState:
        bundle = tuple(dict.fromkeys((*self.anchors, *content.added)))
        distrust = DistrustIndex.of(content, (*bundle, *self.listed))
        return TrustState(content, trust_store_of(bundle), distrust, PathCache())

    def _chain_of(self, octets: bytes, chain: Sequence[x509.Certificate]) -> ValidatedCertificate | Verdict:
        digest = sha256(octets).digest() + b"".join(
            sha256(certificate_der(certificate)).digest() for certificate in chain
        )
        state = self._current()
        known = state.remembered.get(digest)
        if known is not None:
            return known
        try:
            leaf = parse_certificate(octets)
        except InvalidCertificate as bad:
            return Verdict(VerdictReason.MALFORMED, verdict_texts.MALFORMED, {"why": Phrase(bad.why)})
        paths = build_paths(leaf.certificate, state.trusted, chain)
        ways = tuple(self._way(path, chain, state) for path in paths)
        purposes = {(way.purpose.channel, way.purpose.environment) for way in ways} - {(None, None)}
        # Two CAs with the same name and key but different purposes: the issuer is ambiguous.
        if not ways or len(purposes) > 1:
            return Verdict(VerdictReason.UNTRUSTED, verdict_texts.UNTRUSTED)
        return state.remembered.put(digest, ValidatedCertificate(leaf, ways))

    def _judged(self, known: ValidatedCertificate, now: datetime, words: VerdictTexts) -> Verdict:
        """Judge each path and return the first accepted verdict.

        If no path is accepted, return the refusal that passed the most checks.
        """
        best: Verdict | None = None
        for way in known.ways:
            verdict = self._on(way, VerdictBuilder(known.leaf, way.purpose, now, words))
            if verdict.reason is None:
                return verdict
            if best is None or best.reason is None or _ORDER[best.reason] < _ORDER[verdict.reason]:
                best = verdict
        return best or Verdict(VerdictReason.UNTRUSTED, verdict_texts.UNTRUSTED)

    def _way(self, path: CertificationPath, chain: Sequence[x509.Certificate], state: TrustState) -> TrustPath:
        issuer, anchor = path.issuer.certificate, path.above[-1]
        over = (anchor,) if anchor.digest in state.trusted.self_signed else self._issuers_of(anchor, chain)
        links = tuple(path.links())
        return TrustPath(path, links, over, ca_purpose(issuer, self.trust), not signs_responses(issuer))

    def _issuers_of(self, anchor: CaCertificate, chain: Sequence[x509.Certificate]) -> tuple[CaCertificate, ...]:
        """Return the known CAs that issued an anchor.

        They come from the settings and from the message.
        """
        came = (
            ca_certificate for ca_certificate in map(authority_of, chain[:MOST_HELPERS]) if ca_certificate is not None
        )
        return tuple(ca_certificate for ca_certificate in (*self._listed, *came) if has_issued(ca_certificate, anchor))

    def _on(self, way: TrustPath, builder: VerdictBuilder) -> Verdict:
        if self.environment is not None and builder.purpose.environment is not self.environment:
            return Verdict(
                VerdictReason.UNTRUSTED, verdict_texts.OTHER_ENVIRONMENT, {"environment": self.environment.value}
            )
        state = self._current()
        distrust = state.distrust.find(way.path.above)
        refused = self._refuse_unconfirmed(way, distrust, state.content, builder)
        if refused is not None:
            return refused
        if not (builder.leaf.is_holders and way.for_holders):
            return builder.refusal(VerdictReason.WRONG_PURPOSE, verdict_texts.WRONG_PURPOSE)
        out = _out_of_time(way.path, builder)
        if out is not None:
            return out
        if self.channel is not None and builder.purpose.channel is not self.channel:
            wanted = self.channel.value
            if builder.purpose.channel is None:
                return builder.refusal(VerdictReason.WRONG_CHANNEL, verdict_texts.UNKNOWN_CHANNEL, wanted=wanted)
            given = builder.purpose.channel.value
            return builder.refusal(
                VerdictReason.WRONG_CHANNEL, verdict_texts.WRONG_CHANNEL, wanted=wanted, channel=given
            )
        return self._with_status(way, builder, 0 if distrust is None else distrust.place + 2)

    def _refuse_unconfirmed(
        self, way: TrustPath, distrust: PathDistrust | None, content: TrustContent, builder: VerdictBuilder
    ) -> Verdict | None:
        """Refuse a certificate below a distrusted CA unless the bridge confirms it.

        Returns None if it does. Holders of a stolen key write any content, so a refusal quotes nothing of the
        certificate.
        """
        if content.damage is not None:
            return _unknown(verdict_texts.DAMAGED_LIST)
        if distrust is None or self.lists is None:
            return None
        leaf, issuer = way.links[0]
        if builder.now > distrust.until or builder.leaf.span.not_before > distrust.since:
            return Verdict(VerdictReason.REVOKED, verdict_texts.CA_REVOKED, revocation=RevocationCheck.REVOKED)
        address = f"{self.lists.settings.url}/status/bridge/{distrust.name}"
        question = BridgeQuestion(leaf, issuer, content.responders, address)
        match self.lists.bridge.status(question, builder.now, self.freshness).status:
            case RevocationState.GOOD:
                return None
            case RevocationState.REVOKED:
                return Verdict(VerdictReason.REVOKED, verdict_texts.CA_REVOKED, revocation=RevocationCheck.REVOKED)
            case RevocationState.UNKNOWN:
                return _unknown(verdict_texts.NO_ANSWER)
            case never:
                assert_never(never)

    def _with_status(self, way: TrustPath, builder: VerdictBuilder, first: int) -> Verdict:
        """Judge the status of the leaf and of the CAs above it.

        `first` is the place of the first link that counts; the bridge confirmed those below, if it is not 0.
        """
        if self.source is None:
            return builder.good(RevocationCheck.GOOD if first else RevocationCheck.NOT_CHECKED)
        answers = list(self._answers(self.source, way, builder.now, first))
        above = answers if first else answers[1:]
        if any(status.status is RevocationState.REVOKED for status in above):
            # A holder of a revoked CA's key could have written any content, so the verdict quotes none of it.
            return Verdict(VerdictReason.REVOKED, verdict_texts.CA_REVOKED, revocation=RevocationCheck.REVOKED)
        if not first and answers[0].status is RevocationState.REVOKED:
            return builder.revoked()
        for answer in answers:
            if answer.status is not RevocationState.GOOD:
                return builder.refusal(
                    VerdictReason.STATUS_UNKNOWN, verdict_texts.STATUS_UNKNOWN, why=Phrase(answer.why or "")
                )
        return builder.good(RevocationCheck.GOOD)

    def _answers(
        self, source: RevocationSource, way: TrustPath, now: datetime, first: int
    ) -> Iterator[RevocationStatus]:
        """Return the status of the leaf, of each CA above it, and of the anchor.

        `first` is the place of the first link.
        """
        for number, (below, issuer) in enumerate(way.links[first:], first):
            if number <= way.path.presented:
                yield source.status(below, issuer, now, self.freshness)
            else:
                yield self._unless_needed(source.above(below, issuer, now), issuer)
        if first > len(way.links):
            return
        anchor = way.path.above[-1]
        for issuer in way.over_anchor:
            answer = source.above(anchor.certificate, issuer, now)
            # A list of a self-signed CA covers the certificates below it. NOT_FOR_THIS is not about the CA itself.
            yield GOOD if issuer is anchor and answer == NOT_FOR_THIS else self._unless_needed(answer, issuer)
        if not way.over_anchor:
            yield self._unless_needed(source.above(anchor.certificate, None, now), None)

    def _unless_needed(self, answer: RevocationStatus, issuer: CaCertificate | None) -> RevocationStatus:
        """Treat a missing list about a CA of the anchor file as GOOD.

        It stays missing if the settings name a list of its issuer.
        """
        return GOOD if answer == MISSING and not self._is_listed(issuer) else answer

    def _is_listed(self, issuer: CaCertificate | None) -> bool:
        """Return whether the settings name a list of this CA, by name and key.

        Its certificate may have been renewed.
        """
        return issuer is not None and any(
            ca_certificate.key == issuer.key and ca_certificate.certificate.subject == issuer.certificate.subject
            for ca_certificate in self._listed
        )


class PathCache:
    """Least-recently-used cache of verified chains, by the digest of all inputs.

    Refusals are not cached, so that a sender of untrusted certificates cannot evict those of holders.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[bytes, ValidatedCertificate] = OrderedDict()

    def get(self, digest: bytes) -> ValidatedCertificate | None:
        """Return the cached chains of a certificate, or None."""
        with self._lock:
            known = self._kept.get(digest)
            if known is not None:
                self._kept.move_to_end(digest)
            return known

    def put(self, digest: bytes, known: ValidatedCertificate) -> ValidatedCertificate:
        """Store the chains and return them."""
        with self._lock:
            self._kept[digest] = known
            if len(self._kept) > KNOWN_AT_MOST:
                self._kept.popitem(last=False)
        return known


def _unknown(why: str) -> Verdict:
    """Return a refusal that quotes nothing of the certificate."""
    return Verdict(VerdictReason.STATUS_UNKNOWN, verdict_texts.STATUS_UNKNOWN, {"why": Phrase(why)})


def _out_of_time(path: CertificationPath, builder: VerdictBuilder) -> Verdict | None:
    """Refuse by the first certificate outside its validity period, the leaf first.

    notBefore and notAfter are both valid seconds. Returns None if all certificates are within their periods.
    """
    spans = [(builder.leaf.span, verdict_texts.NOT_YET_VALID, verdict_texts.EXPIRED)]
    spans += [
        (ca_certificate.span, verdict_texts.CA_NOT_YET_VALID, verdict_texts.CA_EXPIRED) for ca_certificate in path.above
    ]
    for span, early, late in spans:
        if builder.now > span.not_after:
            return builder.refusal(VerdictReason.EXPIRED, late, until=span.not_after)
        if builder.now < span.not_before:
            return builder.refusal(VerdictReason.NOT_YET_VALID, early, at=span.not_before, now=builder.now)
    return None
