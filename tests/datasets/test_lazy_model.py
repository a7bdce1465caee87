"""The lazy map, compiled and in Python, against a slow and obvious model of it; only the test moves the clock."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lazy_twin import KINDS, Clock

from headgate.datasets import LazyMap, Unchanged, Versioned
from headgate.errors import LoadError

LIMIT, TTL, REFRESH, NEGATIVE, ERROR = 6, 8, 5, 3, 2
KEYS = st.sampled_from("abcdefgh")
DOWN = OSError("down")


class Model:
    """What a lazy map with these settings does, written for reading: lists and no speed.

    ``line`` is SIEVE's queue, oldest first, of [key, value, version, weight, loaded at, used]; ``hand`` is a key in it.
    """

    def __init__(self, source: dict[str, Any], *, versions: bool, refresh: bool) -> None:
        self.source, self.versions, self.refresh = source, versions, refresh
        self.line: list[list[Any]] = []
        self.hand: str | None = None
        self.remembered: dict[str, tuple[object, float]] = {}
        self.due: dict[str, float] = {}
        self.attempts: dict[str, int] = {}
        self.asked = 0

    def entry(self, key: str) -> list[Any] | None:
        return next((one for one in self.line if one[0] == key), None)

    def resident(self, now: float) -> dict[str, Any]:
        return {one[0]: one[1] for one in self.line if now < one[4] + TTL}

    def take_out(self, key: str) -> None:
        keys = [one[0] for one in self.line]
        if key in keys:
            at = keys.index(key)
            if self.hand == key:
                self.hand = keys[at + 1] if at + 1 < len(keys) else None
            del self.line[at]

    def evict(self) -> None:
        keys = [one[0] for one in self.line]
        at = keys.index(self.hand) if self.hand else 0
        while self.line[at][5]:
            self.line[at][5] = False
            at = (at + 1) % len(self.line)
        self.hand = keys[at]
        self.take_out(keys[at])

    def load(self, key: str, now: float, *, refreshing: bool = False) -> object:
        self.asked += 1
        before = self.entry(key)
        value, version, weight = self.source.get(key, (None, 0, 0))
        if value is DOWN:
            if refreshing:
                self.due[key] = now + min(60, 2 ** self.attempts[key])
                self.attempts[key] += 1
            else:
                self.remembered[key] = (DOWN, now + ERROR)
            return DOWN
        used = before is not None and before[5]
        if before is not None and self.versions and before[2] == version and value is not None:
            value, weight = before[1], before[3]
        self.take_out(key)
        if value is None:
            self.remembered[key] = (None, now + NEGATIVE)
            return None
        if weight <= LIMIT:
            while sum(one[3] for one in self.line) + weight > LIMIT:
                self.evict()
            self.line.append([key, value, version, weight, now, used])
            self.remembered.pop(key, None)
            self.due[key] = now + REFRESH if self.refresh else float("inf")
            self.attempts[key] = 0
            while self.line and self.line[0][4] + TTL * (2 if self.versions else 1) <= now:
                self.take_out(self.line[0][0])
        return value

    def request(self, key: str, now: float) -> object:
        one = self.entry(key)
        if one is not None and now < one[4] + TTL:
            value = one[1]
            if now >= self.due[key]:
                self.load(key, now, refreshing=True)
            one[5] = True
            return value
        kept, until = self.remembered.get(key, (None, -1.0))
        if now < until:
            return kept
        if one is not None and not self.versions:
            self.take_out(key)
        return self.load(key, now)


class AgainstTheModel(RuleBasedStateMachine):
    @initialize(versions=st.booleans(), refresh=st.booleans())
    def begin(self, versions: bool, refresh: bool) -> None:
        self.clock, self.asked = Clock(), [0, 0]
        self.source = {key: (key, 1, 1 + at % 3) for at, key in enumerate("abcdefgh")}
        self.model = Model(self.source, versions=versions, refresh=refresh)
        self.maps = [self.make(kind, i, versions, refresh) for i, kind in enumerate(KINDS)]

    def make(self, kind: type[Any], i: int, versions: bool, refresh: bool) -> Any:
        def load(key: str) -> object:
            self.asked[i] += 1
            value, version, _ = self.source.get(key, (None, 0, 0))
            if value is DOWN:
                raise DOWN
            return Versioned(value, version) if versions and value is not None else value

        def revalidate(key: str, version: int) -> object:
            found = load(key)
            return Unchanged() if isinstance(found, Versioned) and found.version == version else found

        lazy = kind(
            load,
            max_weight=LIMIT,
            weigher=lambda key, _value: self.source[key][2],
            ttl=TTL,
            refresh_after=REFRESH if refresh else None,
            revalidate=revalidate if versions else None,
            negative_ttl=NEGATIVE,
            error_ttl=ERROR,
            clock=self.clock,
        )
        lazy._spawn = lazy._run_contained  # a refresh runs where it is started
        return lazy

    @rule(key=KEYS, value=st.integers(0, 3), version=st.integers(1, 2), weight=st.integers(0, LIMIT + 2))
    def the_source_changes(self, key: str, value: int, version: int, weight: int) -> None:
        self.source[key] = ({0: None, 1: DOWN}.get(value, (key, value, version)), version, weight)

    @rule(key=KEYS, weight=st.integers(1, 3))
    def the_source_has_it(self, key: str, weight: int) -> None:
        self.source[key] = ((key, weight), 5 + weight, weight)

    @rule(seconds=st.sampled_from([0.5, 1, 2, 5, 8, 17]))
    def time_goes_by(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(keys=st.lists(KEYS, min_size=1, max_size=8))
    def requests(self, keys: list[str]) -> None:
        for key in keys:
            expected = self.model.request(key, self.clock.now)
            for lazy in self.maps:
                if expected is DOWN:
                    with pytest.raises(LoadError) as caught:
                        lazy[key]
                    assert caught.value.__cause__ is DOWN
                elif expected is None:
                    with pytest.raises(KeyError):
                        lazy[key]
                else:
                    assert lazy[key] == expected

    @rule(key=KEYS)
    def invalidates(self, key: str) -> None:
        self.model.take_out(key)
        self.model.remembered.pop(key, None)
        for lazy in self.maps:
            lazy.invalidate(key)

    @rule()
    def invalidates_all(self) -> None:
        self.model.line, self.model.hand, self.model.remembered = [], None, {}
        for lazy in self.maps:
            lazy.invalidate_all()

    @invariant()
    def both_are_as_the_model_says(self) -> None:
        if not hasattr(self, "maps"):
            return
        resident = self.model.resident(self.clock.now)
        weight = sum(one[3] for one in self.model.line)
        assert weight <= LIMIT
        for lazy, asked in zip(self.maps, self.asked, strict=True):
            assert list(lazy.items()) == list(resident.items())
            assert len(lazy) == len(resident)
            assert (lazy.stats().weight, asked) == (weight, self.model.asked)
        compiled, interpreted = (lazy.stats() for lazy in self.maps)
        assert compiled == interpreted


TestAgainstTheModel = pytest.mark.slow(AgainstTheModel.TestCase)
TestAgainstTheModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_the_two_kinds_are_two() -> None:
    from headgate.datasets.lazy_table import Table

    assert KINDS[0] is LazyMap
    assert not issubclass(LazyMap, Table), "the compiled table has not been built: make install"
