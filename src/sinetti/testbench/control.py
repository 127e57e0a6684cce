"""The control door: clock, orders, certificates and revocations of a test bench. Loopback only, JSON only, no CORS."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from sinetti.actions import look_up
from sinetti.actions.office import Office
from sinetti.actions.order import OrderError
from sinetti.actions.revoke import NotRevocable, RevokeAsk, revoke
from sinetti.domain.customers import CustomerIdError
from sinetti.domain.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.protocols.http import Reply, Request, json_reply, problem
from sinetti.protocols.rows import certificate_row, instant
from sinetti.testbench import fields
from sinetti.testbench.clock import BenchClock, ClockGoesBack
from sinetti.testbench.fields import FieldError
from sinetti.testbench.orders import take_order

_log = logging.getLogger(__name__)
_LONGEST_SERIAL = 40
_STATUS_OF = {"unknown": 404, "already": 409, "reason": 422}
_LATEST_YEAR = 9000


@dataclass(frozen=True, slots=True)
class ControlDoor:
    """Answers the control calls. `upkeep` is run at the new instant each time the clock was set."""

    office: Office
    clock: BenchClock
    upkeep: Callable[[], None]

    def __call__(self, request: Request) -> Reply:
        """Answer one request of any method and path."""
        if not _is_loopback(request.headers.get("host", "")):
            return problem(403, "host-not-loopback", "Control calls are made to a loopback address, such as 127.0.0.1.")
        routes = self._routes().get(request.path.rstrip("/"))
        if routes is None:
            return problem(404, "not-found", "The control calls are /clock, /orders, /certificates and /revocations.")
        method = "GET" if request.method == "HEAD" else request.method
        act = routes.get(method)
        if act is None:
            reply = problem(405, "method-not-allowed", f"{request.path} takes {' and '.join(sorted(routes))}.")
            return Reply(reply.status, reply.content_type, reply.body, {"allow": ", ".join(sorted(routes))})
        kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
        if method != "GET" and kind != "application/json":
            return problem(415, "not-json", "Send the fields as JSON, with Content-Type: application/json.")
        return self._act(act, request)

    def _act(self, act: Callable[[Request], Reply], request: Request) -> Reply:
        try:
            return act(request)
        except (FieldError, CustomerIdError, OrderError) as bad:
            return problem(422, "bad-field", f"{bad}.")
        except ClockGoesBack as back:
            return problem(409, "clock-goes-back", f"{back}.")
        except NotRevocable as refused:
            return problem(_STATUS_OF[refused.kind], refused.kind, f"{refused}.")
        finally:
            self.office.register.refresh()

    def _routes(self) -> dict[str, dict[str, Callable[[Request], Reply]]]:
        return {
            "/clock": {"GET": self._show_clock, "PUT": self._set_clock},
            "/orders": {"POST": self._order},
            "/certificates": {"GET": self._certificates},
            "/revocations": {"POST": self._revoke},
        }

    def _show_clock(self, _request: Request) -> Reply:
        return json_reply(200, {"now": instant(self.clock.now())})

    def _set_clock(self, request: Request) -> Reply:
        value = fields.read_object(request.body)
        fields.only(value, "now", "advance")
        if ("now" in value) == ("advance" in value):
            sentence = "give either now or advance"
            raise FieldError(sentence)
        now = fields.instant(value, "now") if "now" in value else self._later(fields.duration(value, "advance"))
        if now.year > _LATEST_YEAR:
            sentence = f"the clock ends with the year {_LATEST_YEAR}"
            raise FieldError(sentence)
        reached = self.clock.set(now)
        self.upkeep()
        return json_reply(200, {"now": instant(reached)})

    def _later(self, by: timedelta) -> datetime:
        try:
            return self.clock.now() + by
        except OverflowError:
            sentence = "advance goes past the end of the calendar"
            raise FieldError(sentence) from None

    def _order(self, request: Request) -> Reply:
        ids = take_order(fields.read_object(request.body), self.office, request.request_id)
        return json_reply(
            201,
            {
                "order_id": ids.order_id,
                "transfer_id": ids.transfer_id,
                "transfer_password": ids.transfer_password,
                "expires": instant(ids.expires),
            },
        )

    def _certificates(self, request: Request) -> Reply:
        asked = parse_qs(request.query).get("customer_id")
        now = self.office.now()
        rows = look_up.certificates(self.office, asked[0] if asked else None)
        return json_reply(200, [certificate_row(row, now) for row in rows])

    def _revoke(self, request: Request) -> Reply:
        value = fields.read_object(request.body)
        fields.only(value, "serial", "reason")
        serial = Serial(fields.text(value, "serial", _LONGEST_SERIAL).casefold())
        reason = fields.choice(value, "reason", RevocationReason)
        revoked = revoke(RevokeAsk(serial, reason), self.office, "operator", request.request_id)
        _log.info("revoked: %s", ", ".join(row.serial for row in revoked))
        return json_reply(200, certificate_row(revoked[0], self.office.now()))


def _is_loopback(host: str) -> bool:
    """Whether a Host header names this machine's loopback: a page from elsewhere cannot send that (DNS rebinding)."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
