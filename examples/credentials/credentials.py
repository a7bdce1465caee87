"""Credentials of devices on S3, as Spark DataFrames, each device's loaded when it is first asked for.

    python examples/credentials/credentials.py
    python examples/credentials/credentials.py --endpoint http://127.0.0.1:7070 --bucket devices

The article's example, "Lazy Instantiation of Dataset from Amazon S3": ``Credentials(device, id, password, hint)`` lies
in S3 (or, without --endpoint, in a directory), one object a device; a map with a loader and a function from item to key
gives the DataFrame of an item's device. Needs headgate[spark] and Java 17; on S3 also headgate[s3], and Spark's
connector, which is fetched from Maven Central unless HEADGATE_SPARK_JARS names a directory that has it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from headgate.datasets import LazyMap, Secret, SparkLoader, redacted
from headgate.datasets.spark import records
from headgate.errors import DatasetError, ImmutableMapError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Credentials:
    """A device's credentials. The password is a secret: ``redacted`` hides it, and ``repr`` leaves it out."""

    device: str
    id: str
    password: Annotated[str, Secret] = field(repr=False)
    hint: str | None = None


@dataclass(frozen=True)
class Event:
    """What happens at a device; the map's item, whose key is the device."""

    device: str
    what: str


STORED = (
    Credentials("lamp", "l-1", "swordfish-1", "the fish"),
    Credentials("lamp", "l-2", "swordfish-2"),
    Credentials("kettle", "k-1", "swordfish-3", "the same fish"),
    Credentials("fan", "f-1", "swordfish-4"),
)


def store(put: Callable[[str, str], None]) -> None:
    """Put one object a device, and one that is not what it should be."""
    for device in sorted({one.device for one in STORED}):
        put(device, json.dumps([asdict(one) for one in STORED if one.device == device]))
    put("toaster", '[{"device": "toaster", "id": 5, "password": "swordfish-5"}]')


def show(devices: LazyMap[str, DataFrame, Event], event: Event) -> None:
    """Print the records of an event's device, without their secrets, or why there are none."""
    known = devices.is_loaded(event)
    try:
        frame = devices[event]
    except KeyError:
        print(f"{event.device} {event.what}: no such device")
        return
    except DatasetError as error:
        print(f"{event.device} {event.what}: {type(error.__cause__ or error).__name__}: {error}")
        return
    print(f"{event.device} {event.what}: {'already loaded' if known else 'loaded'}, {frame}")
    for one in records(frame, Credentials):
        print(f"  {redacted(one)}")


def demonstrate(location: str, put: Callable[[str, str], None], endpoint: str | None) -> None:
    """Store the credentials, ask for some, and say what was loaded."""
    store(put)
    with SparkLoader(location, Credentials, missing="none", endpoint=endpoint, master="local[2]") as load:
        devices: LazyMap[str, DataFrame, Event] = LazyMap(load, to_key=lambda event: event.device)
        print(f"{load}: {len(devices)} loaded")
        for event in (
            Event("lamp", "switched on"),
            Event("lamp", "switched off"),
            Event("kettle", "boils"),
            Event("robot", "arrives"),
            Event("toaster", "is hot"),
        ):
            show(devices, event)
        # Spark's own way of printing knows of no secrets: the column has to be left out.
        devices[Event("lamp", "is listed")].drop("password").orderBy("id").show()
        try:
            devices.put("lamp", devices[Event("kettle", "is copied")])
        except ImmutableMapError as error:
            print(f"put: {error}")
        stats = devices.stats()
        print(
            f"{stats.hits} hits, {stats.loads} loads ({stats.absent} found nothing, {stats.failures} failed); "
            f"kept: {', '.join(devices)}"
        )


def main() -> None:
    """Run the example on S3 or on files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", help="an S3 server; credentials come from the environment or a profile")
    parser.add_argument("--bucket", default="devices", help="made if it is not there (default: %(default)s)")
    given = parser.parse_args()
    if given.endpoint:
        import boto3

        client = boto3.client("s3", endpoint_url=given.endpoint)
        if given.bucket not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=given.bucket)

        def put(device: str, text: str) -> None:
            client.put_object(Bucket=given.bucket, Key=f"credentials/{device}.json", Body=text.encode())

        demonstrate(f"s3://{given.bucket}/credentials/{{key}}.json", put, given.endpoint)
        return
    with tempfile.TemporaryDirectory() as directory:
        demonstrate(
            f"{directory}/{{key}}.json", lambda device, text: _write(Path(directory, f"{device}.json"), text), None
        )


def _write(path: Path, text: str) -> None:
    path.write_text(text)


if __name__ == "__main__":
    main()
