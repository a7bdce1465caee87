"""The parameters of a model, one object a customer, picked when the customer's request arrives.

    python examples/model_parameters/model_parameters.py
    python examples/model_parameters/model_parameters.py --endpoint http://127.0.0.1:7070 --bucket models

A service transforms series by a sliding polynomial. How, is each customer's own: a window and coefficients, which lie
in S3 (or, without --endpoint, in a directory). Of 500 customers few send requests today: theirs are loaded, with the
first request, and once. A customer without an object of their own gets the defaults; parameters that make no sense are
an error for that customer alone; new ones are in use within TTL seconds, and what has not changed is not sent again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headgate.datasets import LazyMap, S3Loader
from headgate.errors import DatasetError
from headgate.transforms import sliding_polynomial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CUSTOMERS = 500
TTL = 60.0


@dataclass(frozen=True)
class Parameters:
    """What a customer's series are transformed with; an object that says otherwise is refused when it is loaded."""

    window: int
    coefficients: list[float] = field(default_factory=lambda: [0.0, 1.0])

    def __post_init__(self) -> None:
        if self.window < 1 or not self.coefficients:
            raise ValueError("a window of at least 1, and at least one coefficient")


DEFAULTS = Parameters(window=3)


@dataclass(frozen=True)
class Request:
    """A series to be transformed, and whose it is."""

    customer: str
    series: np.ndarray


class Service:
    """Transforms each request by its customer's parameters; ``clock`` gives the time in seconds."""

    def __init__(self, location: str, clock: Callable[[], float], endpoint: str | None = None) -> None:
        # missing="none": a customer without parameters is no error. deadline_seconds: a request waits no longer.
        load = S3Loader(location, Parameters, missing="none", endpoint=endpoint, deadline_seconds=5.0)
        self.parameters: LazyMap[str, list[Parameters], Request] = LazyMap(
            load.versioned,
            to_key=lambda request: request.customer,
            revalidate=load.revalidate,  # by ETag
            max_weight=1_000,  # customers; who asks most stays
            ttl=TTL,
            negative_ttl=TTL,  # who has none is not looked for at every request
            error_ttl=1.0,  # nor is what is broken
            clock=clock,
        )

    def answer(self, request: Request) -> np.ndarray:
        """Return the transformed series."""
        [found] = self.parameters.get(request, [DEFAULTS])
        return sliding_polynomial(request.series, found.window, coefficients=found.coefficients)


def customer(number: int) -> str:
    """Return a customer's name."""
    return f"customer-{number:04d}"


def parameters(number: int) -> Parameters:
    """Return some parameters, other ones for each customer."""
    return Parameters(window=2 + number % 7, coefficients=[1.0, number / CUSTOMERS])


def requests() -> Iterator[Request]:
    """Yield twelve requests of four customers, of whom one is new."""
    generator = np.random.default_rng(7)
    for number in (3, 17, 3, 3, CUSTOMERS, 17, 240, 3, 240, CUSTOMERS, 17, 3):
        yield Request(customer(number), generator.standard_normal(8))


def demonstrate(location: str, put: Callable[[str, str], None], endpoint: str | None) -> None:
    """Answer requests, change one customer's parameters, break another's, and say what was loaded."""
    for number in range(CUSTOMERS):
        put(customer(number), json.dumps(asdict(parameters(number))))
    now = 0.0
    service = Service(location, lambda: now, endpoint)
    print(f"{CUSTOMERS} customers' parameters lie in {location}, {len(service.parameters)} are loaded")
    for request in requests():
        before = service.parameters.stats()
        answer = service.answer(request)
        after = service.parameters.stats()
        how = "loaded" if after.loads > before.loads else "kept"
        how = "none: defaults" if request.customer == customer(CUSTOMERS) else how
        print(f"  {request.customer}  {how:<14}  last value {answer[-1]:+.4f}")

    put(customer(3), json.dumps(asdict(Parameters(window=1, coefficients=[1.0]))))
    put(customer(240), '{"window": 0}')
    now = TTL + 1.0
    print(f"{customer(3)} gets new parameters, {customer(240)} broken ones; {now:.0f} s later:")
    for number in (3, 17, 240):
        request = Request(customer(number), np.arange(4.0))
        try:
            print(f"  {request.customer}  {service.answer(request)}")
        except DatasetError as error:
            print(f"  {request.customer}  {type(error.__cause__ or error).__name__}: {error}")
    stats = service.parameters.stats()
    print(
        f"{stats.hits + stats.misses} requests: {stats.loads} loads ({stats.absent} found nothing), "
        f"{stats.revalidations} looks at an ETag ({stats.unchanged} unchanged); "
        f"{len(service.parameters)} of {CUSTOMERS} customers in memory"
    )


def main() -> None:
    """Run the example on S3 or on files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", help="an S3 server; credentials come from the environment or a profile")
    parser.add_argument("--bucket", default="model-parameters", help="made if it is not there (default: %(default)s)")
    given = parser.parse_args()
    if given.endpoint:
        import boto3

        client = boto3.client("s3", endpoint_url=given.endpoint)
        if given.bucket not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=given.bucket)

        def put(key: str, text: str) -> None:
            client.put_object(Bucket=given.bucket, Key=f"customers/{key}.json", Body=text.encode())

        demonstrate(f"s3://{given.bucket}/customers/{{key}}.json", put, given.endpoint)
        return
    with tempfile.TemporaryDirectory() as directory:

        def write(key: str, text: str) -> None:
            new = Path(directory, f".{key}")
            new.write_text(text)
            new.replace(Path(directory, f"{key}.json"))

        demonstrate(f"{directory}/{{key}}.json", write, None)


if __name__ == "__main__":
    main()
