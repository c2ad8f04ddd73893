"""Whether this process lives, whether the whole can work, and figures for Prometheus."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from backhaul.store import health
from backhaul.store.db import AWAY
from backhaul.web.access import services_of

BEAT_LIMIT = 60  # seconds
JOB_LIMIT = 60


@get("/healthz", include_in_schema=False)
async def healthz() -> dict[str, str]:
    """This process answers."""
    return {"status": "ok"}


@get("/readyz", include_in_schema=False)
async def readyz(request: Request[Any, Any, State]) -> Response[bytes]:
    """Whether returns are being worked on: the database answers, a worker is alive, no job hangs."""
    checks: dict[str, str] = {}
    try:
        found = await health.workers(services_of(request).pool)
    except AWAY:
        checks = {"database": "does not answer", "worker": "unknown", "jobs": "unknown"}
    else:
        checks["database"] = "ok"
        late = found.beat_age_s is None or found.beat_age_s >= BEAT_LIMIT
        checks["worker"] = "no worker has shown a sign of life for a minute" if late else "ok"
        held = found.oldest_job_s >= JOB_LIMIT
        checks["jobs"] = f"a job has been held for {found.oldest_job_s:.0f} s" if held else "ok"
    ready = all(text == "ok" for text in checks.values())
    body = {"status": "ready" if ready else "not ready", "checks": checks}
    return Response(msgspec.json.encode(body), status_code=200 if ready else 503, media_type="application/json")


@get("/metrics", include_in_schema=False)
async def metrics(request: Request[Any, Any, State]) -> Response[bytes]:
    """Figures of the whole installation, read when asked for; names carry no shop's or buyer's data."""
    registry = CollectorRegistry()
    up = Gauge("backhaul_database_up", "Whether the database answers", registry=registry)
    streams = Gauge("backhaul_live_streams", "Open streams of this process", registry=registry)
    streams.set(request.app.state["live"].streams)
    try:
        figures = await health.figures(services_of(request).pool)
    except AWAY:
        up.set(0)
    else:
        up.set(1)
        for name, (text, label, values) in figures.items():
            gauge = Gauge(name, text, [label] if label else [], registry=registry)
            for value, count in values:
                (gauge.labels(value) if label else gauge).set(count)
    return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})
