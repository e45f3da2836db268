"""What Prometheus reads: what was counted, and the state of things when it is asked for."""

import time
from collections.abc import Iterator
from contextlib import suppress

from flask import Blueprint, Response, request

from index.backlog import lags
from index.errors import QAError
from qa_service.api.context import services
from qa_service.api.guard import require_all_collections
from qa_service.api.health import readiness
from qa_service.readiness import OK, UNCHECKED
from qa_service.telemetry.metrics import Metric, gauge

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def show() -> Response:
    """All metrics, as text or, where `Accept` prefers it, as OpenMetrics."""
    require_all_collections("metrics, which count what is done in all collections, are read")
    body, content_type = services().metrics.exposition(_state(), accept=request.headers.get("Accept", ""))
    return Response(body, content_type=content_type)


def _state() -> Iterator[Metric]:
    checks = readiness().report().checks
    yield gauge(
        "qa_check_up",
        "Whether what requests need works: 1 or 0.",
        [((name,), float(state == OK)) for name, state in checks.items() if state != UNCHECKED],
        "check",
    )
    if checks["catalog"] == OK:  # else there is nothing to ask, or asking it may hang
        with suppress(QAError):
            yield from _of_the_catalog()
            if checks["dense"] == OK:
                yield _of_the_followers()


def _of_the_catalog() -> Iterator[Metric]:
    waiting = services().backlog()
    age = 0.0 if waiting.oldest_at is None else max(0.0, time.time() - waiting.oldest_at / 1000)
    yield gauge("qa_uploads_waiting", "Uploads that are not indexed yet.", [((), float(waiting.uploads))])
    yield gauge(
        "qa_uploads_oldest_seconds", "How long the oldest upload has waited; 0 for none.", [((), age)]
    )


def _of_the_followers() -> Metric:
    return gauge(
        "qa_follower_lag_changes",
        "Changes of the catalog that a search structure has yet to apply, of all collections.",
        [((name,), float(count)) for name, count in lags(services().catalog, services().followers).items()],
        "follower",
    )
