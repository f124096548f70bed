"""The figures of this process and its database, in the text format of Prometheus.

Counters follow the events of the monitor as they happen; gauges are read when they are asked for. Labels
are names that people gave, and a bounded number of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service import __version__
from service.actions import health
from service.actions.ledger import Latency
from service.app import App
from service.errors import MonitorError
from service.model import DeliveryState, SourceState

MANY = 500  # different values of a label; what comes later is counted together
LATENCIES = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900, 3600)  # seconds


class Metrics:
    """Listens to the monitor, and says what it counted."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.pages = 0  # that are open and follow what happens
        self._known: dict[str, set[str]] = {}
        self.registry = registry = CollectorRegistry()
        counter = _counters(registry)
        self.items = counter("items_ingested", "New items and versions", "source")
        self.duplicates = counter("items_duplicate", "Items that were known already", "source")
        self.fetches = counter("fetch", "Fetches that brought a document or failed", "source", "result")
        self.hits = counter("hits", "Hits of rules, by what became of them", "rule", "action")
        self.deliveries = counter(
            "deliveries", "Attempts at messages, by what became of them", "channel", "result"
        )
        self.faults = counter("faults", "Faults of the monitor itself", "kind")
        self.latency = Histogram(
            "monitor_alert_latency_seconds",
            "From an item being stored to its message being accepted",
            buckets=LATENCIES,
            registry=registry,
        )
        Info("monitor_build", "The version that runs", registry=registry).info({"version": __version__})
        registry.register(_Now(self))

    def text(self) -> bytes:
        """All figures now."""
        return generate_latest(self.registry)

    def __call__(self, event: str, **facts: object) -> None:
        """Count one event of the monitor."""
        kind, _, what = event.partition(".")
        if event == "source.read":
            source, new = self._label("source", facts["source"]), int(str(facts["new"]))
            self.items.labels(source).inc(new)
            self.duplicates.labels(source).inc(max(0, int(str(facts["items"])) - new))
            self.fetches.labels(source, "ok").inc()
        elif event == "source.failed":
            self.fetches.labels(self._label("source", facts["source"]), str(facts["kind"])).inc()
        elif kind == "hit":
            self.hits.labels(self._label("rule", facts["rule"]), what).inc()
        elif kind == "delivery":
            self.deliveries.labels(self._label("channel", facts["channel"]), what).inc()
            if what == "sent":
                self._observe(int(str(facts["delivery"])))
        elif what in {"failed", "rearmed", "refused"}:
            self.faults.labels(event).inc()

    def _observe(self, delivery_id: int) -> None:
        """How long it took from the item to the message; what was held on purpose says nothing."""
        try:
            with self.app.store.read() as tx:
                delivery = tx.outbox.get(delivery_id)
        except MonitorError:
            return
        if delivery.sent_at and delivery.created_at and delivery.story:
            self.latency.observe((delivery.sent_at - delivery.created_at).total_seconds())

    def _label(self, name: str, value: object) -> str:
        """The value itself, as long as there are not too many different ones."""
        known, text = self._known.setdefault(name, set()), str(value)
        if text not in known:
            if len(known) >= MANY:
                return "(others)"
            known.add(text)
        return text


def _counters(registry: CollectorRegistry):  # type: ignore[no-untyped-def] # noqa: ANN202 - a function of two lines
    def counter(name: str, text: str, *labels: str) -> Counter:
        return Counter(f"monitor_{name}", text, labels, registry=registry)

    return counter


class _Now(Collector):
    """What the database says at the moment it is asked."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Gauges of sources, messages and pages; none of the database where it is away."""
        yield GaugeMetricFamily("monitor_pages_open", "Pages that follow live", value=self._metrics.pages)
        app = self._metrics.app
        try:
            status = health.status(app)
            with app.store.read() as tx:
                sources, due = tx.sources.list(), tx.outbox.next_due()
        except MonitorError:
            yield GaugeMetricFamily("monitor_database_up", "Whether the database answers", value=0)
            return
        yield GaugeMetricFamily("monitor_database_up", "Whether the database answers", value=1)
        yield GaugeMetricFamily("monitor_nodes", "Running daemons", value=len(status.nodes))
        yield GaugeMetricFamily("monitor_sending", "Whether messages may leave", value=not status.stopped)
        yield GaugeMetricFamily(
            "monitor_items", "Items in the archive, versions included", value=status.items
        )
        states = GaugeMetricFamily("monitor_sources", "Sources, by how they do", labels=["state"])
        for state in SourceState:
            states.add_metric([state.value], status.sources.get(state, 0))
        yield states
        messages = GaugeMetricFamily("monitor_outbox", "Messages, by where they stand", labels=["state"])
        for stand in DeliveryState:
            messages.add_metric([stand.value], status.deliveries.get(stand, 0))
        yield messages
        late = max(0.0, (app.store.now() - due).total_seconds()) if due else 0.0
        yield GaugeMetricFamily(
            "monitor_outbox_oldest_seconds", "How overdue the oldest message is", value=late
        )
        silent = GaugeMetricFamily("monitor_source_silent", "Sources that fell silent", labels=["source"])
        success = GaugeMetricFamily(
            "monitor_source_last_success_timestamp_seconds", "When it was read last", labels=["source"]
        )
        newest = GaugeMetricFamily(
            "monitor_source_last_item_timestamp_seconds", "When it brought something last", labels=["source"]
        )
        for source in sources[:MANY]:
            silent.add_metric([source.name], source.state is SourceState.SILENT)
            if source.last_ok_at:
                success.add_metric([source.name], source.last_ok_at.timestamp())
            if source.last_item_at:
                newest.add_metric([source.name], source.last_item_at.timestamp())
        yield from (silent, success, newest)
        yield from _latency(status.latency)


def _latency(seen: Latency) -> Iterator[GaugeMetricFamily]:
    """The ledger of the last 24 hours, source by source."""
    steps = GaugeMetricFamily(
        "monitor_step_seconds",
        "How long a step of an item's way took, from the wire's stamp on, in the last 24 hours",
        labels=["source", "step", "quantile"],
    )
    skew = GaugeMetricFamily(
        "monitor_source_skew_seconds",
        "How far the clock of a source is behind at the least; below 0: ahead",
        labels=["source"],
    )
    for name, line in list(seen.sources.items())[:MANY]:
        whole = {"stamp_to_sent": line.whole} if line.whole else {}
        for step, lag in {**line.steps, **whole}.items():
            steps.add_metric([name, step, "0.5"], lag.p50.total_seconds())
            steps.add_metric([name, step, "0.99"], lag.p99.total_seconds())
        if line.skew is not None:
            skew.add_metric([name], line.skew.total_seconds())
    yield from (steps, skew)
