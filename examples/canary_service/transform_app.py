"""The service's HTTP side: POST /transform, GET /healthz, /release and /metrics."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from pydantic import BaseModel, Field
from transform_service import Request, TransformService

from headgate.errors import HeadgateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["create_app"]

_LONGEST = 10_000
Unit = Annotated[str, Header(max_length=200)]
Word = Annotated[str | None, Header(max_length=40)]


class Series(BaseModel):
    """What is transformed; whole numbers of 32 bits, so that no window overflows."""

    series: list[Annotated[int, Field(ge=-(2**31), lt=2**31)]] = Field(min_length=1, max_length=_LONGEST)


class Transformed(BaseModel):
    """The answer, and who gave it."""

    version: str
    result: list[int]


def create_app(service: TransformService) -> FastAPI:
    """Return the application; it starts and stops ``service`` with itself."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    app, counts = FastAPI(title="sliding transforms", lifespan=lifespan), _Counts()

    @app.post("/transform")
    async def transform(
        body: Series,
        response: Response,
        x_user: Unit = "",
        x_modality: Word = None,
        x_customer: Word = None,
        x_app: Word = None,
        x_demo_fault: Word = None,
    ) -> Transformed:
        attributes = {"modality": x_modality, "customer": x_customer, "app": x_app}
        answer = await service.answer(Request(x_user, body.series, attributes, x_demo_fault or ""))
        counts.count(answer)
        response.headers["X-Version"] = answer.route.version
        response.headers["X-Reason"] = answer.route.reason
        if answer.result is None:
            raise HTTPException(500, "the series could not be transformed", headers=dict(response.headers))
        return Transformed(version=answer.route.version, result=answer.result)

    @app.get("/healthz")
    def health() -> dict[str, str]:
        # Healthy whatever becomes of the release: without a state to go by, stable serves everybody.
        state = service.router.state
        return {"status": "ok", "release": "none readable: stable" if state is None else state.status.value}

    @app.get("/release")
    def release() -> dict[str, Any]:
        try:
            return service.status()
        except HeadgateError as error:
            raise HTTPException(503, f"{error}") from None

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(counts.text(), media_type=CONTENT_TYPE_LATEST)

    return app


class _Counts:
    """What Prometheus may read: operations see requests here; the release is decided on users, in the ledger."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "transform_requests", "Requests.", ["version", "reason", "outcome"], registry=self._registry
        )
        self._seconds = Histogram("transform_seconds", "Seconds to an answer.", ["version"], registry=self._registry)
        self._faults = Counter(
            "transform_attribute_faults",
            "Attributes that a segment looked at and could not use.",
            ["attribute", "problem"],
            registry=self._registry,
        )

    def count(self, answer: Any) -> None:
        """Count one request."""
        route, outcome = answer.route, "failed" if answer.result is None else "answered"
        self._requests.labels(route.version, route.reason, outcome).inc()
        self._seconds.labels(route.version).observe(answer.seconds)
        for fault in route.faults:
            self._faults.labels(fault.attribute, fault.problem).inc()

    def text(self) -> bytes:
        """Return all, in Prometheus' text format."""
        return generate_latest(self._registry)
