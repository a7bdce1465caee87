"""A demonstration of lazy datasets that needs no network: what is asked for, what reaches the store, what is answered.

Each step says what must reach the store; what did is read from the store's own log, so a promise not kept shows.
"""

from __future__ import annotations

import importlib.util
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.datasets.demo_stores import Credentials, DemoStore, DirectoryStore, LoopbackStore, wrong_secret
from headgate.datasets.lazy_map import LazyMap
from headgate.datasets.schema import redacted
from headgate.errors import HeadgateError, ImmutableMapError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from headgate.datasets.lazy_values import LazyStats

__all__ = ["DemoReport", "Step", "run_demo"]

TTL_SECONDS = 60.0
THREADS = 16
GOOD = ("lamp", "kettle", "fan", "heater", "camera", "lock", "meter", "pump", "valve")
DAMAGED, BROKEN, ABSENT = "radio", "toaster", "robot"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing asked: the ``answer``, and what ``reached`` the store beside what was ``promised`` to reach it."""

    asked: str
    answer: str
    reached: tuple[str, ...]
    promised: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether the store saw what it should, and nothing else."""
        return self.reached == self.promised


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What a demonstration showed; it holds no secret."""

    store: str
    location: str
    datasets: int
    steps: tuple[Step, ...]
    stats: LazyStats
    never_read: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(step.kept for step in self.steps)


def run_demo(*, files: bool = False) -> DemoReport:
    """Put some datasets into a store of its own, ask for a few of them lazily, and tell what happened.

    The store is S3 (`DemoServer`) where boto3 is installed and ``files`` is not asked for, else a directory.
    """
    usable = importlib.util.find_spec("boto3") is not None
    made: DemoStore = LoopbackStore() if usable and not files else DirectoryStore(wanted=files)
    with made as store:
        for number, name in enumerate(GOOD):
            store.put(name, _content(name, number))
        store.put(BROKEN, b'[{"device": "toaster", "id": "77", "password": "never shown"}]')
        if store.checks:
            store.put(DAMAGED, _content(DAMAGED, 88), damaged=True)
        return _Scenario(store).report()


class _Scenario:
    def __init__(self, store: DemoStore) -> None:
        self._store = store
        self._now = 0.0
        self._loader = store.loader()
        self._map: LazyMap[str, list[Credentials], dict[str, str]] = LazyMap(
            self._loader.versioned,
            to_key=lambda event: event["device"],
            revalidate=self._loader.revalidate,
            ttl=TTL_SECONDS,
            clock=lambda: self._now,
        )

    def report(self) -> DemoReport:
        known = [*GOOD, BROKEN, *([DAMAGED] if self._store.checks else [])]
        steps = tuple(self._steps(len(known)))
        read = {key for key, _ in self._store.log()}
        never = tuple(key for key in known if key not in read)
        return DemoReport(self._store.says, self._store.location, len(known), steps, self._map.stats(), never)

    def _steps(self, known: int) -> Iterator[Step]:
        yield self._step(f"the map is made; {known} datasets lie in the store", lambda: "nothing is loaded", ())
        yield self._ask("lamp: first request", "lamp", ("read",))
        yield self._ask("lamp: second request, a hit", "lamp", ())
        yield self._step(f"kettle: {THREADS} threads at once, one load", self._stampede, ("read",))
        yield self._ask(f"{ABSENT}: there is no such object", ABSENT, ("absent",))
        yield self._ask(f"{BROKEN}: its id is text", BROKEN, ("read",))
        if self._store.checks:
            yield self._ask(f"{DAMAGED}: a bit was lost on the way; asked for twice", DAMAGED, ("read", "read"))
        self._now += TTL_SECONDS + 1
        yield self._ask("lamp: 61 s later, past its ttl; the ETag is compared", "lamp", ("unchanged",))
        self._store.put("lamp", _content("lamp", 0, "changed meanwhile"))
        self._now += TTL_SECONDS + 1
        yield self._ask("lamp: replaced in the store, 61 s later", "lamp", ("read",))
        yield self._step("putting something into the map", self._put, ())
        if self._store.checks:
            yield self._step("lamp: a loader with a wrong secret key", self._with_wrong_secret, ("refused",))

    def _step(self, asked: str, act: Callable[[], str], promised: tuple[str, ...]) -> Step:
        before = len(self._store.log())
        answer = act()
        return Step(asked, answer, tuple(outcome for _, outcome in self._store.log()[before:]), promised)

    def _ask(self, asked: str, key: str, promised: tuple[str, ...]) -> Step:
        return self._step(asked, lambda: _answer(lambda: self._map[{"device": key}]), promised)

    def _stampede(self) -> str:
        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(lambda _: self._map[{"device": "kettle"}], range(THREADS)))
        same = all(one is found[0] for one in found)
        return f"{_shown(found[0])}, {'one list' if same else 'several lists'} for all"

    def _put(self) -> str:
        try:
            self._map.put("lamp", [])
        except ImmutableMapError as error:
            return f"{type(error).__name__}: {error}"

    def _with_wrong_secret(self) -> str:
        with wrong_secret():
            stranger = self._store.loader()
            return _answer(lambda: stranger("lamp"))


def _answer(ask: Callable[[], Sequence[Credentials]]) -> str:
    """Return what a request gives, fit to be shown: records without their secrets, or the error."""
    try:
        return _shown(ask())
    except KeyError as error:
        return f"KeyError: {error.args[0]!r}"
    except HeadgateError as error:
        cause = error.__cause__ or error
        return f"{type(cause).__name__}: {cause}"


def _shown(found: Sequence[Credentials]) -> str:
    return ", ".join(str(redacted(one)) for one in found)


def _content(device: str, number: int, hint: str | None = None) -> bytes:
    return json.dumps([{"device": device, "id": number, "password": f"secret of {device}", "hint": hint}]).encode()
