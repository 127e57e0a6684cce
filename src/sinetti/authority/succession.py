"""Successors of CAs: keys, certificates, first lists, responders and bundles.

See docs/operators/succession.md. Each step stores its intent first, and the same call continues after a kill.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.authority.bootstrap import Authority, offline_token_names
from sinetti.authority.data_directory import FolderDamaged, FolderError, locked
from sinetti.authority.initialise import authority_row
from sinetti.authority.key_relocation import OfflineKeys
from sinetti.authority.key_store import FileKeyStore, KeyStore
from sinetti.authority.signer.certificates import read_fields
from sinetti.ca.ceremony.objects import FIRST_LISTS
from sinetti.ca.hierarchy_builder import (
    BACKDATED,
    HOLDERS_ANCHORS,
    SERVICES_ANCHORS,
    bundle_of,
    certificate_plan,
    subject_of,
)
from sinetti.ca.hierarchy_model import CaRole, CaSpec, Hierarchy
from sinetti.ca.issuance import assemble_root, attach_signature, new_serial, prepare_authority
from sinetti.ca.issuance_request import IssuingCa
from sinetti.ca.successors import (
    SuccessorOptions,
    check_ca_certificate,
    check_key,
    check_new_name,
    plan_successor,
    read_ca_certificate,
    span_below,
)
from sinetti.database.authorities import register
from sinetti.database.authorities.register import (
    AuthorityView,
    CaChangeRefused,
    CaUnknown,
    NewPendingAuthority,
    PendingAuthorityView,
)
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance import crls
from sinetti.domain.authorities.lifecycle import CaState, successor_name
from sinetti.domain.values import Channel, KeyType, Serial, ValidityPeriod
from sinetti.infra.atomic_files import write_atomic
from sinetti.pki.chain import build_chain
from sinetti.pki.encoding import PublicKey, certificate_der, load_certificate
from sinetti.pki.key_policy import key_type
from sinetti.pki.signers import SignatureRefused, Signer
from sinetti.pki.signers.software import SoftwareSigner
from sinetti.pki.trust_lists.lists import MOST_AUTHORITIES
from sinetti.services.authorities.succession import activate_ca, install_ca
from sinetti.services.authorities.trust_lists import publish_anchors
from sinetti.services.status.crl import OFFLINE_LIFE, publish

_DAY = timedelta(days=1)


class ParentKeyAway(FolderError):
    """Key of the CA above that is not at hand.

    The sentence has the commands to run instead.
    """


@dataclass(frozen=True)
class SuccessionContext:
    """An opened authority, the folder of offline keys if it is at hand, and the actor."""

    authority: Authority
    actor: str
    request_id: str
    offline: OfflineKeys | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path:
        """Folder of the certificates of CAs."""
        return self.authority.folder.certificates

    @property
    def audit(self) -> AuditContext:
        """Entry of an act for the audit log, now."""
        return self.authority.ctx.audit_entry(self.actor, self.request_id)

    def spec_of(self, name: str) -> CaSpec:
        """Return the specification of a CA that has its certificate."""
        return next(ca for ca in self.authority.hierarchy.authorities if ca.file_name == name)


def begin_successor(ca: str, wanted: SuccessorOptions, means: SuccessionContext) -> PendingAuthorityView:
    """Make key and request of a CA's successor, and store them.

    `ca` is a file name or a CN. The same call returns the same successor. A successor whose key the ceremony makes has
    an empty request. Raises CaUnknown, CaChangeRefused, HierarchyError, FolderError, and the errors of the keys.
    """
    authority, ctx = means.authority, means.authority.ctx
    with locked(authority.folder.root):
        before, waiting = check_begin(ca, wanted, means)
        if waiting is not None:
            return waiting if waiting.request else _with_key(waiting, before, means)
        spec, above = _plan(before, wanted, means)
        request = _make_key(before, spec, means)
        ctx.step("ca key made")
        new = NewPendingAuthority(
            name=spec.file_name,
            common_name=spec.name,
            role=spec.role.value,
            channel=spec.channel,
            issuer=None if above is None else above.name,
            replaces=before.name,
            key_type=spec.key_type.value,
            lifetime_days=spec.lifetime // _DAY,
            request=request,
        )
        return register.insert_pending(ctx.db, new, means.audit)


def successor_of(given: Mapping[str, str], ctx: SuccessionContext) -> tuple[str, SuccessorOptions, SuccessionContext]:
    """Return the CA, and the options of its successor, that a proposal describes."""
    key, days = given["key"], given["days"]
    wanted = SuccessorOptions(
        given["name"] or None, KeyType(key) if key else None, timedelta(days=int(days)) if days else None
    )
    return given["ca"] or issuing_ca(Channel(given["channel"]), ctx), wanted, ctx


def check_begin(
    ca: str, wanted: SuccessorOptions, ctx: SuccessionContext
) -> tuple[AuthorityView, PendingAuthorityView | None]:
    """Return a CA that can have this successor, and the successor if it was begun.

    Raises the errors of `begin_successor`, also for a folder of offline keys that does not open.
    """
    db = ctx.authority.ctx.db
    before = register.get_authority(db, ca)
    waiting = next((pending for pending in register.list_pending(db) if pending.replaces == before.name), None)
    if waiting is not None:
        _check_same(waiting, wanted)
        return before, waiting
    if before.state not in {CaState.ISSUING, CaState.PUBLISHING, CaState.REVOKED}:
        raise CaChangeRefused(f"{before.name} is {before.state}: only a CA that issues or has issued gets a successor")
    _plan(before, wanted, ctx)
    _place_of(before.name, ctx)
    signer_of(before.issuer or before.name, ctx)
    return before, None


def _with_key(waiting: PendingAuthorityView, before: AuthorityView, ctx: SuccessionContext) -> PendingAuthorityView:
    """Return a CA that was begun for a ceremony, with its key if it can be made.

    Its key is then where that of the CA before it is: the folder of offline keys was not given the first time.
    """
    request = _make_key(before, _spec(waiting, ctx), ctx)
    if request:
        register.add_request(ctx.authority.ctx.db, waiting.name, request)
    return replace(waiting, request=request)


def _check_same(waiting: PendingAuthorityView, wanted: SuccessorOptions) -> None:
    """Raise CaChangeRefused if a successor was begun with other options."""
    begun = SuccessorOptions(waiting.common_name, KeyType(waiting.key_type), waiting.lifetime_days * _DAY)
    if any(getattr(wanted, var) not in {None, getattr(begun, var)} for var in vars(begun)):
        raise CaChangeRefused(
            f"{waiting.common_name} was begun as successor of {waiting.replaces} with other options ("
            f"{waiting.key_type}, {waiting.lifetime_days} days): leave out --name, --key and --days"
        )


def _plan(
    before: AuthorityView, wanted: SuccessorOptions, means: SuccessionContext
) -> tuple[CaSpec, AuthorityView | None]:
    """Return the specification of a successor, and the CA above it."""
    ctx, hierarchy = means.authority.ctx, means.authority.hierarchy
    views = {ca.name: ca for ca in register.list_authorities(ctx.db)}
    above = None if before.issuer is None else _in_force(views[before.issuer], views)
    names = [ca.common_name for ca in views.values()]
    names += [pending.common_name for pending in register.list_pending(ctx.db)]
    if len(names) >= MOST_AUTHORITIES:
        raise CaChangeRefused(
            f"the authority has {len(names)} CAs, the most that a list of anchors can have: found a new authority"
        )
    if wanted.name is None:
        wanted = replace(wanted, name=_free_name(before.common_name, names))
    certificate = None if above is None else load_certificate(above.certificate)
    spec = plan_successor(means.spec_of(before.name), certificate, wanted, _least(before, hierarchy), ctx.now())
    check_new_name(spec.name, hierarchy.environment, names, hierarchy.response_signer.name)
    return spec, above


def _in_force(above: AuthorityView, views: Mapping[str, AuthorityView]) -> AuthorityView:
    """Return a CA or the successor that took over from it. Raises CaChangeRefused."""
    ca = above
    while ca.state is not CaState.ISSUING:
        after = [view for view in views.values() if view.replaces == ca.name and view.state is not CaState.STANDBY]
        if not after:
            raise CaChangeRefused(f"{above.name} is {above.state}: begin and activate its successor first")
        ca = after[0]
    return ca


def _free_name(name: str, taken: list[str]) -> str:
    while name in taken:
        name = successor_name(name)
    return name


def _least(before: AuthorityView, hierarchy: Hierarchy) -> timedelta:
    """Return the life of what a CA issues, which it must outlive."""
    lives = {CaRole.ISSUING: hierarchy.holder_validity, CaRole.SERVICES: hierarchy.response_signer.lifetime}
    return lives.get(CaRole(before.role), _DAY)


def _make_key(before: AuthorityView, spec: CaSpec, ctx: SuccessionContext) -> bytes:
    """Make the key in the kind of place of the CA before; return its request.

    Empty if the key of that CA is on the medium of a ceremony, where the new key is made, too.
    """
    store = _place_of(before.name, ctx)
    if store is None:
        return b""
    request = store.begin(spec, ctx.authority.hierarchy.organisation)
    made = key_type(x509.load_der_x509_csr(request).public_key())
    if made is not spec.key_type:
        raise CaChangeRefused(f"a key of {spec.name} was begun as {made}: give --key {made}, or another --name")
    return request


def _place_of(name: str, ctx: SuccessionContext) -> KeyStore | None:
    """Return the store that makes keys where a CA has its key; None: it is not here."""
    authority = ctx.authority
    keys = authority.keys
    if name not in authority.ctx.offline:
        return keys.place_of(name)
    if name in offline_token_names(authority.folder, authority.hierarchy):
        return keys.offline_tokens().place_of(name)
    if ctx.offline is None:
        return None
    ctx.offline.check({name: authority.ctx.issuers[name].certificate})
    return FileKeyStore(ctx.offline.place, ctx.offline.passphrase)


def signer_of(name: str, ctx: SuccessionContext) -> Signer | None:
    """Return what signs with the key of a CA; None if it is not at hand.

    Raises FolderDamaged if the folder of offline keys has another key.
    """
    authority = ctx.authority
    if name not in authority.ctx.offline:
        return authority.keys
    if name in offline_token_names(authority.folder, authority.hierarchy):
        return authority.keys.offline_tokens()
    if ctx.offline is None or not ctx.offline.key_file(name).exists():
        return None
    ctx.offline.check({name: authority.ctx.issuers[name].certificate})
    return SoftwareSigner(ctx.offline.place, ctx.offline.passphrase)


def certify(pending: PendingAuthorityView, means: SuccessionContext) -> bytes:
    """Sign the certificate of a successor with the key of the CA above it.

    A root signs itself. The octets are stored before they are signed, and signed again after a kill. Raises
    ParentKeyAway, LintError, and the errors of the keys.
    """
    ctx = means.authority.ctx
    sign = _signing(pending, means)
    if sign is None:
        raise ParentKeyAway(_instead(pending.name, pending.issuer or pending.name))
    issuer = _issuer(pending, means)
    intent = means.folder / f"{pending.name}.tbs"
    with locked(means.authority.folder.root):
        if not intent.exists():
            write_atomic(intent, _to_be_signed(pending, issuer, means))
            ctx.step("ca intended")
        octets = intent.read_bytes()
    if not _is_intended(octets, pending, issuer, means):
        raise FolderDamaged(
            f"{intent} is not the certificate of {pending.name}, so nothing was signed: see who wrote it"
        )
    try:
        signature = sign(octets)
    except SignatureRefused:
        # A signer with rules signs a known serial at any time, so these octets were never signed.
        intent.unlink()
        raise
    if issuer is None:
        return assemble_root(octets, signature, _requested_key(pending))
    return attach_signature(octets, signature, issuer.certificate)


def certify_once(pending: PendingAuthorityView, ctx: SuccessionContext) -> bytes | None:
    """Return what `certify` returns; None if an earlier call wrote the certificate.

    Raises the errors of `certify`.
    """
    if pending.installed_at is not None or (ctx.folder / f"{pending.name}.cer").exists():
        return None
    return certify(pending, ctx)


def can_certify(pending: PendingAuthorityView, ctx: SuccessionContext) -> bool:
    """Return True if `certify` has the key that it needs. Raises FolderDamaged."""
    return _signing(pending, ctx) is not None


def _signing(pending: PendingAuthorityView, ctx: SuccessionContext) -> Callable[[bytes], bytes] | None:
    """Return what signs a successor's certificate; None if the key is not at hand.

    The new key of a root is where that of the root before it is.
    """
    if not pending.request:
        return None
    if pending.issuer is not None:
        above, signer = pending.issuer, signer_of(pending.issuer, ctx)
        return None if signer is None else lambda octets: signer.sign(above, octets)
    store = None if pending.replaces is None else _place_of(pending.replaces, ctx)
    return None if store is None else lambda octets: store.sign(pending.name, octets, _requested_key(pending), None)


def _requested_key(pending: PendingAuthorityView) -> PublicKey:
    return cast("PublicKey", x509.load_der_x509_csr(pending.request).public_key())


def _instead(name: str, above: str) -> str:
    return (
        f"the key of {above} is not at hand: give --offline-dir, or run sinetti authority ca begin with --request-out "
        f"FILE, have a ceremony certify {name}, then run sinetti authority import-signed and sinetti authority ca "
        f"activate {name}"
    )


def _to_be_signed(pending: PendingAuthorityView, issuer: IssuingCa | None, ctx: SuccessionContext) -> bytes:
    spec, above = _spec(pending, ctx), issuer.certificate if issuer else None
    span = span_below(above, spec.lifetime, ctx.authority.ctx.now().replace(microsecond=0))
    plan = certificate_plan(subject_of(ctx.authority.hierarchy), spec, _requested_key(pending), new_serial(), span)
    return prepare_authority(plan, issuer)


def _is_intended(
    octets: bytes, pending: PendingAuthorityView, issuer: IssuingCa | None, ctx: SuccessionContext
) -> bool:
    """Return True for a CA's certificate, whose serial and dates are its own.

    The account of the service can write the file, and must not have an offline key sign anything else.
    """
    spec, above = pending_spec(pending, issuer.name if issuer else None), issuer.certificate if issuer else None
    try:
        fields = read_fields(octets)
        span, serial = ValidityPeriod(fields.not_before, fields.not_after), Serial(fields.serial.hex())
        plan = certificate_plan(subject_of(ctx.authority.hierarchy), spec, _requested_key(pending), serial, span)
        is_same = prepare_authority(plan, issuer) == octets
    except (ValueError, SignatureRefused):
        return False
    return is_same and span == span_below(above, spec.lifetime, span.not_before + BACKDATED)


def pending_spec(pending: PendingAuthorityView, parent: str | None) -> CaSpec:
    """Return the specification of a CA that was begun; `parent` is the CN above it."""
    lifetime = timedelta(days=pending.lifetime_days)
    role, kind = CaRole(pending.role), KeyType(pending.key_type)
    return CaSpec(pending.common_name, role, parent, kind, lifetime, pending.channel)


def _issuer(pending: PendingAuthorityView, ctx: SuccessionContext) -> IssuingCa | None:
    return None if pending.issuer is None else ctx.authority.ctx.issuers[pending.issuer]


def _spec(pending: PendingAuthorityView, ctx: SuccessionContext) -> CaSpec:
    issuer = _issuer(pending, ctx)
    return pending_spec(pending, None if issuer is None else issuer.name)


def install_successor(name: str, octets: bytes | None, means: SuccessionContext) -> AuthorityView:
    """Take in the certificate of a CA that was begun; it becomes a standby.

    `octets` are DER or PEM; None: a certificate that an earlier call wrote. The certificate is checked, then stored
    with first lists, OCSP responder and bundles. Without the key of an offline CA its lists come from the ceremony, and
    the same call after them completes the installation. Raises CaUnknown, CaChangeRefused, CertificateRefused,
    FolderError, and the errors of the keys.
    """
    authority, ctx = means.authority, means.authority.ctx
    with locked(authority.folder.root):
        pending = find_begun(name, means)
        certificate = check_certificate(pending, _stored(pending, means) if octets is None else octets, means)
        if pending.installed_at is None:
            write_atomic(means.folder / f"{pending.name}.cer", certificate_der(certificate))
            ctx.step("ca certificate")
            _admit(pending, certificate, means)
            ctx.step("ca admitted")
        spec = replace(_spec(pending, means), is_standby=True)
        view = install_ca(authority_row(authority.hierarchy, spec, certificate), ctx, means.audit)
        ctx.step("ca stored")
        _complete(view, certificate, means)
    publish_anchors_at_hand(means)
    return view


def find_begun(name: str, ctx: SuccessionContext) -> PendingAuthorityView:
    """Return a CA that was begun. Raises CaUnknown."""
    pending = register.find_pending(ctx.authority.ctx.db, name)
    if pending is None:
        raise CaUnknown(f"no CA {name} was begun: run sinetti authority ca begin first")
    return pending


def check_certifiable(name: str, digest: str, ctx: SuccessionContext) -> None:
    """Raise ParentKeyAway if a CA that was begun could get no certificate here.

    `digest` is that of a certificate that is given, or empty.
    """
    pending = find_begun(name, ctx)
    is_stored = pending.installed_at is not None or (ctx.folder / f"{pending.name}.cer").exists()
    if not (digest or is_stored or can_certify(pending, ctx)):
        raise ParentKeyAway(_instead(pending.name, pending.issuer or pending.name))


def publish_anchors_at_hand(means: SuccessionContext) -> bool:
    """Sign a new list of anchors, if the roots' keys are at hand.

    Returns False if they are not: a ceremony signs the list then. Raises TrustListConflict and the errors of the keys.
    """
    ctx = means.authority.ctx
    roots = [ca.file_name for ca in means.authority.hierarchy.authorities if ca.role is CaRole.ROOT]
    signers = {name: signer_of(name, means) for name in roots}
    found = {name: signer for name, signer in signers.items() if signer is not None}
    if len(found) < len(roots):
        return False
    publish_anchors(ctx, lambda name, octets: found[name].sign(name, octets), (means.actor, means.request_id))
    ctx.step("ca anchors")
    return True


def _stored(pending: PendingAuthorityView, ctx: SuccessionContext) -> bytes:
    path = ctx.folder / f"{pending.name}.cer"
    if not path.exists():
        raise FolderError(
            f"{pending.name} has no certificate yet: give --certificate FILE or --offline-dir, or take in the result "
            "of the ceremony with sinetti authority import-signed"
        )
    return path.read_bytes()


def check_certificate(pending: PendingAuthorityView, octets: bytes, means: SuccessionContext) -> x509.Certificate:
    """Read a CA's certificate; until it is installed, check it and its key.

    Raises CertificateRefused and FolderError.
    """
    ctx, certificate = means.authority.ctx, read_ca_certificate(octets)
    if pending.installed_at is not None:
        return certificate
    if pending.request:
        check_key(certificate, pending.request, pending.name)
    spec, issuer = _spec(pending, means), _issuer(pending, means)
    check_ca_certificate(certificate, subject_of(means.authority.hierarchy), spec, issuer, ctx.now())
    is_online = spec.role in {CaRole.ISSUING, CaRole.SERVICES}
    if is_online and not means.authority.keys.store_of(pending.name).has(pending.name):
        raise FolderError(
            f"the key of {pending.name} is not in {means.authority.folder.keys}: run this where it was begun"
        )
    return certificate


def _admit(pending: PendingAuthorityView, certificate: x509.Certificate, ctx: SuccessionContext) -> None:
    """Show a certificate to the store of its key, with those above it but the root."""
    issuers = ctx.authority.ctx.issuers.values()
    chain = (certificate, *build_chain(certificate, [ca.certificate for ca in issuers]))
    if pending.request and pending.replaces is not None:
        store = _place_of(pending.replaces, ctx)
        if store is not None:
            store.admit(pending.name, chain)


def _complete(view: AuthorityView, certificate: x509.Certificate, means: SuccessionContext) -> None:
    """Publish first lists, make the responder, and write the bundles; each once."""
    ctx, folder = means.authority.ctx, means.authority.folder
    if not _has_lists(view.name, means):
        signer = signer_of(view.name, means)
        if signer is not None:
            ends = ctx.now() + OFFLINE_LIFE if view.name in ctx.offline else None
            publish(view.name, replace(ctx, signer=signer), means.request_id, ends)
    ctx.step("ca lists")
    if view.name in ctx.responders:
        ctx.responders[view.name]()
    if means.offline is not None and means.offline.key_file(view.name).exists():
        write_atomic(means.offline.place / f"{view.name}.cer.pem", certificate.public_bytes(Encoding.PEM))
    certificates = {name: ca.certificate for name, ca in ctx.issuers.items()}
    for name, roles in {"holders.pem": HOLDERS_ANCHORS, "services.pem": SERVICES_ANCHORS}.items():
        write_atomic(folder.trust / name, bundle_of(means.authority.hierarchy, certificates, *roles))
    ctx.step("ca bundles")
    (means.folder / f"{view.name}.tbs").unlink(missing_ok=True)
    if _has_lists(view.name, means):
        register.finish_installation(ctx.db, view.name, ctx.now())


def _has_lists(name: str, ctx: SuccessionContext) -> bool:
    db = ctx.authority.ctx.db
    return all(crls.latest_crl(db, name, shard) is not None for shard in FIRST_LISTS)


def roll_over(ca: str, wanted: SuccessorOptions, means: SuccessionContext) -> AuthorityView:
    """Give a CA its successor, and make that issue; the same call continues.

    After the activation the same call returns the successor again. Raises ParentKeyAway before anything is done, and
    the errors of the other functions.
    """
    ctx = means.authority.ctx
    before, after = check_roll_over(ca, wanted, means)
    if after is not None and after.state is not CaState.STANDBY:
        publish_anchors_at_hand(means)
        return after
    if after is None:
        pending = begin_successor(before.name, wanted, means)
        ctx.step("ca begun")
        octets = certify_once(pending, means)
        ctx.step("ca certified")
        name = pending.name
    else:
        name, octets = after.name, None
    install_successor(name, octets, means)
    ctx.step("ca installed")
    activate_ca(name, ctx, means.audit)
    publish_anchors_at_hand(means)
    return register.get_authority(ctx.db, name)


def check_roll_over(
    ca: str, wanted: SuccessorOptions, ctx: SuccessionContext
) -> tuple[AuthorityView, AuthorityView | None]:
    """Return a CA that can be replaced, and the successor that it has already.

    Raises the errors of `roll_over`.
    """
    db = ctx.authority.ctx.db
    before = register.get_authority(db, ca)
    after = [ca for ca in register.list_authorities(db) if ca.replaces == before.name]
    if not after:
        _check_unreplaced(before, db)
        check_begin(before.name, wanted, ctx)
        above = before.issuer or before.name
        if signer_of(above, ctx) is None or _place_of(before.name, ctx) is None:
            raise ParentKeyAway(_instead(f"the successor of {before.name}", above))
        return before, None
    if after[-1].state is not CaState.STANDBY:
        _check_unreplaced(after[-1], db)
        if after[-1].state is not CaState.ISSUING:
            raise CaChangeRefused(
                f"{before.name} was replaced by {after[-1].name}, which is {after[-1].state}: name that"
            )
    return before, after[-1]


def _check_unreplaced(before: AuthorityView, db: Database) -> None:
    """Raise CaChangeRefused if another CA than this one issues for its purpose."""
    if before.state is CaState.ISSUING or before.role == CaRole.INTERMEDIATE:
        return
    for ca in register.list_authorities(db):
        if (ca.role, ca.channel, ca.state) == (before.role, before.channel, CaState.ISSUING):
            raise CaChangeRefused(f"{before.name} is {before.state}, and {ca.name} issues: name that one")


def issuing_ca(channel: Channel, ctx: SuccessionContext) -> str:
    """Return the CA that issues for a channel. Raises FolderError unless there is one."""
    name = ctx.authority.ctx.issuing.get(channel)
    if name is None:
        raise FolderError(f"no CA issues for the channel {channel}: name the CA that gets a successor instead")
    return name
