"""Charts of numbers by month."""

from collections.abc import Sequence
from datetime import date

from sinetti.eservice.ui.components import Bar, Chart, Severity
from sinetti.i18n.translate import _, format_month


def month_chart(
    caption: str, months: Sequence[date], values: Sequence[int], address: str = "", tone: Severity = Severity.PLAIN
) -> Chart:
    """Return a chart of numbers by month.

    Each bar leads to the list at `address` with the certificates that end in its month (`ends`); without an address
    it is no link. `tone` is that of the first bar.
    """
    bars = [
        Bar(
            format_month(month),
            str(month.month),
            value,
            f"{address}?ends={month:%Y-%m}" if address and value else "",
            Severity.PLAIN if place else tone,
            str(month.year) if not place or month.month == 1 else "",
        )
        for place, (month, value) in enumerate(zip(months, values, strict=True))
    ]
    return Chart(caption, bars, _("Certificates"), _("Month"))
