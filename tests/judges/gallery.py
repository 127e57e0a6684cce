"""Page that shows every block in every state, for the judges alone.

It is in no product. Its addresses are those of the pages and one more.
"""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.urls import path

from sinetti.eservice.core.context import language_of
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Column,
    CommandBlock,
    Component,
    DescriptionItem,
    DescriptionList,
    Disclosure,
    Form,
    Input,
    Link,
    Links,
    Option,
    Pager,
    Section,
    Severity,
    Table,
    Task,
    Tasks,
    Text,
)
from sinetti.eservice.ui.page import Page, render_page
from sinetti.eservice.urls import handler400, handler403, handler404
from sinetti.eservice.urls import urlpatterns as ours
from sinetti.i18n.translate import format_datetime
from tests.support.authority import NOW

__all__ = ["handler400", "handler403", "handler404"]

OPTIONS = [
    Option("own", "Only the organisation's own reports", chosen=True),
    Option("others", "Also reports of other organisations", hint="An accounting firm's certificate, for example"),
]
STATES = [
    (Cell("Valid", tone=Severity.GOOD), 71),
    (Cell("Renewal open", tone=Severity.PLAIN, note="since 3 March 2027 at 13:03"), 8),
    (Cell("Expires in 9 days", tone=Severity.WARNING), 2),
    (Cell("Expired", tone=Severity.ERROR), 0),
]


def fields(error: str = "") -> list[Input]:
    """Return a field of each kind."""
    kinds = (
        "text",
        "email",
        "tel",
        "number",
        "date",
        "password",
        "file",
        "textarea",
        "select",
        "radio",
        "checks",
        "check",
    )
    return [
        Input(
            f"{kind}{'-wrong' if error else ''}",
            f"A field of the kind {kind}",
            kind,
            "" if kind in {"file", "password", "number", "date"} else "what was typed",
            hint="" if kind == "check" else "One line that helps to fill it in",
            error=error,
            required=True,
            options=OPTIONS,
            longest=200 if kind in {"text", "email", "tel", "password", "textarea"} else None,
        )
        for kind in kinds
    ]


def table(language: object) -> Table:
    """Return a list of certificates, as wide as it gets."""
    columns = [
        Column("Certificate", "?sort=name"),
        Column("Organisation"),
        Column("Type"),
        Column("Valid until", "?sort=end", "ascending"),
        Column("Left", numeric=True),
        Column("State"),
        Column("Responsible"),
    ]
    rows: list[Sequence[Cell]] = [
        [
            Cell(f"Payroll system {number}", "/gallery"),
            Cell("Kirjanpitopalvelu Esimerkinen ja kumppanit Oy" if number % 2 else "Malli Oy", note="1234567-1"),
            Cell("WS"),
            Cell(format_datetime(NOW, language)),  # type: ignore[arg-type] # a language
            Cell(f"{percent * 7} days", percent=percent),
            state,
            Cell("You, by renewing it in the program"),
        ]
        for number, (state, percent) in enumerate(STATES)
    ]
    return Table("Certificates", columns, rows, pick="serial", picks=[f"{one}" for one in range(4)], form="many")


def gallery(request: HttpRequest) -> HttpResponse:
    """Show every block."""
    notices = [
        Alert("The certificate ends on Sunday 2 May 2027 at 14:03 (Finnish time). Renew it in the program.", tone)
        for tone in Severity
    ]
    links = [Link("Order a certificate", "/gallery", button=True), Link("Certificate (PEM)", "/gallery", download=True)]
    blocks: list[Component] = [
        Text(["A paragraph of a page. It says one thing, in plain words, and the next step."]),
        *notices,
        Alert("A notice that leads on.", Severity.WARNING, [Link("What to do", "/gallery")]),
        Links(links),
        Tasks([Task(f"A task whose tone is {tone}", "/gallery", tone) for tone in Severity]),
        Section("Names and values", [values()]),
        Section("A table", [search(), table(language_of(request)), many(), pager()]),
        Section("A table without rows", [Table("Orders", [Column("Order")], [], empty="No orders wait.")]),
        Section("A form", [Form(fields(), [Button("Order", "order"), Button("Look at it first", "look", minor=True)])]),
        Section("A form that was filled in wrong", [wrong()]),
        Section("A second look", [Form([], [Button("Revoke the certificate", "revoke", danger=True)])]),
        Section("A command", [CommandBlock("Renews on the command line", f"sinetti renew payroll --store {'x' * 90}")]),
        Disclosure("What the gateways saw", [Text(["They saw it today."]), values()]),
    ]
    return render_page(
        request, Page("Every block in every state", blocks, wide=True, back=Link("Certificates", "/gallery"))
    )


def values() -> DescriptionList:
    """Return a list of names and values."""
    return DescriptionList(
        [
            DescriptionItem("Serial number", "3f9a2c0d5e7b41886a0c9d2e4f60718293a4b5"),
            DescriptionItem("Organisation", "Malli Oy", link="/gallery"),
            DescriptionItem("One-time password", "kb3d-94xw-0f2m-9qqz", secret=True),
        ]
    )


def search() -> Form:
    """Return a search form as it stands above a table."""
    state = Input("state", "State", "select", options=[Option("", "All"), Option("ends", "Expires soon", chosen=True)])
    return Form([Input("q", "Search"), state], [Button("Search")], search=True, inline=True)


def many() -> Form:
    """Return the form of the actions on the selected rows."""
    return Form([], [Button("Order replacements", "many")], name="many")


def pager() -> Pager:
    """Return the pager of the second page of three."""
    return Pager("51–100 of 129", Link("Earlier", "?page=1"), Link("Later", "?page=3"))


def wrong() -> Form:
    """Return a form with every kind of field, each filled in wrong."""
    there = fields("This does not look right: write it as it stands in the register.")
    return Form(there, [Button("Order", "order")], errors=[(one.name, one.error) for one in there])


urlpatterns = [path("gallery", gallery), *ours]
