"""The figures of this process and its database, in the text format of Prometheus.

Counters follow the events of the monitor as they happen, and the places of its path; gauges are read when
they are asked for. Labels are names that people gave, and a bounded number of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service import __version__, failpoints
from service.actions import health
from service.actions.ledger import Latency
from service.app import App
from service.errors import MonitorError
from service.model import DeliveryState, SourceState

MANY = 500  # different values of a label; what comes later is counted together
LATENCIES = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900, 3600)  # seconds
SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # likewise

# What ends at a place of the path, and began at the place before it in the same thread.
STEPS = {
    "parsed": "parse",
    "stored": "store",
    "matched": "match",
    "committed": "commit",
    "settled": "settle",
}


class Metrics:
    """Listens to the monitor, and says what it counted."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.pages = 0  # that are open and follow what happens
        self._known: dict[str, set[str]] = {}
        self._thread = threading.local()
        self.registry = CollectorRegistry()
        counter, histogram = self._counter, self._histogram
        self.items = counter("items_ingested", "New items and versions", "source")
        self.duplicates = counter("items_duplicate", "Items that were known already", "source")
        self.fetches = counter("fetch", "Fetches, by what they brought", "source", "result")
        self.hits = counter("hits", "Hits of rules, by what became of them", "rule", "action")
        self.deliveries = counter(
            "deliveries", "Attempts at messages, by what became of them", "channel", "result"
        )
        self.faults = counter("faults", "Faults of the monitor itself", "kind")
        self.skipped = counter("beats_skipped", "Beats that came while the one before was at work", "beat")
        self.fetching = histogram("fetch_seconds", "From a source being claimed to its answer", LATENCIES)
        self.steps = histogram("step_seconds", "The steps of an intake and a settling", SHORT, "step")
        self.sending = histogram("delivery_seconds", "Attempts at messages", SHORT, "channel")
        self.lag = histogram("scheduler_lag_seconds", "How late a beat came", SHORT, "beat")
        self.latency = histogram(
            "alert_latency_seconds", "From an item being stored to its message being accepted", LATENCIES
        )
        self.age = histogram(
            "alert_age_seconds", "From the publication of an item to its message being accepted", LATENCIES
        )
        Info("monitor_build", "The version that runs", registry=self.registry).info({"version": __version__})
        ProcessCollector(registry=self.registry)
        self.registry.register(_Now(self))
        failpoints.listen(self._step)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"monitor_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"monitor_{name}", text, labels, buckets=buckets, registry=self.registry)

    def text(self) -> bytes:
        """All figures now."""
        return generate_latest(self.registry)

    def __call__(self, event: str, **facts: object) -> None:
        """Count one event of the monitor."""
        kind, _, what = event.partition(".")
        if kind == "source":
            self._source(what, facts)
        elif kind == "hit":
            self.hits.labels(self._label("rule", facts["rule"]), what).inc()
        elif kind == "delivery":
            self._delivery(what, facts)
        elif event == "beat.began":
            self.lag.labels(facts["beat"]).observe(float(str(facts["late"])))
        elif event == "beat.skipped":
            self.skipped.labels(facts["beat"]).inc()
        elif what in {"failed", "rearmed", "refused"}:
            self.faults.labels(event).inc()

    def _source(self, what: str, facts: dict[str, object]) -> None:
        source = self._label("source", facts["source"])
        if what == "fetched":
            self.fetching.observe(float(str(facts["took"])))
            if facts["unchanged"]:
                self.fetches.labels(source, "unchanged").inc()
        elif what == "read":
            new = int(str(facts["new"]))
            self.items.labels(source).inc(new)
            self.duplicates.labels(source).inc(max(0, int(str(facts["items"])) - new))
            self.fetches.labels(source, "ok").inc()
        elif what == "failed":
            self.fetches.labels(source, str(facts["kind"])).inc()

    def _delivery(self, what: str, facts: dict[str, object]) -> None:
        channel = self._label("channel", facts["channel"])
        self.deliveries.labels(channel, what).inc()
        if "took" in facts:
            self.sending.labels(channel).observe(float(str(facts["took"])))
        if what == "sent":
            self._observe(int(str(facts["delivery"])))

    def _observe(self, delivery_id: int) -> None:
        """How long it took from the item to the message; what tells of no story says nothing."""
        try:
            with self.app.store.read() as tx:
                delivery = tx.outbox.get(delivery_id)
                item = tx.items.get(delivery.item) if delivery.item else None
        except MonitorError:
            return
        if not delivery.sent_at or not delivery.story:
            return
        if delivery.created_at:
            self.latency.observe((delivery.sent_at - delivery.created_at).total_seconds())
        if item and item.published_at:
            self.age.observe(max(0.0, (delivery.sent_at - item.published_at).total_seconds()))

    def _step(self, place: str) -> None:
        """A thread is at a place of the path."""
        now = time.perf_counter()
        if place in STEPS:
            self.steps.labels(STEPS[place]).observe(now - getattr(self._thread, "at", now))
        self._thread.at = now

    def _label(self, name: str, value: object) -> str:
        """The value itself, as long as there are not too many different ones."""
        known, text = self._known.setdefault(name, set()), str(value)
        if text not in known:
            if len(known) >= MANY:
                return "(others)"
            known.add(text)
        return text


class _Now(Collector):
    """What the database says at the moment it is asked."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Gauges of sources, messages and pages; none of the database where it is away."""
        app = self._metrics.app
        yield _gauge("pages_open", "Pages that follow live", self._metrics.pages)
        yield _gauge("arrived", "Answers of sources that wait to be taken in", app.pipeline.arrived.qsize())
        try:
            gauges = [*self._overall(app), *self._sources(app)]
        except MonitorError:
            gauges = []
        yield _gauge("database_up", "Whether the database answers", bool(gauges))
        yield from gauges

    def _overall(self, app: App) -> Iterator[GaugeMetricFamily]:
        status, now = health.status(app), app.store.now()
        with app.store.read() as tx:
            late = {"outbox": tx.outbox.next_due(), "poll": tx.sources.next_due()}
            size = tx.installation.size_bytes()
        behind = {name: max(0.0, (now - due).total_seconds()) if due else 0.0 for name, due in late.items()}
        yield _gauge("database_bytes", "What the database takes on its disk", size)
        yield _gauge("nodes", "Running daemons", len(status.nodes))
        yield _gauge("sending", "Whether messages may leave", not status.stopped)
        yield _gauge("items", "Items in the archive, versions included", status.items)
        yield _gauge("outbox_oldest_seconds", "How overdue the oldest message is", behind["outbox"])
        yield _gauge("poll_lag_seconds", "How overdue the longest waiting source is", behind["poll"])
        states = GaugeMetricFamily("monitor_sources", "Sources, by how they do", labels=["state"])
        for state in SourceState:
            states.add_metric([state.value], status.sources.get(state, 0))
        messages = GaugeMetricFamily("monitor_outbox", "Messages, by where they stand", labels=["state"])
        for stand in DeliveryState:
            messages.add_metric([stand.value], status.deliveries.get(stand, 0))
        yield from (states, messages)
        yield from _way(status.latency)

    def _sources(self, app: App) -> Iterator[GaugeMetricFamily]:
        with app.store.read() as tx:
            sources = tx.sources.list()[:MANY]
        silent = GaugeMetricFamily("monitor_source_silent", "Sources that fell silent", labels=["source"])
        success = GaugeMetricFamily(
            "monitor_source_last_success_timestamp_seconds", "When it was read last", labels=["source"]
        )
        newest = GaugeMetricFamily(
            "monitor_source_last_item_timestamp_seconds", "When it brought something last", labels=["source"]
        )
        for source in sources:
            silent.add_metric([source.name], source.state is SourceState.SILENT)
            if source.last_ok_at:
                success.add_metric([source.name], source.last_ok_at.timestamp())
            if source.last_item_at:
                newest.add_metric([source.name], source.last_item_at.timestamp())
        yield from (silent, success, newest)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"monitor_{name}", text, value=value)


def _way(seen: Latency) -> Iterator[GaugeMetricFamily]:
    """The latency ledger of the last 24 hours, source by source."""
    steps = GaugeMetricFamily(
        "monitor_source_step_seconds",
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
