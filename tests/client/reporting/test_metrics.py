"""Metrics, read by Prometheus' own parser."""

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from sinetti import build_version
from sinetti.client.model import without_file
from sinetti.client.reporting import metrics, status
from sinetti.client.store import agent_state
from sinetti.client.store.agent_state import AgentState
from tests.client.conftest import NAME
from tests.client.reporting.test_status import END, OPENS
from tests.support import authority


def families(holder, **more):
    rows = status.rows(without_file(holder.store), lambda _seen: holder.now)
    return {one.name: one for one in text_string_to_metric_families(metrics.text(rows, holder.now, **more))}


def samples(family):
    return {tuple(one.labels.values()): one.value for one in family.samples}


def test_a_certificate_in_metrics(holder):
    holder.enrol()
    found = families(holder.at(OPENS), last_run=OPENS)
    labels = (NAME, authority.CUSTOMER_ID)
    assert samples(found["sinetti_certificate_not_after_seconds"]) == {labels: END.timestamp()}
    assert samples(found["sinetti_certificate_renew_from_seconds"]) == {labels: OPENS.timestamp()}
    assert samples(found["sinetti_certificate_state"]) == {(*labels, "renewal-open"): 1}
    assert samples(found["sinetti_certificate_needs_person"]) == {labels: 0}
    assert samples(found["sinetti_agent_failures"]) == {labels: 0}
    assert samples(found["sinetti_certificate_deployed"]) == {}
    assert samples(found["sinetti_store_names"])[("renewal-open",)] == 1
    assert sum(samples(found["sinetti_store_names"]).values()) == 1
    assert samples(found["sinetti_status_time_seconds"]) == {(): OPENS.timestamp()}
    assert samples(found["sinetti_agent_last_run_seconds"]) == {(): OPENS.timestamp()}
    assert samples(found["sinetti_certificates"]) == samples(found["sinetti_store_names"])
    assert samples(found["sinetti_own_certificate_ends_seconds"]) == {(NAME,): (END - OPENS).total_seconds()}
    assert samples(found["sinetti_build_info"]) == {(build_version(), "agent"): 1}
    assert {one.type for one in found.values()} == {"gauge"}
    assert all(one.documentation for one in found.values())


def test_what_the_agent_left_in_metrics(holder):
    holder.enrol()
    agent_state.save_agent_state(holder.folder, AgentState(holder.live.resolve().name, failures=6))
    (holder.folder / "deploy.json").write_text('{"serial": "00", "tries": 3, "next": null}')
    found = families(holder.at(END + timedelta(seconds=1)))
    labels = (NAME, authority.CUSTOMER_ID)
    assert samples(found["sinetti_agent_failures"]) == {labels: 6}
    assert samples(found["sinetti_certificate_deployed"]) == {labels: 0}
    assert samples(found["sinetti_certificate_needs_person"]) == {labels: 1}
    assert "sinetti_agent_last_run_seconds" not in found


def test_a_label_of_odd_signs_stays_one_label(holder):
    holder.enrol()
    path = holder.folder / "settings.toml"
    path.write_text(path.read_text().replace('"0123456-7"', '"a\\"b\\\\c\\nd"'))
    assert samples(families(holder)["sinetti_agent_failures"]) == {(NAME, 'a"b\\c\nd'): 0}


def test_a_name_without_a_certificate_has_a_state_alone(holder):
    holder.enrol(service="http://127.0.0.1:9/")
    found = families(holder)
    assert samples(found["sinetti_certificate_not_after_seconds"]) == {}
    assert samples(found["sinetti_certificate_state"]) == {(NAME, authority.CUSTOMER_ID, "pending"): 1}
