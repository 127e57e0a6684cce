"""List of metrics: its page, its names, and the labels that no metric may have."""

import re
from pathlib import Path

from sinetti.infra.metrics.catalogue import METRICS, MetricType

PAGE = Path(__file__).parents[3] / "docs" / "operators" / "metrics.md"


def test_the_page_has_the_same_table():
    rows = re.findall(
        r"^\| `(sinetti_\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    expected = [
        (
            one.name,
            one.type.value,
            ", ".join(f"`{label}`" for label in one.labels) or "–",
            ", ".join(one.sources),
            one.help_text,
        )
        for one in METRICS.values()
    ]
    assert rows == expected


def test_names_follow_the_conventions():
    for one in METRICS.values():
        assert re.fullmatch(r"sinetti(_[a-z]+)+", one.name)
        assert one.name.endswith("_total") == (one.type is MetricType.COUNTER), one.name
        assert one.name.endswith("_seconds") >= (one.type is MetricType.HISTOGRAM), one.name
        assert one.help_text.endswith(".")


def test_each_label_has_a_row_with_its_values():
    labels = {label for one in METRICS.values() for label in one.labels}
    described = re.findall(r"^\| `([a-z]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(described) == sorted(labels)
    assert not labels & {"customer", "customer_id", "serial", "address", "user", "path", "request_id"}
