"""Records as Parquet: the same evidence as from JSON Lines, from files and from S3; what is broken is named."""

import datetime as dt
import io
import socket
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from faulty_server import FaultyServer, refusal
from moto_server import BUCKET, MotoServer
from rollout_plans import NOW
from rollout_records import RELEASE, begun, requests, sums

from headgate.errors import (
    AccessDeniedError,
    CorruptObjectError,
    DatasetError,
    InputError,
    ObjectMissingError,
    StoreUnavailableError,
    UsageError,
)
from headgate.rollout.controller import Controller
from headgate.rollout.providers import parquet
from headgate.rollout.providers.store import Report, ask, record, record_steps


def recorded(controller: Controller, given: object, **how: Any) -> Report:
    report = Report(RELEASE)
    record_steps(controller, parquet.steps(str(given), ask(controller, **how)), report)
    return report


def content(records: list[dict[str, Any]], **columns: pa.Array) -> bytes:
    table = pa.Table.from_pylist(records)
    for name, values in columns.items():
        table = table.append_column(name, values)
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=64)
    return file.getvalue()


def flat(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key != "metrics"} | one["metrics"] for one in records]


def mapped(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one | {"metrics": {"seconds": one["metrics"]["seconds"]}} for one in records]


def of_python(folder: Path, sent: list[dict[str, Any]]) -> Any:
    (folder / "python").mkdir()
    other = begun(folder / "python")
    record(other, sent)
    return sums(other.state())


@pytest.mark.parametrize("shape", [list, flat], ids=["a struct of metrics", "a column for each metric"])
def test_a_file_gives_the_state_that_the_same_records_from_python_give(tmp_path: Path, shape: Any) -> None:
    controller = begun(tmp_path)
    sent = requests(controller.plan, 300)
    (tmp_path / "sent.parquet").write_bytes(content(shape(sent)))
    report = recorded(controller, tmp_path / "sent.parquet")
    assert (report.batches, report.units, report.refused) == (1, 300, {})
    assert sums(controller.state()) == of_python(tmp_path, sent)
    assert recorded(controller, f"file://{tmp_path}/sent.parquet").known == 1


def test_metrics_may_be_a_map(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    sent = mapped(requests(controller.plan, 20))
    pairs = pa.array([list(one.pop("metrics").items()) for one in sent], pa.map_(pa.string(), pa.float64()))
    (tmp_path / "sent.parquet").write_bytes(content(sent, metrics=pairs))
    assert recorded(controller, tmp_path / "sent.parquet").units == 20
    assert sums(controller.state()) == of_python(tmp_path, mapped(requests(controller.plan, 20)))


def test_a_file_that_is_too_large_is_to_be_split(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    notes = pa.repeat("x" * 1_000_000, 300)
    (tmp_path / "sent.parquet").write_bytes(content(requests(controller.plan, 300), unit_note=notes))
    with pytest.raises(DatasetError, match=r"sent\.parquet: about .* once decoded, .*; split the file$"):
        recorded(controller, tmp_path / "sent.parquet")


def test_a_directory_means_the_parquet_files_below_it_in_order(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    sent = requests(controller.plan, 90)
    logs = tmp_path / "logs" / "day=1"
    logs.mkdir(parents=True)
    for number in range(3):
        (logs / f"part-{number}.parquet").write_bytes(content(sent[number * 30 : number * 30 + 30]))
    (logs / "_SUCCESS").write_bytes(b"")
    assert recorded(controller, tmp_path / "logs").units == 90
    assert sums(controller.state()) == of_python(tmp_path, sent)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"there is no \.parquet below it"):
        recorded(controller, tmp_path / "empty")


@pytest.mark.parametrize("unit", ["ns", "us", "s"])
def test_times_with_a_zone_are_taken_and_without_one_refused(tmp_path: Path, unit: str) -> None:
    controller = begun(tmp_path)
    sent = requests(controller.plan, 10)
    moment = dt.datetime.fromtimestamp(NOW, dt.UTC)
    times = pa.array([moment] * 10, pa.timestamp(unit, "UTC"))
    (tmp_path / "sent.parquet").write_bytes(content(sent, time=times))
    assert recorded(controller, tmp_path / "sent.parquet").refused == {}
    (tmp_path / "naive.parquet").write_bytes(content(sent[:9], time=times.cast(pa.timestamp(unit))[:9]))
    with pytest.raises(InputError, match=r"naive\.parquet: row 1: time .* seconds since the epoch"):
        recorded(controller, tmp_path / "naive.parquet")


def test_rows_with_nulls_are_named_by_their_number(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    sent = requests(controller.plan, 20)
    sent[3]["unit"] = None
    sent[4]["stage"] = None
    sent[5]["metrics"] = {"errors": None, "seconds": 1.0}
    (tmp_path / "sent.parquet").write_bytes(content(sent))
    report = recorded(controller, tmp_path / "sent.parquet")
    assert report.refused == {"not a record": 1, "unknown stage": 1}
    assert [one.where.rpartition(": ")[2] for one in report.examples] == ["row 4", "row 5"]
    assert (report.units, report.values) == (18, {})


def test_columns_that_are_unknown_missing_or_of_two_meanings_are_refused(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    sent = requests(controller.plan, 5)
    path = tmp_path / "sent.parquet"
    path.write_bytes(content(flat(sent), latency=pa.array([1.0] * 5)))
    with pytest.raises(InputError, match="column 'latency': expected one of attributes, errors"):
        recorded(controller, path)
    path.write_bytes(content([{key: value for key, value in one.items() if key != "version"} for one in sent]))
    with pytest.raises(InputError, match="it has no version"):
        recorded(controller, path)
    table = pa.Table.from_pylist(flat(sent))
    pq.write_table(table.append_column("unit", table.column("unit")), path)
    with pytest.raises(InputError, match="two columns have one name"):
        recorded(controller, path)
    (tmp_path / "b").mkdir()
    metrics = [{"name": "time", "kind": "mean", "margin": "50%"}]
    other = begun(tmp_path / "b", metrics=metrics)
    path.write_bytes(content([{"unit": "u", "version": "stable", "stage": 0, "time": 1.0}]))
    with pytest.raises(InputError, match="'time' is a record's key and a metric"):
        recorded(other, path)


def test_what_is_no_parquet_or_has_no_rows_is_no_evidence(tmp_path: Path) -> None:
    controller = begun(tmp_path)
    path = tmp_path / "sent.parquet"
    whole = content(requests(controller.plan, 50))
    for wrong in (b"", b"PAR1", whole[: len(whole) // 2], b'{"unit": 1}\n'):
        path.write_bytes(wrong)
        with pytest.raises(CorruptObjectError, match=r"sent\.parquet: no Parquet file, or a damaged one"):
            recorded(controller, path)
    empty = pa.Table.from_pylist(requests(controller.plan, 1)).slice(0, 0)
    pq.write_table(empty, path)
    with pytest.raises(InputError, match="no records, and nothing is no evidence"):
        recorded(controller, path)
    with pytest.raises(ObjectMissingError, match="there is no such object"):
        recorded(controller, tmp_path / "nowhere.parquet")
    assert controller.state().batches == 0


@pytest.fixture
def keys(moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> MotoServer:
    for name, value in moto_server.environment.items():
        monkeypatch.setenv(name, value)
    return moto_server


def test_objects_in_s3_give_the_same_state_and_a_prefix_means_all_below_it(tmp_path: Path, keys: MotoServer) -> None:
    controller = begun(tmp_path)
    sent = requests(controller.plan, 80)
    names = ("requests/day=1/a.parquet", "requests/day=1/b.parquet")
    keys.put({names[0]: content(sent[:50]), names[1]: content(sent[50:]), "requests/day=1/_SUCCESS": b""})
    assert recorded(controller, f"s3://{BUCKET}/{names[0]}", endpoint=keys.endpoint).units == 50
    assert recorded(controller, f"s3a://{BUCKET}/requests/", endpoint=keys.endpoint).units == 30
    assert sums(controller.state()) == of_python(tmp_path, sent)


@pytest.mark.slow
def test_what_s3_refuses_is_a_typed_error_that_names_the_object_and_no_secret(
    tmp_path: Path, keys: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = begun(tmp_path)
    with pytest.raises(ObjectMissingError, match=f"{BUCKET}/requests/none.parquet"):
        recorded(controller, f"s3://{BUCKET}/requests/none.parquet", endpoint=keys.endpoint)
    with pytest.raises(UsageError, match="expected s3://bucket/key or"):
        recorded(controller, "s3:///none.parquet", endpoint=keys.endpoint)
    with pytest.raises(UsageError, match="it carries more than an address") as caught:
        recorded(controller, f"s3://{BUCKET}/a.parquet", endpoint="http://me:hunter2@127.0.0.1:1")
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong" * 8)
    with pytest.raises(AccessDeniedError) as denied:
        recorded(controller, f"s3://{BUCKET}/requests/none.parquet", endpoint=keys.endpoint)
    assert "wrongwrong" not in str(denied.value)
    assert controller.state().batches == 0


def test_a_store_that_fails_or_is_not_there_is_unavailable_and_leaves_no_trace(
    tmp_path: Path, keys: MotoServer
) -> None:
    controller = begun(tmp_path)
    with FaultyServer() as server:
        server.script = [refusal(500, "InternalError")]
        with pytest.raises(StoreUnavailableError):
            recorded(controller, f"s3://{BUCKET}/a.parquet", endpoint=server.endpoint)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(DatasetError, match=r"127\.0\.0\.1"):
        recorded(controller, f"s3://{BUCKET}/a.parquet", endpoint=endpoint)
    assert controller.state().batches == 0
