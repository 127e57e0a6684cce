"""The control endpoint: loopback only, without CORS.

It serves clock, orders, certificates, revocations, calls for early replacement, CAs, messages and accounts.

A missing organisation of an order is added, and so is a contact where none is given. Rollovers and revocations of CAs
follow docs/operators/succession.md.
"""

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from sinetti.api.serializers import certificate_json
from sinetti.authority.bootstrap import Authority
from sinetti.authority.ca_revocation import CaRevocationRequest, revoke_authority
from sinetti.authority.data_directory import FolderError
from sinetti.authority.succession import SuccessionContext, issuing_ca, roll_over
from sinetti.ca.hierarchy_model import HierarchyError
from sinetti.ca.successors import SuccessorOptions
from sinetti.database.authorities.register import CaChangeRefused, CaUnknown
from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import ContactDetails, NewOrder, NewOrganisation
from sinetti.domain.certificates.bulk_revocation import BulkRevocationError
from sinetti.domain.certificates.renewal_info import EarlyReplacementError
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.validation import (
    LONGEST_DESCRIPTION,
    LONGEST_EMAIL,
    LONGEST_ORGANISATION,
    LONGEST_PERSON,
    LONGEST_PHONE,
    ValidationError,
    check_email,
    check_phone,
    check_unlinked_or_none,
)
from sinetti.domain.values import MAXIMUM_LENGTH, Channel, CustomerIdError, IdentifierType, Language, Serial
from sinetti.infra.clock import instant_or_none
from sinetti.journal.writer import JournalUnavailable
from sinetti.server.http import Request, Response, json_reply, problem_response
from sinetti.services.access.accounts import AccountError
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.order import (
    GeneratedTransferIds,
    OrderAlreadyUsed,
    OrderError,
    OrderUnknown,
    order,
    reissue_transfer_ids,
)
from sinetti.services.organisations import registration
from sinetti.services.organisations.registration import ChannelError, approve, register_organisation
from sinetti.services.revocation.revoke import RevocationError, RevocationErrorKind, RevocationRequest, revoke
from sinetti.testbench.core import json_fields
from sinetti.testbench.core.clock import BenchClock, ClockGoesBack, ClockOutOfRange
from sinetti.testbench.core.json_fields import FieldError
from sinetti.testbench.core.layout import is_loopback_host
from sinetti.testbench.endpoints import diagnostics
from sinetti.testbench.endpoints.accounts import create_account
from sinetti.testbench.endpoints.early_replacement import early_replacement
from sinetti.testbench.mail.dispatcher import ClockUnfinished, MessageDispatcher
from sinetti.testbench.mail.mailbox import MessageStore

_NAMES = ("customer_id", "customer_name", "customer_kind", "channel", "description", "contact", "replaces")


def create_order(value: dict[str, object], ctx: ServiceContext, request_id: str) -> tuple[GeneratedTransferIds, str]:
    """Make an order from the fields of `POST /orders` (contracts).

    Returns transfer ids, and a note if the registered name, which the certificate will have, is another. Raises
    FieldError, WordError, OrderError or CustomerIdError for wrong fields.
    """
    json_fields.only(value, *_NAMES)
    customer_id = json_fields.text(value, "customer_id", MAXIMUM_LENGTH)
    customer_name = json_fields.text(value, "customer_name", LONGEST_ORGANISATION)
    kind = json_fields.choice(value, "customer_kind", IdentifierType, IdentifierType.ARTIFICIAL)
    channel = json_fields.choice(value, "channel", Channel, Channel.WS)
    description = check_unlinked_or_none(
        "description", json_fields.text_or_none(value, "description", LONGEST_DESCRIPTION), LONGEST_DESCRIPTION
    )
    contact = _contact(value.get("contact"))
    replaces = json_fields.text_or_none(value, "replaces", _LONGEST_SERIAL).casefold()
    channels = frozenset({channel})
    new = NewOrganisation(customer_id, kind, "FI", customer_name, contact.language, channels)
    note = ""
    if register_organisation(new, ctx, "operator", request_id) is None:
        approve(customer_id, channels, ctx, "operator", request_id)
        known = organisations.find_organisation(ctx.db, customer_id)
        if known is not None and known.name != customer_name:
            note = f"{customer_id} is registered as {known.name}: the certificate will have this name"
    asked = NewOrder(customer_id, channel, description, contact, None, Serial(replaces) if replaces else None)
    return order(asked, ctx, "operator", request_id), note


def _contact(given: object) -> ContactDetails:
    """Return the given contact, or a contact made for this order.

    Raises FieldError if the value is no contact.
    """
    if given is None:
        made = f"contact-{secrets.token_hex(4)}@customer.example"
        return ContactDetails("Test Contact", made, "+358 40 0000000", Language.EN)
    if not isinstance(given, dict):
        raise FieldError("contact must be an object with name, email, language and, optionally, phone")
    json_fields.only(given, "name", "email", "phone", "language")
    return ContactDetails(
        json_fields.unlinked(given, "name", LONGEST_PERSON),
        check_email("email", json_fields.text(given, "email", LONGEST_EMAIL)),
        check_phone("phone", json_fields.text_or_none(given, "phone", LONGEST_PHONE)),
        json_fields.choice(given, "language", Language),
    )


_LONGEST_NAME = 64
_ACTOR = "operator"


def roll_over_ca(value: Mapping[str, object], authority: Authority, request_id: str) -> str:
    """Give a CA its successor, which issues at once; return the CN of the successor.

    `value` names a channel, or a CA by CN or file name. Raises FieldError, CaUnknown, and the errors of `roll_over`.
    """
    json_fields.only(value, "channel", "name")
    given = [name for name in ("channel", "name") if value.get(name) is not None]
    if len(given) != 1:
        raise FieldError("give either channel or name")
    ctx = SuccessionContext(authority, _ACTOR, request_id)
    if given == ["channel"]:
        ca = issuing_ca(json_fields.choice(value, "channel", Channel), ctx)
    else:
        ca = json_fields.text(value, "name", _LONGEST_NAME)
    return roll_over(ca, SuccessorOptions(), ctx).common_name


def revoke_ca(value: Mapping[str, object], authority: Authority, request_id: str) -> dict[str, object]:
    """Revoke a CA, and declare its compromise with cACompromise; return the CA.

    `value` has the name, a CN or a file name, and the reason. Raises FieldError, and the errors of `revoke_authority`.
    """
    json_fields.only(value, "name", "reason")
    name = json_fields.text(value, "name", _LONGEST_NAME)
    reason = json_fields.choice(value, "reason", RevocationReason, offered=tuple(RevocationReason))
    ctx = SuccessionContext(authority, _ACTOR, request_id)
    done = revoke_authority(CaRevocationRequest(name, reason), ctx)
    at, why = done.revoked_at, done.revocation_reason
    return {"name": done.common_name, "state": done.state, "revoked_at": instant_or_none(at), "reason": why}


_log = logging.getLogger(__name__)
_LONGEST_SERIAL = 40
_CALLS = (
    "The control calls are /clock, /orders, /certificates, /revocations, /early, /cas/rollover, /cas/revocations, "
    "/messages, /accounts and /explain."
)
_ORDER_ID = re.compile(r"/orders/([^/]{1,64})/(?=transfer-ids/?$)")
_STATUS_OF = {
    RevocationErrorKind.UNKNOWN: 404,
    RevocationErrorKind.ALREADY: 409,
    RevocationErrorKind.REASON: 422,
    RevocationErrorKind.SPARED: 422,
}
_BAD_FIELD = (
    BulkRevocationError,
    EarlyReplacementError,
    ChannelError,
    ClockOutOfRange,
    CustomerIdError,
    FieldError,
    HierarchyError,
    OrderError,
    ValidationError,
)
_REASONS = tuple(reason for reason in RevocationReason if may_use_reason(RevokerRole.OPERATOR, reason))


@dataclass(frozen=True)
class ControlEndpoint:
    """Answers the control calls.

    The dispatcher moves the clock, and sends due messages into `letters`.
    """

    authority: Authority
    clock: BenchClock
    postman: MessageDispatcher
    letters: MessageStore

    @property
    def ctx(self) -> ServiceContext:
        """Context of the services."""
        return self.authority.ctx

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method and path."""
        if not is_loopback_host(request.headers.get("host", "")):
            return problem_response(
                403, "host-not-loopback", "Control calls must be made to a loopback address, such as 127.0.0.1."
            )
        path = _ORDER_ID.sub("/orders/ORDER_ID/", request.path.rstrip("/"))
        routes = self._routes().get(path)
        if routes is None:
            return problem_response(404, "not-found", _CALLS)
        method = "GET" if request.method == "HEAD" else request.method
        act = routes.get(method)
        if act is None:
            reply = problem_response(405, "method-not-allowed", f"{request.path} takes {' and '.join(sorted(routes))}.")
            return Response(reply.status, reply.content_type, reply.body, {"allow": ", ".join(sorted(routes))})
        kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
        if path == diagnostics.PATH and kind not in diagnostics.TYPES:
            return problem_response(415, "not-xml", "Send the message unchanged, with Content-Type: text/xml.")
        if path != diagnostics.PATH and method != "GET" and kind != "application/json":
            return problem_response(415, "not-json", "Send the fields as JSON, with Content-Type: application/json.")
        return self._act(act, request)

    def _act(self, act: Callable[[Request], Response], request: Request) -> Response:
        try:
            return act(request)
        except (OrderUnknown, CaUnknown) as unknown:
            return problem_response(404, "unknown", f"{unknown}.")
        except (OrderAlreadyUsed, AccountError, CaChangeRefused, FolderError) as taken:
            return problem_response(409, "already", f"{taken}.")
        except _BAD_FIELD as bad:
            return problem_response(422, "bad-field", f"{bad}.")
        except ClockGoesBack as back:
            return problem_response(409, "clock-goes-back", f"{back}.")
        except RevocationError as refused:
            return problem_response(_STATUS_OF[refused.kind], refused.kind, f"{refused}.")
        except (*DATABASE_UNAVAILABLE, JournalUnavailable, ClockUnfinished):
            _log.exception("request %s: database or journal cannot be used, or it took too long", request.request_id)
            text = "The service is temporarily unavailable. Send the same request again."
            if act == self._set_clock:
                text = (
                    f"The clock has reached {instant_or_none(self.clock.now())}. Continue from there: set it with now."
                )
            return problem_response(503, "unavailable", text)
        finally:
            self.ctx.db.refresh()

    def _routes(self) -> dict[str, dict[str, Callable[[Request], Response]]]:
        return {
            "/clock": {"GET": self._show_clock, "PUT": self._set_clock},
            "/orders": {"POST": self._order},
            "/orders/ORDER_ID/transfer-ids": {"POST": self._transfer_ids},
            "/certificates": {"GET": self._certificates},
            "/revocations": {"POST": self._revoke},
            "/early": {"POST": self._call_early},
            "/cas/rollover": {"POST": self._roll_over},
            "/cas/revocations": {"POST": self._revoke_ca},
            "/messages": {"GET": self._messages},
            "/accounts": {"POST": self._account},
            diagnostics.PATH: {"POST": self._explain},
        }

    def _show_clock(self, _request: Request) -> Response:
        return json_reply(200, {"now": instant_or_none(self.clock.now())})

    def _set_clock(self, request: Request) -> Response:
        value = json_fields.read_object(request.body)
        json_fields.only(value, "now", "advance")
        given = [name for name in ("now", "advance") if value.get(name) is not None]
        if len(given) != 1:
            raise FieldError("give either now or advance")
        if given == ["now"]:
            reached = self.postman.move(json_fields.instant(value, "now"))
        else:
            reached = self.postman.move(json_fields.duration(value, "advance"))
        return json_reply(200, {"now": instant_or_none(reached)})

    def _order(self, request: Request) -> Response:
        made = create_order(json_fields.read_object(request.body), self.ctx, request.request_id)
        return _transfer_ids_response(*made)

    def _transfer_ids(self, request: Request) -> Response:
        json_fields.only(json_fields.read_object(request.body or b"{}"))
        match = _ORDER_ID.match(request.path)
        return _transfer_ids_response(
            reissue_transfer_ids(match[1] if match else "", self.ctx, "operator", request.request_id)
        )

    def _certificates(self, request: Request) -> Response:
        asked = json_fields.query(request.query, "customer_id")
        now = self.ctx.now()
        rows = registration.certificates(self.ctx, asked.get("customer_id"))
        return json_reply(200, [certificate_json(row, now) for row in rows])

    def _revoke(self, request: Request) -> Response:
        value = json_fields.read_object(request.body)
        json_fields.only(value, "serial", "reason")
        serial = Serial(json_fields.text(value, "serial", _LONGEST_SERIAL).casefold())
        reason = json_fields.choice(value, "reason", RevocationReason, offered=_REASONS)
        revoked = revoke(RevocationRequest(serial, reason), self.ctx, "operator", request.request_id)
        _log.info("revoked: %s", ", ".join(row.serial for row in revoked))
        return json_reply(200, certificate_json(revoked[0], self.ctx.now()))

    def _call_early(self, request: Request) -> Response:
        return json_reply(200, early_replacement(json_fields.read_object(request.body), self.ctx, request.request_id))

    def _roll_over(self, request: Request) -> Response:
        name = roll_over_ca(json_fields.read_object(request.body), self.authority, request.request_id)
        _log.info("rolled over: %s issues", name)
        return json_reply(200, {"name": name})

    def _revoke_ca(self, request: Request) -> Response:
        found = revoke_ca(json_fields.read_object(request.body), self.authority, request.request_id)
        _log.info("revoked: the CA %s", found["name"])
        return json_reply(200, found)

    def _messages(self, request: Request) -> Response:
        asked: dict[str, object] = {**json_fields.query(request.query, "to", "kind")}
        kind = json_fields.choice(asked, "kind", MessageKind) if "kind" in asked else None
        to = _reached_at(str(asked["to"])) if "to" in asked else None
        self.postman.dispatch_due()
        found = [
            asdict(letter)
            for letter in self.letters.all()
            if (kind is None or letter.kind == kind) and (to is None or _reached_at(letter.to) == to)
        ]
        return json_reply(200, found)

    def _account(self, request: Request) -> Response:
        value = json_fields.read_object(request.body)
        return json_reply(201, asdict(create_account(value, self.ctx, request.request_id)))

    def _explain(self, request: Request) -> Response:
        return diagnostics.answer(request, self.ctx)


def _transfer_ids_response(ids: GeneratedTransferIds, note: str = "") -> Response:
    """Return the answer with transfer ids, whose password is shown only once."""
    value = {
        "order_id": ids.order_id,
        "transfer_id": ids.transfer_id,
        "transfer_password": ids.transfer_password,
        "expires": instant_or_none(ids.expires),
    }
    return json_reply(201, {**value, "note": note} if note else value)


def _reached_at(to: str) -> str:
    """Return an address in the form in which two are compared.

    For a phone number these are its digits, because "+" in a query means a blank.
    """
    return to.strip().casefold() if "@" in to else re.sub(r"\D", "", to)
