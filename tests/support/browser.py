"""Minimal browser for the pages of the e-service.

It calls the endpoint that serves the pages, keeps cookies and sends forms as they are.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

from lxml import html

from sinetti.domain.values import Language
from sinetti.eservice.core.context import PortalContext
from sinetti.eservice.wsgi import application
from sinetti.notifications.context import NotificationSettings
from sinetti.server.http import Request, Response
from sinetti.server.wsgi_adapter import WsgiEndpoint
from sinetti.settings.portal import DEFAULTS, EserviceSettings
from tests.support.scene import REQUEST, Scene

ADDRESS = "https://people.sinetti.example"
HELP = {Language.FI: "tuki", Language.SV: "stöd", Language.EN: "the help desk"}
TERMS = NotificationSettings(ADDRESS, "Sinetti", HELP)


@dataclass(slots=True)
class Post:
    """Recorder of messages to be sent at once; `away` is a switch."""

    sent: list[str] = field(default_factory=list)
    away: bool = False

    def __call__(self, message_id: str) -> bool:
        """Record a message; raises OSError if `away`."""
        self.sent.append(message_id)
        if self.away:
            why = "the provider is away for a test"
            raise OSError(why)
        return True


@dataclass(frozen=True, slots=True)
class Served:
    """Endpoint of a running program: its actual address and its configured address."""

    at: str
    address: str

    def __call__(self, request: Request) -> Response:
        """Send a request over HTTP."""
        with closing(HTTPConnection(urlsplit(self.at).netloc, timeout=60)) as connection:
            query = f"?{request.query}" if request.query else ""
            connection.request(request.method, f"{request.path}{query}", request.body or None, dict(request.headers))
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            cookies = tuple(value for name, value in answer.getheaders() if name.lower() == "set-cookie")
            return Response(answer.status, names["content-type"], answer.read(), names, None, cookies)


@dataclass(slots=True)
class Browser:
    """Browser of one user; `page` is the page shown, `reply` the last response."""

    door: "WsgiEndpoint | Served"
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    path: str = "/"
    reply: Response = field(init=False)

    def get(self, address: str, method: str = "GET") -> "Browser":
        """Follow a link."""
        return self._ask(method, address, b"")

    def press(self, does: str, **values: str) -> "Browser":
        """Press the button of a form on the page, with these values in its fields."""
        (form,) = (one for one in self.page.forms if one.xpath(f".//button[@value='{does}']"))
        return self.post(form.action, {**sent_by(form), "do": does, **values})

    def post(self, address: str, fields: Mapping[str, str | Sequence[str]]) -> "Browser":
        """Send a form and follow its redirect."""
        self._ask("POST", address, urlencode(fields, doseq=True).encode())
        return self.get(self.reply.headers["location"]) if self.reply.status == 303 else self

    @property
    def page(self) -> html.HtmlElement:
        """The page shown."""
        return html.document_fromstring(self.reply.body.decode())

    @property
    def heading(self) -> str:
        """The heading of the page."""
        return str(self.page.findtext(".//h1"))

    @property
    def error(self) -> str:
        """The text of the error summary at the top of the page."""
        return " ".join(self.page.xpath("//*[@role='alert']//p/text() | //*[@role='alert']//li//text()"))

    @property
    def secrets(self) -> list[str]:
        """The secret values shown for copying."""
        return [str(one) for one in self.page.xpath("//dd[@class='secret']/text()")]

    @property
    def buttons(self) -> list[str]:
        """The values of the page's buttons."""
        return [str(one) for one in self.page.xpath("//button/@value")]

    def _ask(self, method: str, address: str, body: bytes) -> "Browser":
        place = urlsplit(urljoin(self.path, address))
        headers = {"host": urlsplit(self.door.address).netloc, **self.headers}
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            headers |= {"content-type": "application/x-www-form-urlencoded", "origin": "null", **self.headers}
        self.reply = self.door(Request(method, place.path, place.query, headers, REQUEST, body))
        for one in self.reply.cookies:
            for name, morsel in SimpleCookie(one).items():
                self.cookies[name] = morsel.value
        self.path = place.path
        return self._ask(method, self.reply.headers["location"], body) if self.reply.status == 308 else self


def sent_by(form: html.FormElement) -> dict[str, str | list[str]]:
    """Return the values that a form sends, with ticked rows of a table outside; several of one name as a list."""
    outside = form.getroottree().xpath("//input[@form=$id][@checked]", id=form.get("id") or "-")
    pairs = [*form.form_values(), *((one.name, one.get("value")) for one in outside)]
    found: dict[str, str | list[str]] = {}
    for name, value in pairs:
        before = found.get(name)
        several = [before] if isinstance(before, str) else before
        found[name] = (value or "") if several is None else [*several, value or ""]
    return found


def people_door(
    scene: Scene,
    post: Post | None = None,
    address: str = ADDRESS,
    settings: EserviceSettings = DEFAULTS,
    *,
    sms: bool = True,
) -> WsgiEndpoint:
    """Return the endpoint with the pages of an authority, as a node serves it."""
    around = PortalContext(scene.ctx, post or Post(), TERMS, settings, sms=sms)
    return WsgiEndpoint(application(address, scene.ctx.keys), address, around.given())
