"""Arrays on storage: .npy and Parquet, files and S3, whole parts or none. Most of it runs without Spark."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headgate.errors import InputError, UsageError
from headgate.transforms import sliding_polynomial
from headgate.transforms.spark import transform_file
from headgate.transforms.spark_storage import (
    RangeFile,
    _client,
    check_url,
    files_under,
    publish,
    read_range,
    size_and_version,
)


class InProcess:
    """As much of a session as the transform of a file uses: its tasks, one after the other, the first twice."""

    def range(self, first, end, _step, _partitions):
        self.tasks = [*range(first, end)]
        return self

    def mapInArrow(self, function, _schema):  # noqa: N802 - Spark's name
        self.function = function
        return self

    def collect(self):
        again = [pa.record_batch({"id": [task]}) for task in self.tasks[:1]]
        assert all(batch.num_rows for batch in self.function(again))
        rows = self.function([pa.record_batch({"id": [task]}) for task in self.tasks])
        return [row for batch in rows for row in batch.to_pylist()]


@pytest.fixture
def session():
    return InProcess()


def saved(path, array):
    np.save(path, array)
    return str(path)


def joined(destination):
    """The parts, in the order of the index."""
    index = json.loads((Path(destination) / "index.json").read_text())
    assert [part["start"] for part in index["parts"]] == [
        sum(before["rows"] for before in index["parts"][:i]) for i in range(len(index["parts"]))
    ]
    parts = [Path(destination) / part["name"] for part in index["parts"]]
    assert sorted(path.name for path in Path(destination).iterdir()) == sorted(
        ["index.json", *(part.name for part in parts)]
    )
    if index["format"] == "npy":
        return np.concatenate([np.load(part) for part in parts] or [np.empty(0, index["dtype"])])
    return pa.concat_tables([pq.read_table(part) for part in parts])


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint32", "uint64", "float32", "float64", ">i4", ">f8"])
def test_a_npy_file_is_transformed_stretch_by_stretch(session, dtype, tmp_path, agreement):
    native = np.dtype(dtype).newbyteorder("=")
    for number, (n, window, block_rows) in enumerate(
        [(300, 7, 64), (300, 100, 64), (1, 3, 1), (64, 64, 64), (0, 3, 8)]
    ):
        source = saved(tmp_path / f"{number}.npy", agreement.row(native.name, n).astype(dtype))
        destination = tmp_path / f"out {number}"
        index = transform_file(session, source, str(destination), window, block_rows=block_rows)
        assert (index["rows"], index["dtype"]) == (n, native.name)
        agreement.check(joined(destination), *agreement.expected(native.name, n, window, (0, 1), "absolute"))


@pytest.mark.parametrize("anchor", ["absolute", "lag"])
def test_parquet_files_are_transformed_in_the_order_of_their_names_with_every_column(session, anchor, tmp_path):
    x, source = np.random.default_rng(2).standard_normal(500), tmp_path / "in"
    source.mkdir()
    table = pa.table({"name": [f"row {i}" for i in range(500)], "x": x})
    for name, (begin, end) in {"b": (120, 121), "a": (0, 120), "c": (121, 121), "d": (121, 500)}.items():
        pq.write_table(table.slice(begin, end - begin), source / f"{name}.parquet", row_group_size=50)
    (source / "_SUCCESS").touch()
    for number, (window, block_rows) in enumerate([(10, 64), (170, 64), (10, 1), (1000, 10**6)]):
        destination = tmp_path / str(number)
        given = {"coefficients": (2.0, 1.0), "anchor": anchor}
        transform_file(
            session, source, str(destination), window, column="x", output="y", block_rows=block_rows, **given
        )
        got = joined(destination)
        assert got.select(["name", "x"]).equals(table)
        np.testing.assert_allclose(got["y"].to_numpy(), sliding_polynomial(x, window, **given), rtol=1e-9, atol=1e-9)


def test_a_parquet_file_alone_and_integers_bit_for_bit(session, tmp_path, agreement):
    row = agreement.row("int32", 300)
    pq.write_table(pa.table({"x": row}), tmp_path / "one.parquet", row_group_size=37)
    transform_file(
        session, (tmp_path / "one.parquet").as_uri(), (tmp_path / "out").as_uri(), 50, column="x", block_rows=80
    )
    np.testing.assert_array_equal(
        joined(tmp_path / "out")["sliding_polynomial"].to_numpy(), sliding_polynomial(row, 50)
    )


def bad_sources(tmp_path):
    whole = saved(tmp_path / "whole.npy", np.arange(100))
    (tmp_path / "short.npy").write_bytes(Path(whole).read_bytes()[:-1])
    (tmp_path / "text.npy").write_text("not an array")
    (tmp_path / "empty.npy").touch()
    np.save(tmp_path / "pickled.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "text.parquet").write_text("not a table")
    (tmp_path / "none").mkdir()
    pq.write_table(pa.table({"x": [1.0, None], "s": ["a", "b"]}), tmp_path / "null.parquet")
    (tmp_path / "mixed").mkdir()
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "mixed" / "a.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "mixed" / "b.parquet")
    return {
        "absent.npy": (InputError, "absent.npy: No such file"),
        "short.npy": (InputError, "short.npy: is truncated"),
        "text.npy": (InputError, "text.npy: is not a .npy file"),
        "empty.npy": (InputError, "empty.npy: is not a .npy file"),
        "pickled.npy": (InputError, "pickled.npy: holds object; convert it"),
        saved(tmp_path / "matrix.npy", np.eye(3)): (InputError, r"holds an array of shape \(3, 3\)"),
        saved(tmp_path / "small.npy", np.arange(3, dtype="i2")): (InputError, "holds int16; convert it"),
        "text.parquet": (InputError, "text.parquet: cannot be read as Parquet"),
        "none": (InputError, "none: holds no .parquet files"),
        "null.parquet": (InputError, "column 'x' is null in row 1"),
        "mixed": (InputError, "b.parquet: has other columns than"),
        "absent": (InputError, "absent: No such file"),
    }


def test_a_source_that_cannot_be_used_is_refused_by_name_and_leaves_no_index(session, tmp_path):
    for name, (error, said) in bad_sources(tmp_path).items():
        column = None if name.endswith(".npy") else "x"
        with pytest.raises(error, match=said):
            transform_file(session, str(tmp_path / name), str(tmp_path / "out"), 3, column=column)
        assert not (tmp_path / "out" / "index.json").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"column": "x"}, "column: .* is a .npy file, which has none"),
        ({"window": 0}, "window: must be at least 1"),
        ({"coefficients": (0.5,)}, "coefficients: .*integers for the dtype int64"),
        ({"block_rows": -1}, "block_rows: must be"),
        ({"source": "gs://bucket/x.npy"}, "source: gs:// is not supported"),
        ({"destination": ""}, "destination: must be a path"),
        ({"source": "s3://bucket"}, "source: 's3://bucket' must be s3://bucket/key"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(session, given, said, tmp_path):
    source = saved(tmp_path / "x.npy", np.arange(9))
    with pytest.raises(UsageError, match=said):
        transform_file(session, **{"source": source, "destination": str(tmp_path / "out"), "window": 3, **given})
    pq.write_table(pa.table({"x": [1.0], "s": ["a"]}), tmp_path / "x.parquet")
    for column, output, expected in (
        ("y", "z", "column: 'y' is not in"),
        ("x", "s", "output: 's' is empty or already"),
    ):
        with pytest.raises(UsageError, match=expected):
            transform_file(session, tmp_path / "x.parquet", tmp_path / "p", 3, column=column, output=output)


def test_credentials_in_a_url_are_refused_and_not_repeated():
    with pytest.raises(UsageError, match="has credentials in its URL") as caught:
        check_url("source", "s3a://AKIAKEY:hunter2@bucket/x.npy")
    assert "hunter2" not in str(caught.value)
    assert "AKIAKEY" not in str(caught.value)


def test_a_destination_that_is_not_empty_is_left_alone(session, tmp_path):
    source = saved(tmp_path / "x.npy", np.arange(9))
    (tmp_path / "out").mkdir()
    transform_file(session, source, str(tmp_path / "out"), 3)
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(InputError, match=r"out is not empty; remove it or choose another \(without index.json"):
        transform_file(session, source, str(tmp_path / "out"), 4)
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_part_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "new" / "part.npy"
    publish(str(target), b"first")
    publish(str(target), b"again")
    assert (target.read_bytes(), [path.name for path in target.parent.iterdir()]) == (b"again", ["part.npy"])
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match=r"part.npy: No space left on device"):
        publish(str(target), b"third")
    assert (target.read_bytes(), [path.name for path in target.parent.iterdir()]) == (b"again", ["part.npy"])


def test_a_source_that_changes_meanwhile_is_noticed(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    _, version = size_and_version(str(path))
    assert read_range(str(path), 2, 5, version) == b"234"
    with pytest.raises(InputError, match="ends after 10 bytes, 12 were expected"):
        read_range(str(path), 8, 12, version)
    path.write_bytes(b"another")
    with pytest.raises(InputError, match="changed while it was read"):
        read_range(str(path), 2, 5, version)


def test_a_lost_part_is_not_a_result(tmp_path):
    class Loses(InProcess):
        def collect(self):
            return super().collect()[1:]

    with pytest.raises(InputError, match="did not get every part"):
        transform_file(Loses(), saved(tmp_path / "x.npy", np.arange(9)), str(tmp_path / "out"), 3, block_rows=4)
    assert not (tmp_path / "out" / "index.json").exists()


@pytest.fixture
def bucket(moto_server, monkeypatch):
    """A bucket of the test's own, on the process's one S3 server."""
    for name, value in {**moto_server.environment, "AWS_ENDPOINT_URL": moto_server.endpoint}.items():
        monkeypatch.setenv(name, value)
    _client.cache_clear()
    name = f"arrays-{uuid.uuid4().hex}"
    _client().create_bucket(Bucket=name)
    yield name
    _client.cache_clear()


@pytest.mark.slow
def test_s3_objects_are_read_by_range_and_parts_written_beside_an_index(session, bucket, tmp_path):
    x = np.random.default_rng(4).integers(-99, 99, 300)
    publish(f"s3a://{bucket}/in/x.npy", Path(saved(tmp_path / "x.npy", x)).read_bytes())
    index = transform_file(session, f"s3a://{bucket}/in/x.npy", f"s3://{bucket}/out/npy/", 20, block_rows=64)
    got = [np.load(RangeFile(f"s3://{bucket}/out/npy/{part['name']}")) for part in index["parts"]]
    np.testing.assert_array_equal(np.concatenate(got), sliding_polynomial(x, 20))
    assert json.loads(RangeFile(f"s3://{bucket}/out/npy/index.json").read()) == index
    with pytest.raises(InputError, match="is not empty"):
        transform_file(session, f"s3a://{bucket}/in/x.npy", f"s3://{bucket}/out/npy", 20)

    pq.write_table(pa.table({"x": x}), tmp_path / "x.parquet", row_group_size=33)
    publish(f"s3://{bucket}/in/table/x.parquet", (tmp_path / "x.parquet").read_bytes())
    assert files_under(f"s3://{bucket}/in/table", ".parquet") == [f"s3://{bucket}/in/table/x.parquet"]
    index = transform_file(session, f"s3://{bucket}/in/table", f"s3://{bucket}/out/pq", 20, column="x", block_rows=64)
    parts = [pq.read_table(pa.PythonFile(RangeFile(f"s3://{bucket}/out/pq/{part['name']}"))) for part in index["parts"]]
    got = pa.concat_tables(parts)["sliding_polynomial"].to_numpy()
    np.testing.assert_array_equal(got, sliding_polynomial(x, 20))


@pytest.mark.slow
def test_s3_errors_name_the_object_and_never_a_key(session, bucket, moto_server):
    with pytest.raises(
        InputError, match=rf"s3://{bucket}/no.npy: 404 .*check the name, the endpoint and the credentials"
    ):
        transform_file(session, f"s3://{bucket}/no.npy", f"s3://{bucket}/out", 3)
    publish(f"s3://{bucket}/x", b"0123456789")
    _, version = size_and_version(f"s3://{bucket}/x")
    publish(f"s3://{bucket}/x", b"another")
    with pytest.raises(InputError, match="PreconditionFailed") as caught:
        read_range(f"s3://{bucket}/x", 0, 3, version)
    assert moto_server.access_key not in str(caught.value)
    assert moto_server.secret_key not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_spark_does_the_same_with_a_task_for_each_part(tmp_path, agreement):
    from spark_session import local_session

    source = saved(tmp_path / "x.npy", agreement.row("float64", 300))
    transform_file(local_session(), source, str(tmp_path / "out"), 70, block_rows=64)
    agreement.check(joined(tmp_path / "out"), *agreement.expected("float64", 300, 70, (0, 1), "absolute"))
    pq.write_table(pa.table({"x": [1.0, None]}), tmp_path / "null.parquet")
    with pytest.raises(InputError, match="column 'x' is null in row 1"):
        transform_file(local_session(), tmp_path / "null.parquet", tmp_path / "none", 3, column="x")
