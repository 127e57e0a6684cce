"""The control door: clock, orders, certificates, revocations, calls, messages, accounts. Loopback, no CORS."""

import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass

from sinetti.actions import look_up
from sinetti.actions.accounts import AccountError
from sinetti.actions.office import Office
from sinetti.actions.order import OrderError, OrderSpent, OrderUnknown, send_ids
from sinetti.actions.passwords import ShownIds
from sinetti.actions.register_organisation import ChannelError
from sinetti.actions.revoke import NotRevocable, NotRevocableKind, RevokeAsk, revoke
from sinetti.domain.bulk import BulkRefused
from sinetti.domain.customers import CustomerIdError
from sinetti.domain.messages import MessageKind
from sinetti.domain.renewal_hint import CallRefused
from sinetti.domain.revocation import RevocationReason, Revoker, may_give
from sinetti.domain.values import Serial
from sinetti.domain.words import WordError
from sinetti.protocols.http import Reply, Request, json_reply, problem
from sinetti.protocols.rows import certificate_row, instant
from sinetti.registry.journal import JournalUnavailable
from sinetti.registry.opening import REGISTER_UNAVAILABLE
from sinetti.testbench import explaining, fields
from sinetti.testbench.accounts import take_account
from sinetti.testbench.clock import BenchClock, ClockGoesBack, ClockOutOfRange
from sinetti.testbench.early import take_call
from sinetti.testbench.fields import FieldError
from sinetti.testbench.loopback import is_loopback
from sinetti.testbench.mailbox import Letters
from sinetti.testbench.orders import take_order
from sinetti.testbench.postman import Postman

_log = logging.getLogger(__name__)
_LONGEST_SERIAL = 40
_CALLS = (
    "The control calls are /clock, /orders, /certificates, /revocations, /early-replacements, /messages, /accounts and "
    "/explain."
)
_ORDER_ID = re.compile(r"/orders/([^/]{1,64})/(?=transfer-ids/?$)")
_STATUS_OF = {
    NotRevocableKind.UNKNOWN: 404,
    NotRevocableKind.ALREADY: 409,
    NotRevocableKind.REASON: 422,
    NotRevocableKind.SPARED: 422,
}
_BAD_FIELD = (
    BulkRefused,
    CallRefused,
    ChannelError,
    ClockOutOfRange,
    CustomerIdError,
    FieldError,
    OrderError,
    WordError,
)
_REASONS = tuple(reason for reason in RevocationReason if may_give(Revoker.OPERATOR, reason))


@dataclass(frozen=True, slots=True)
class ControlDoor:
    """Answers the control calls. The postman moves the clock, and sends into `letters` what is due."""

    office: Office
    clock: BenchClock
    postman: Postman
    letters: Letters

    def __call__(self, request: Request) -> Reply:
        """Answer one request of any method and path."""
        if not is_loopback(request.headers.get("host", "")):
            return problem(403, "host-not-loopback", "Control calls are made to a loopback address, such as 127.0.0.1.")
        path = _ORDER_ID.sub("/orders/ORDER_ID/", request.path.rstrip("/"))
        routes = self._routes().get(path)
        if routes is None:
            return problem(404, "not-found", _CALLS)
        method = "GET" if request.method == "HEAD" else request.method
        act = routes.get(method)
        if act is None:
            reply = problem(405, "method-not-allowed", f"{request.path} takes {' and '.join(sorted(routes))}.")
            return Reply(reply.status, reply.content_type, reply.body, {"allow": ", ".join(sorted(routes))})
        kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
        if path == explaining.PATH and kind not in explaining.TYPES:
            return problem(415, "not-xml", "Send the message as it is, with Content-Type: text/xml.")
        if path != explaining.PATH and method != "GET" and kind != "application/json":
            return problem(415, "not-json", "Send the fields as JSON, with Content-Type: application/json.")
        return self._act(act, request)

    def _act(self, act: Callable[[Request], Reply], request: Request) -> Reply:
        try:
            return act(request)
        except OrderUnknown as unknown:
            return problem(404, "unknown", f"{unknown}.")
        except OrderSpent as spent:
            return problem(409, "already", f"{spent}.")
        except AccountError as there:
            return problem(409, "already", f"{there}.")
        except _BAD_FIELD as bad:
            return problem(422, "bad-field", f"{bad}.")
        except ClockGoesBack as back:
            return problem(409, "clock-goes-back", f"{back}.")
        except NotRevocable as refused:
            return problem(_STATUS_OF[refused.kind], refused.kind, f"{refused}.")
        except (*REGISTER_UNAVAILABLE, JournalUnavailable):
            _log.exception("request %s: the register is away, or the journal", request.request_id)
            return problem(503, "unavailable", "The register is busy or away. Send the same request again.")
        finally:
            self.office.register.refresh()

    def _routes(self) -> dict[str, dict[str, Callable[[Request], Reply]]]:
        return {
            "/clock": {"GET": self._show_clock, "PUT": self._set_clock},
            "/orders": {"POST": self._order},
            "/orders/ORDER_ID/transfer-ids": {"POST": self._transfer_ids},
            "/certificates": {"GET": self._certificates},
            "/revocations": {"POST": self._revoke},
            "/early-replacements": {"POST": self._call_early},
            "/messages": {"GET": self._messages},
            "/accounts": {"POST": self._account},
            explaining.PATH: {"POST": self._explain},
        }

    def _show_clock(self, _request: Request) -> Reply:
        return json_reply(200, {"now": instant(self.clock.now())})

    def _set_clock(self, request: Request) -> Reply:
        value = fields.read_object(request.body)
        fields.only(value, "now", "advance")
        given = [name for name in ("now", "advance") if value.get(name) is not None]
        if len(given) != 1:
            sentence = "give either now or advance"
            raise FieldError(sentence)
        if given == ["now"]:
            reached = self.postman.move(fields.instant(value, "now"))
        else:
            reached = self.postman.move(fields.duration(value, "advance"))
        return json_reply(200, {"now": instant(reached)})

    def _order(self, request: Request) -> Reply:
        return _shown(take_order(fields.read_object(request.body), self.office, request.request_id))

    def _transfer_ids(self, request: Request) -> Reply:
        fields.only(fields.read_object(request.body or b"{}"))
        found = _ORDER_ID.match(request.path)
        return _shown(send_ids(found[1] if found else "", self.office, "operator", request.request_id))

    def _certificates(self, request: Request) -> Reply:
        asked = fields.query(request.query, "customer_id")
        now = self.office.now()
        rows = look_up.certificates(self.office, asked.get("customer_id"))
        return json_reply(200, [certificate_row(row, now) for row in rows])

    def _revoke(self, request: Request) -> Reply:
        value = fields.read_object(request.body)
        fields.only(value, "serial", "reason")
        serial = Serial(fields.text(value, "serial", _LONGEST_SERIAL).casefold())
        reason = fields.choice(value, "reason", RevocationReason, offered=_REASONS)
        revoked = revoke(RevokeAsk(serial, reason), self.office, "operator", request.request_id)
        _log.info("revoked: %s", ", ".join(row.serial for row in revoked))
        return json_reply(200, certificate_row(revoked[0], self.office.now()))

    def _call_early(self, request: Request) -> Reply:
        done = take_call(fields.read_object(request.body), self.office, request.request_id)
        return json_reply(200 if done["result"] == "undone" else 201, done)

    def _messages(self, request: Request) -> Reply:
        asked: dict[str, object] = {**fields.query(request.query, "to", "kind")}
        kind = fields.choice(asked, "kind", MessageKind) if "kind" in asked else None
        to = _reached_at(str(asked["to"])) if "to" in asked else None
        self.postman.catch_up()
        found = [
            asdict(one)
            for one in self.letters.all()
            if (kind is None or one.kind == kind) and (to is None or _reached_at(one.to) == to)
        ]
        return json_reply(200, found)

    def _account(self, request: Request) -> Reply:
        value = fields.read_object(request.body)
        return json_reply(201, asdict(take_account(value, self.office, request.request_id)))

    def _explain(self, request: Request) -> Reply:
        return explaining.answer(request, self.office)


def _shown(ids: ShownIds) -> Reply:
    """Answer with transfer ids; their password is shown this once."""
    return json_reply(
        201,
        {
            "order_id": ids.order_id,
            "transfer_id": ids.transfer_id,
            "transfer_password": ids.transfer_password,
            "expires": instant(ids.expires),
        },
    )


def _reached_at(to: str) -> str:
    """An address in the form in which two are compared; of a phone number the digits: a query's "+" means a blank."""
    return to.strip().casefold() if "@" in to else re.sub(r"\D", "", to)
