"""Prometheus: counters held against the last scrape, over real HTTP and from files; what is stale or broken is not."""

import json
import math
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from faulty_server import FaultyServer, drip, drip_headers, response, sends, silence, truncated
from hypothesis import given
from hypothesis import strategies as st
from rollout_plans import NOW
from rollout_records import RELEASE, begun, sums

from headgate.errors import HeadgateError, InputError, UsageError
from headgate.gates.canary import CanaryState
from headgate.gates.canary_evidence import counts_of
from headgate.rollout import events
from headgate.rollout.controller import Controller
from headgate.rollout.providers import prometheus, prometheus_fetch, prometheus_query
from headgate.rollout.providers.contract import Counters
from headgate.rollout.providers.prometheus_counts import buckets
from headgate.rollout.providers.prometheus_text import parse_query, parse_selector, parse_text
from headgate.rollout.providers.store import Report, ask, record_steps

GRID = {"quantile": 0.9, "low": 0.1, "high": 4.0, "margin": "50%", "resolution": 2}
QUANTILE = {"name": "latency", "kind": "quantile", **GRID}
METRICS = [{"name": "errors", "kind": "rate", "margin": "100%"}, QUANTILE]
COUNTERS = Counters("http_requests_total", {"errors": "http_errors_total", "latency": "http_seconds"})


class Clock:
    """Stands still until it is moved on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Service:
    """A service's counters in a registry of their own, on a real HTTP server of prometheus_client's."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        named = {"labelnames": ["version"], "registry": self.registry}
        self.requests = prometheus_client.Counter("http_requests_total", "All.", **named)
        self.errors = prometheus_client.Counter("http_errors_total", "Failed.", **named)
        self.seconds = prometheus_client.Histogram("http_seconds", "Time.", buckets=bounds, **named)

    def serve(self, version: str, seconds: list[float], errors: int = 0) -> None:
        self.requests.labels(version).inc(len(seconds))
        for one in seconds:
            self.seconds.labels(version).observe(one)
        if errors:
            self.errors.labels(version).inc(errors)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def controller(tmp_path: Path, clock: Clock) -> Controller:
    started = begun(tmp_path, now=clock, unit="request", metrics=METRICS)
    clock.now += 30.0  # all routers know of the stage
    return started


@pytest.fixture
def service(controller: Controller) -> Service:
    return Service(buckets(controller.plan.metrics[1]))


@pytest.fixture
def address(service: Service) -> Iterator[str]:
    server, thread = prometheus_client.start_http_server(0, "127.0.0.1", service.registry)
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def scraped(controller: Controller, given: object, clock: Clock | None = None, **how: Any) -> Report:
    report = Report(RELEASE)
    module = how.pop("module", prometheus)
    record_steps(controller, module.steps(str(given), ask(controller, **{"counters": COUNTERS, **how})), report)
    if clock is not None:
        clock.now += 15.0
    return report


def written(path: Path, service: Service, clock: Clock) -> Path:
    """Write the service's exposition into a file, as of the clock's time."""
    path.write_bytes(prometheus_client.generate_latest(service.registry))
    os.utime(path, (clock.now, clock.now))
    return path


def canary(controller: Controller) -> Any:
    return controller.state().evidence.arm(200_000, "canary")


def test_what_is_counted_between_two_scrapes_is_evidence_and_what_was_before_is_not(
    controller: Controller, service: Service, address: str, clock: Clock
) -> None:
    service.serve("canary", [9.0] * 1_000, errors=1_000)  # before the release: another one's
    first = scraped(controller, address, clock)
    assert (first.batches, first.units) == (1, 0)
    assert "counted from here on: the first of this source" in first.notes[-1]
    values = {"canary": [0.1, 0.2, 0.5, 9.0], "stable": [0.05] * 10 + [0.3] * 6}
    service.serve("canary", values["canary"], errors=1)
    service.serve("stable", values["stable"])
    assert scraped(controller, address, clock).units == 20
    evidence = controller.state().evidence
    for arm, seconds in values.items():
        found = evidence.arm(200_000, arm)
        assert found.units == len(seconds)
        assert found.metrics["latency"] == counts_of(controller.plan.metrics[1], seconds)
    assert [evidence.arm(200_000, arm).metrics["errors"].events for arm in values] == [1, 0]  # type: ignore[union-attr]


def test_a_release_passes_on_counters(controller: Controller, service: Service, address: str, clock: Clock) -> None:
    service.serve("canary", [0.2])
    scraped(controller, address, clock)
    for _ in range(3):
        service.serve("canary", [0.2, 0.3] * 200, errors=20)
        service.serve("stable", [0.2, 0.3] * 800, errors=80)
        scraped(controller, address, clock)
    decision = controller.evaluate()
    assert decision.state is CanaryState.PASS, decision.reasons


def test_a_scrape_that_comes_twice_or_late_changes_nothing(
    controller: Controller, service: Service, tmp_path: Path, clock: Clock
) -> None:
    files = []
    for number in range(4):
        service.serve("canary", [0.2] * 10, errors=number)
        service.serve("stable", [0.2] * 40)
        files.append(written(tmp_path / f"{number}.prom", service, clock))
        clock.now += 15.0
    for file in files:
        scraped(controller, file, source="shop")
    once = sums(controller.state())
    assert canary(controller).units == 30
    for file in (files[3], files[1], files[0], files[2]):
        report = scraped(controller, file, source="shop")
        assert (report.batches, report.known) == (0, 1)
    assert sums(controller.state()) == once


def test_scrapes_left_out_between_change_nothing_in_the_sum(
    controller: Controller, service: Service, tmp_path: Path, clock: Clock
) -> None:
    files = []
    for number in range(5):
        service.serve("canary", [0.2] * 10, errors=number)
        files.append(written(tmp_path / f"{number}.prom", service, clock))
        clock.now += 15.0
    for file in files:
        scraped(controller, file, source="often")
    often = canary(controller)
    for file in (files[0], files[4]):
        scraped(controller, file, source="seldom")
    assert canary(controller) == often + often


def test_a_counter_that_began_anew_is_counted_from_nothing_and_what_was_lost_passes_nothing(
    controller: Controller, service: Service, tmp_path: Path, clock: Clock
) -> None:
    file = tmp_path / "shop.prom"
    for _ in range(2):
        service.serve("canary", [0.2] * 100, errors=1)
        service.serve("stable", [0.2] * 400)
        scraped(controller, written(file, service, clock), clock)
    again = Service(buckets(controller.plan.metrics[1]))  # the service crashed
    again.serve("canary", [0.2] * 7)
    report = scraped(controller, written(file, again, clock), clock)
    assert "about 500 requests were not seen" in report.notes[-1]
    assert canary(controller).units == 107
    again.serve("stable", [0.2] * 30)
    assert scraped(controller, written(file, again, clock), clock).units == 30
    missing = controller.evaluate().missing
    assert any("errors: 100 of 207 values of canary were no numbers" in reason for reason in missing)


def test_a_restart_shows_by_the_processes_own_start_where_the_counters_have_overtaken_it(
    controller: Controller, tmp_path: Path, clock: Clock
) -> None:
    file = tmp_path / "shop.prom"

    def standing(count: int, started: float) -> Path:
        file.write_text(
            f'process_start_time_seconds {started}\nhttp_requests_total{{version="canary"}} {count}\n'
            f'http_errors_total{{version="canary"}} {count}\n'
        )
        os.utime(file, (clock.now, clock.now))
        return file

    counters = Counters("http_requests_total", {"errors": "http_errors_total"})
    for count, started in ((5, 1.0), (9, 1.0), (50, 2.0)):
        report = scraped(controller, standing(count, started), clock, counters=counters)
    assert canary(controller).units == 4 + 50
    assert "about 4 requests were not seen" in report.notes[-1]


def test_an_interval_across_two_stages_is_not_counted(
    controller: Controller, service: Service, address: str, clock: Clock
) -> None:
    service.serve("canary", [0.2])
    scraped(controller, address, clock)
    controller.override("advance", "a test", clock.now + 60)
    controller.advance()
    service.serve("canary", [0.2] * 50)
    clock.now += 5.0
    assert "the stage has changed since the last one" in scraped(controller, address, clock).notes[-1]
    service.serve("canary", [0.2] * 50)
    assert "when not all routers knew of it" in scraped(controller, address, clock).notes[-1]
    clock.now += 30.0
    scraped(controller, address, clock)
    service.serve("canary", [0.2] * 3)
    scraped(controller, address, clock)
    assert canary(controller).units == 0
    assert controller.state().evidence.arm(500_000, "canary").units == 3
    controller.halt("a test")
    assert "the release is halted: nothing is counted" in scraped(controller, address, clock).notes[0]


@pytest.mark.parametrize("unit", ["", "user"])
def test_counters_are_no_evidence_where_the_unit_is_not_the_request(tmp_path: Path, unit: str) -> None:
    controller = begun(tmp_path, unit=unit)
    (tmp_path / "shop.prom").write_text("a 1\n")
    with pytest.raises(UsageError, match=r'cannot tell units apart.* write unit = "request" into'):
        scraped(controller, tmp_path / "shop.prom", max_age_seconds=math.inf)


GOOD = '# TYPE http_requests_total counter\nhttp_requests_total{version="canary"} 4\n# TYPE http_errors_total counter\n'
ERRORS = Counters("http_requests_total", {"errors": "http_errors_total"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no http_requests_total"),
        (GOOD.replace(" 4", " NaN"), "is nan, and a counter is a whole number"),
        (GOOD.replace(" 4", " -1"), "is -1, and a counter is a whole number"),
        (GOOD.replace(" 4", " 4.5"), "is 4.5, and a counter is a whole number"),
        (GOOD.replace(" 4", " +Inf"), "is inf, and a counter is a whole number"),
        (GOOD.replace(" 4", " four"), r"shop.prom:2: .* is no sample"),
        (GOOD.replace("canary", "v2"), "has the version 'v2', and known are canary, sandbox, stable"),
        (GOOD.replace("version", "release"), "has no label 'version'"),
        (GOOD.replace("_requests", "_request"), "there is no http_requests_total"),
        (GOOD + "x 1", "cut off: its last line has no end"),
        (GOOD + 'http_requests_total{version="canary"} 5\n', "there twice with the same labels"),
        (GOOD.replace("total counter", "total gauge"), "is a gauge, and --requests needs a counter"),
        (GOOD.replace(" 4\n", f" 4 {int((NOW - 600) * 1e3)}\n"), "stale: 630 s old, 120 at most"),
        (GOOD.replace(" 4\n", f" 4 {int((NOW + 600) * 1e3)}\n"), "its time is 570 s after now"),
        (GOOD.replace("http_errors_total", "http_error_total"), "there is no http_errors_total; check --metric"),
        ("# TYPE http_requests_total counter\n# TYPE http_errors_total counter\n", "nothing is no evidence"),
        ("<html>\n", "is no sample; give a Prometheus exposition"),
        ('a{b="c" 1\n', "is no sample"),
    ],
)
def test_what_is_missing_stale_unknown_or_no_count_is_an_error_and_leaves_no_trace(
    controller: Controller, tmp_path: Path, clock: Clock, text: str, says: str
) -> None:
    file = tmp_path / "shop.prom"
    file.write_text(text)
    os.utime(file, (clock.now, clock.now))
    with pytest.raises(InputError, match=says):
        scraped(controller, file, counters=ERRORS)
    assert controller.state().batches == 0


def test_a_file_that_nobody_writes_any_more_is_stale(
    controller: Controller, service: Service, tmp_path: Path, clock: Clock
) -> None:
    service.serve("canary", [0.2])
    file = written(tmp_path / "shop.prom", service, clock)
    clock.now += 121.0
    with pytest.raises(InputError, match="stale: 121 s old, 120 at most"):
        scraped(controller, file, counters=Counters("http_requests_total"))


def test_errors_that_were_not_requests_contradict_and_the_next_scrape_may_do(
    controller: Controller, service: Service, address: str, clock: Clock
) -> None:
    service.serve("canary", [0.2])
    scraped(controller, address, clock)
    service.errors.labels("canary").inc()
    with pytest.raises(InputError, match="'errors' of canary counts more than its 0 requests"):
        scraped(controller, address, clock)
    service.serve("canary", [0.2] * 3)
    assert scraped(controller, address, clock).units == 3


def test_a_histogram_with_other_bounds_than_the_plans_thresholds_is_refused(
    controller: Controller, tmp_path: Path, clock: Clock
) -> None:
    coarse = Service((0.1, 1.0, 4.0))
    coarse.serve("canary", [0.2])
    with pytest.raises(InputError, match=r"it has no bound 0\.12\d+, and needs the plan's \d+ thresholds"):
        scraped(controller, written(tmp_path / "shop.prom", coarse, clock))


@pytest.mark.parametrize(
    ("counters", "says"),
    [
        (Counters(), "--requests: missing"),
        (Counters("a{"), "expected a selector"),
        (Counters('a{b=~"("}'), "is not a regular expression"),
        (Counters("a", {"eror": "b"}), "'eror' is not in the plan, which has errors, latency, mean"),
        (Counters("a", {"mean": "b"}), "'mean' is a mean, which counters cannot tell; send records"),
    ],
)
def test_selectors_that_cannot_be_are_usage_errors(tmp_path: Path, counters: Counters, says: str) -> None:
    mean = {"name": "mean", "kind": "mean", "margin": "50%", "required": False}
    controller = begun(tmp_path, unit="request", metrics=[*METRICS, mean])
    (tmp_path / "shop.prom").write_text("a 1\n")
    with pytest.raises(UsageError, match=says):
        scraped(controller, tmp_path / "shop.prom", counters=counters)


def test_one_counter_with_codes_does_for_requests_and_errors_and_arms_may_have_other_names(
    controller: Controller, tmp_path: Path, clock: Clock
) -> None:
    file = tmp_path / "shop.prom"
    errors = 'http_total{job!="admin",code=~"5.."}'
    counters = Counters('http_total{job!="admin"}', {"errors": errors}, "build", {"canary": "4f2a"})
    for factor in (1, 3):
        file.write_text(
            f'http_total{{build="4f2a",code="200",path="a\\"}}{{b"}} {10 * factor}\n'
            f'http_total{{build="4f2a",code="503"}} {factor}\n'
            f'http_total{{build="stable",code="200",}} {50 * factor} {int(clock.now * 1e3)}\n'
            f'http_total{{build="other",job="admin",code="500"}} {99 * factor}\n'
        )
        os.utime(file, (clock.now, clock.now))
        scraped(controller, file, clock, counters=counters)
    arm = canary(controller)
    assert (arm.units, arm.metrics["errors"].events) == (22, 2)


def result(name: str, value: object, time: float, **labels: str) -> dict[str, Any]:
    return {"metric": {"__name__": name, "instance": "a:1", "job": "shop", **labels}, "value": [time, str(value)]}


def answer(*results: dict[str, Any], kind: str = "vector") -> str:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": list(results)}})


def test_an_answer_of_the_query_interface_is_counted_alike_and_a_process_that_came_later_from_then_on(
    controller: Controller, tmp_path: Path, clock: Clock
) -> None:
    def standing(count: int, *more: dict[str, Any]) -> None:
        first = result("http_requests_total", count, clock.now, version="canary")
        text = answer(first, result("http_errors_total", 0, clock.now, version="canary"), *more)
        server.script = [sends(response(200, text.encode()))]

    with FaultyServer() as server:
        url = f"{server.endpoint}/api/v1/query?query=%7Bjob%3D%22shop%22%7D"
        how: dict[str, Any] = {"counters": ERRORS, "module": prometheus_query}
        standing(100)
        scraped(controller, url, clock, **how)
        standing(110, result("http_requests_total", 7_000, clock.now, version="stable", instance="b:1"))
        assert scraped(controller, url, clock, **how).units == 10
        standing(110, result("http_requests_total", 7_005, clock.now, version="stable", instance="b:1"))
        assert scraped(controller, url, clock, **how).units == 5
        standing(110)
        gone = scraped(controller, url, clock, **how)
        assert "about 5 requests were not seen" in gone.notes[-1]
        assert server.requests[0].startswith("GET /api/v1/query?query=%7Bjob%3D%22shop%22%7D HTTP/1.1")
        assert "query=" not in json.dumps(gone.to_json())


AGED = result("http_requests_total", 4, NOW - 600, version="canary")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no answer of /api/v1/query"),
        ("[]", "no answer of /api/v1/query"),
        ('{"status": "error", "errorType": "bad_data", "error": "x"}', r"the query failed \(bad_data\)"),
        (answer(kind="matrix"), "a matrix; give an instant query"),
        (answer(), "there is no http_requests_total"),
        (answer({"metric": {"version": "canary"}, "value": [NOW, "4"]}), "a result without its metric's name"),
        (answer(result("http_requests_total", 4, NOW - 600, version="canary")), "there is no http_errors_total"),
        (answer(AGED, result("http_errors_total", 4, NOW, version="canary")), "stale: 630 s old"),
        (answer(result("http_requests_total", "NaN", NOW, version="canary")), "is nan, and a counter"),
    ],
)
def test_an_answer_that_is_none_is_an_error(controller: Controller, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "answer.json").write_text(text)
    with pytest.raises(InputError, match=says):
        scraped(controller, tmp_path / "answer.json", counters=ERRORS, module=prometheus_query)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "says"),
    [
        (silence, "no whole answer within 0.3 s"),
        (drip(b"x" * 100, 0.05), "no whole answer within 0.3 s"),
        (drip_headers(0.05), "no whole answer within 0.3 s"),
        (sends(response(500)), "answers 500"),
        (sends(response(302, headers=["Location: http://127.0.0.1:1/"])), "answers 302"),
        (truncated(b"a 1\n" * 100), "cut off: 200 bytes are missing"),
        (sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc"), "cut off before its end"),
        (sends(b"nonsense\r\n"), "cannot be reached"),
        (sends(b""), "cannot be reached"),
        (sends(response(200, b"\xff\xfe\n")), "not UTF-8 text"),
    ],
)
def test_a_server_that_fails_is_an_error_in_bounded_time_that_shows_no_credential(
    controller: Controller, script: Callable[..., None], says: str
) -> None:
    with FaultyServer() as server:
        server.script = [script]
        address = server.endpoint.replace("http://", "http://ann:hunter2@") + "/metrics?token=s3cret"
        with pytest.raises(InputError, match=says) as caught:
            scraped(controller, address, timeout_seconds=0.3)
        assert "Authorization: Basic YW5uOmh1bnRlcjI=" in server.requests[0]
    assert not any(secret in str(caught.value) for secret in ("hunter2", "s3cret", "ann@", "ann:", "YW5u"))
    assert controller.state().batches == 0


def test_an_answer_without_end_is_cut_and_a_refused_connection_named(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_fetch, "MOST_BYTES", 1_000)
    with FaultyServer() as server:
        server.script = [sends(response(200, b"a 1\n" * 1_000))]
        with pytest.raises(InputError, match="more than 1000 bytes"):
            scraped(controller, server.endpoint)
        endpoint = server.endpoint
    with pytest.raises(InputError, match="cannot be reached"):
        scraped(controller, endpoint)
    for wrong in ("http://", "http://a b/", "http://a:99999/", "http://[/"):
        with pytest.raises(UsageError, match="expected http://host:port/path"):
            scraped(controller, wrong)


def test_no_credential_is_in_the_ledger(controller: Controller, service: Service, address: str, clock: Clock) -> None:
    service.serve("canary", [0.2])
    scraped(controller, address.replace("http://", "http://ann:hunter2@") + "?token=s3cret", clock)
    kept = json.dumps([event.to_json() for event in controller.ledger.events(RELEASE)])
    assert not any(secret in kept for secret in ("hunter2", "s3cret", "ann:"))
    assert events.Kind.EVIDENCE in kept


def test_the_reference_writers_texts_are_read_as_its_own_parser_reads_them() -> None:
    from prometheus_client.openmetrics.exposition import generate_latest as open_metrics
    from prometheus_client.parser import text_string_to_metric_families

    service = Service((0.1, 1.0))
    for version in ("canary", 'a"b\\c\nd', "é 名"):
        service.serve(version, [0.05, 0.5, 5.0], errors=1)
    text = prometheus_client.generate_latest(service.registry).decode()
    theirs = {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }
    for version in (text, open_metrics(service.registry).decode()):
        ours = {(one.name, tuple(sorted(one.labels.items()))): one.value for one in parse_text(version, "t").values}
        assert ours == theirs


@given(st.text(max_size=60))
def test_whatever_a_text_is_it_is_read_or_refused_by_name(text: str) -> None:
    for parse in (parse_text, parse_query, parse_selector):
        said = "here"
        try:
            parse(text, "here")
        except HeadgateError as error:
            said = str(error)
        assert said.startswith("here")


def test_two_who_record_the_same_scrape_at_once_record_it_once(
    controller: Controller, service: Service, tmp_path: Path, clock: Clock
) -> None:
    service.serve("canary", [0.2])
    scraped(controller, written(tmp_path / "shop.prom", service, clock), clock)
    service.serve("canary", [0.2] * 5)
    file = written(tmp_path / "shop.prom", service, clock)
    others = [Controller(controller.ledger, None, RELEASE, clock=clock) for _ in range(4)]
    threads = [threading.Thread(target=scraped, args=(other, file)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert canary(controller).units == 5
