"""List of all metrics: name, type, labels, source and meaning.

docs/operators/metrics.md has the same table. No label holds a customer, a serial or an address of a caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

Samples = dict[str, Sequence[tuple[tuple[str, ...], float]]]
"""Values by the name of their metric: values of the labels, and the number."""


class MetricType(StrEnum):
    """Type of a metric, as OpenMetrics names it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class MetricSource(StrEnum):
    """Origin of a metric's values.

    NODE: the processes of one server. DATABASE: the register, so each node shows the same. GATEWAY: one gateway.
    AGENT: the text file of one agent.
    """

    NODE = "node"
    DATABASE = "database"
    GATEWAY = "gateway"
    AGENT = "agent"


@dataclass(frozen=True)
class Metric:
    """One metric; the names of counters end in `_total`."""

    name: str
    type: MetricType
    labels: tuple[str, ...]
    sources: tuple[MetricSource, ...]
    help_text: str


_COUNTER, _GAUGE, _HISTOGRAM = MetricType.COUNTER, MetricType.GAUGE, MetricType.HISTOGRAM
_NODE, _DATABASE = (MetricSource.NODE,), (MetricSource.DATABASE,)
_GATEWAY = (MetricSource.GATEWAY,)

REQUESTS, REQUEST_SECONDS = "sinetti_requests_total", "sinetti_request_seconds"
ISSUED, REVOKED = "sinetti_certificates_issued_total", "sinetti_certificates_revoked_total"
REFUSALS, RESTARTS = "sinetti_refusals_total", "sinetti_worker_restarts_total"
CERTIFICATES, CERTIFICATE_ENDS = "sinetti_certificates", "sinetti_certificate_ends"
CRL_AGE, CRL_NEXT = "sinetti_crl_age_seconds", "sinetti_crl_next_update_seconds"
CRL_OCTETS, CRL_ENTRIES = "sinetti_crl_octets", "sinetti_crl_entries"
UNREGISTERED = "sinetti_unregistered_certificates"
OCSP_AGE, OCSP_ANSWERS = "sinetti_ocsp_oldest_answer_age_seconds", "sinetti_ocsp_answers"
LOG_SIZE, LOG_UNSEQUENCED = "sinetti_log_size", "sinetti_log_unsequenced"
LOG_AGE = "sinetti_log_checkpoint_age_seconds"
JOURNAL_AHEAD, JOURNAL_SHIPPING_LAG = "sinetti_journal_ahead", "sinetti_journal_shipping_lag_seconds"
OUTBOX, OUTBOX_AGE = "sinetti_outbox_messages", "sinetti_outbox_oldest_age_seconds"
OUTBOX_FAILED, DELIVERY_FAILURES = "sinetti_outbox_failed_messages", "sinetti_delivery_failures_total"
OWN_CERTIFICATE_ENDS = "sinetti_own_certificate_ends_seconds"
SIGNER_SECONDS, SIGNER_ERRORS = "sinetti_signer_seconds", "sinetti_signer_errors_total"
DATABASE_CONNECTIONS, DATABASE_ERRORS = "sinetti_database_connections", "sinetti_database_errors_total"
POLICY_VIOLATIONS = "sinetti_policy_violations_total"
CLOCK_OFFSET, READY, FINDINGS = "sinetti_clock_offset_seconds", "sinetti_ready", "sinetti_findings"
STATE_AGE = "sinetti_state_age_seconds"
OPTIONAL_PART_OFF = "sinetti_optional_part_off"
DECISIONS, GATEWAY_OCSP_FAILURES = "sinetti_gateway_decisions_total", "sinetti_gateway_ocsp_failures_total"
GATEWAY_LIST_AGE, GATEWAY_OUTAGE = "sinetti_gateway_list_age_seconds", "sinetti_gateway_outage"
GATEWAY_LIST_NEXT = "sinetti_gateway_list_next_update_seconds"
GATEWAY_FEED_SILENCE = "sinetti_gateway_feed_silence_seconds"
GATEWAY_FEED_LAG = "sinetti_gateway_feed_lag_seconds"
TRUST_LIST_NUMBER, TRUST_LIST_AGE = "sinetti_gateway_trust_list_number", "sinetti_gateway_trust_list_age_seconds"
BUILD_INFO = "sinetti_build_info"

_ALL = (
    Metric(
        REQUESTS,
        _COUNTER,
        ("door", "operation", "outcome"),
        (MetricSource.NODE, MetricSource.GATEWAY),
        "Answered requests.",
    ),
    Metric(
        REQUEST_SECONDS,
        _HISTOGRAM,
        ("door", "operation"),
        (MetricSource.NODE, MetricSource.GATEWAY),
        "Seconds from the head of a request to the end of its answer.",
    ),
    Metric(ISSUED, _COUNTER, ("kind",), _NODE, "Certificates that this node signed and stored."),
    Metric(REVOKED, _COUNTER, ("reason",), _NODE, "Revocations by this node's requests; commands are not counted."),
    Metric(REFUSALS, _COUNTER, ("operation", "reason"), _NODE, "Refused requests by reason."),
    Metric(POLICY_VIOLATIONS, _COUNTER, ("directive",), _NODE, "Violations of the pages' policy that browsers report."),
    Metric(CERTIFICATES, _GAUGE, ("state",), (MetricSource.DATABASE, MetricSource.AGENT), "Certificates by state."),
    Metric(CERTIFICATE_ENDS, _GAUGE, ("month",), _DATABASE, "Certificates without a successor by month of their end."),
    Metric(UNREGISTERED, _GAUGE, (), _DATABASE, "Certificates of the last 30 days that only a signer knew."),
    Metric(CRL_AGE, _GAUGE, ("ca",), _DATABASE, "Age of the oldest of a CA's newest revocation lists."),
    Metric(CRL_NEXT, _GAUGE, ("ca",), _DATABASE, "Seconds until the first nextUpdate of a CA's revocation lists."),
    Metric(CRL_OCTETS, _GAUGE, ("ca",), _DATABASE, "Size of a CA's complete revocation list."),
    Metric(CRL_ENTRIES, _GAUGE, ("ca",), _DATABASE, "Revocations that a CA's complete list is made from."),
    Metric(OCSP_AGE, _GAUGE, ("ca",), _DATABASE, "Age of the oldest stored OCSP answer of a CA."),
    Metric(OCSP_ANSWERS, _GAUGE, ("ca",), _DATABASE, "Stored OCSP answers of a CA."),
    Metric(LOG_SIZE, _GAUGE, (), _DATABASE, "Entries under the newest checkpoint of the log."),
    Metric(LOG_UNSEQUENCED, _GAUGE, (), _DATABASE, "Audit rows that wait for their place in the log, at most 10,000."),
    Metric(LOG_AGE, _GAUGE, (), _DATABASE, "Age of the newest checkpoint of the log."),
    Metric(JOURNAL_AHEAD, _GAUGE, (), _NODE, "1 if this node's journals have facts that the register lacks."),
    Metric(
        JOURNAL_SHIPPING_LAG, _GAUGE, (), _NODE, "Seconds since which copies of this node's journals may lack lines."
    ),
    Metric(OUTBOX, _GAUGE, ("channel",), _DATABASE, "Messages that wait to be sent."),
    Metric(OUTBOX_AGE, _GAUGE, ("channel",), _DATABASE, "Time since the earliest waiting message was due."),
    Metric(OUTBOX_FAILED, _GAUGE, ("channel",), _DATABASE, "Messages that were given up."),
    Metric(
        DELIVERY_FAILURES, _COUNTER, ("channel",), _DATABASE, "Failed attempts to send, by all processes and commands."
    ),
    Metric(
        OWN_CERTIFICATE_ENDS,
        _GAUGE,
        ("name",),
        (MetricSource.NODE, MetricSource.AGENT),
        "Seconds until the end of a certificate of the service, or of the store.",
    ),
    Metric(SIGNER_SECONDS, _HISTOGRAM, ("store",), _NODE, "Seconds of one signature, or of one request to the signer."),
    Metric(SIGNER_ERRORS, _COUNTER, ("kind",), _NODE, "Failed signatures."),
    Metric(DATABASE_CONNECTIONS, _GAUGE, ("state",), _NODE, "Connections to the database of all processes."),
    Metric(DATABASE_ERRORS, _COUNTER, (), _NODE, "Statements that failed because the database was away."),
    Metric(RESTARTS, _COUNTER, (), _NODE, "Processes that ended unexpectedly and are restarted."),
    Metric(
        CLOCK_OFFSET, _GAUGE, (), _NODE, "Machine's clock minus the database's; 0 within the time of the comparison."
    ),
    Metric(READY, _GAUGE, (), (MetricSource.NODE, MetricSource.GATEWAY), "1 if the server can work, as /readyz says."),
    Metric(FINDINGS, _GAUGE, ("kind",), _NODE, "Findings of the watchdog by kind."),
    Metric(OPTIONAL_PART_OFF, _GAUGE, ("part",), _NODE, "1 for each optional part that is left out."),
    Metric(STATE_AGE, _GAUGE, (), _NODE, "Age of the values that the keeper computes."),
    Metric(DECISIONS, _COUNTER, ("outcome", "reason"), _GATEWAY, "Verdicts on callers and documents."),
    Metric(GATEWAY_LIST_AGE, _GAUGE, ("ca",), _GATEWAY, "Age of the newest revocation list of a CA."),
    Metric(GATEWAY_LIST_NEXT, _GAUGE, ("ca",), _GATEWAY, "Seconds until nextUpdate of the newest list of a CA."),
    Metric(GATEWAY_OUTAGE, _GAUGE, (), _GATEWAY, "1 while older lists or answers count, by freshness_during_outage."),
    Metric(GATEWAY_FEED_SILENCE, _GAUGE, (), _GATEWAY, "Seconds since the last sign of life of the status feed."),
    Metric(GATEWAY_FEED_LAG, _GAUGE, (), _GATEWAY, "Seconds for which the oldest event of the feed has waited."),
    Metric(TRUST_LIST_NUMBER, _GAUGE, ("list",), _GATEWAY, "Number of the list of anchors or of distrust in use."),
    Metric(TRUST_LIST_AGE, _GAUGE, ("list",), _GATEWAY, "Seconds since the authority confirmed a trust list."),
    Metric(GATEWAY_OCSP_FAILURES, _COUNTER, (), _GATEWAY, "OCSP requests without a usable answer."),
    Metric(
        BUILD_INFO,
        _GAUGE,
        ("version", "component"),
        (MetricSource.NODE, MetricSource.GATEWAY, MetricSource.AGENT),
        "1, with the version of the program.",
    ),
)

METRICS = MappingProxyType({metric.name: metric for metric in _ALL})
"""Metrics of servers, and those of agents' files that have the same names."""
