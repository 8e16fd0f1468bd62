"""What a server measures of itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from tinybert.serve.queueing import Queue

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Meters:
    """What `/metrics` shows, by Prometheus' own library."""

    def __init__(self, queue: Queue) -> None:
        disable_created_metrics()  # when each series began: as many lines again, that nobody reads
        self.registry = into = CollectorRegistry()
        self.requests = Counter("tinybert_requests", "answered requests", ["path", "status"], registry=into)
        self.seconds = Histogram(
            "tinybert_request_seconds", "from request to answer", ["path"], buckets=SECONDS, registry=into
        )
        self.texts = Counter("tinybert_texts", "texts that the model answered", registry=into)
        self.batches = Histogram(
            "tinybert_batch_texts", "texts that went through together", buckets=SIZES, registry=into
        )
        waiting = Gauge("tinybert_waiting_texts", "texts in the queue", registry=into)
        waiting.set_function(lambda: queue.waiting)
        Gauge("tinybert_queue_texts", "texts that the queue has room for", registry=into).set(queue.room)
        self._queue = queue

    def count(self, path: str, status: int, seconds: float) -> None:
        """A request was answered; `path` is a route's, or `other`, so that no client makes up series."""
        self.requests.labels(path, str(status)).inc()
        self.seconds.labels(path).observe(seconds)

    def show(self) -> bytes:
        """All of it, in Prometheus' format."""
        sizes, self._queue.batches = self._queue.batches, []
        for size in sizes:
            self.batches.observe(size)
            self.texts.inc(size)
        return generate_latest(self.registry)
