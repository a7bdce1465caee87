"""What a lazy map promises to one thread; tests/datasets/test_lazy_threads.py has the many."""

import copy
import gc
import json
import pickle
import subprocess
import sys
import traceback
import weakref
from typing import Any

import pytest
from lazy_twin import KINDS, Clock

from headgate.datasets import LazyMap, Prefetched, Unchanged, Versioned
from headgate.datasets.lazy_loading import MOST_REMEMBERED
from headgate.errors import CircularLoadError, DatasetError, HeadgateError, ImmutableMapError, LoadError, UsageError


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Any]:
    return request.param


class Source:
    """A loader that notes what it was asked for; an error among its values is raised."""

    def __init__(self, **values: object) -> None:
        self.values = values
        self.asked: list[str] = []

    def __call__(self, key: str) -> object:
        self.asked.append(key)
        value = self.values.get(key)
        if isinstance(value, BaseException):
            raise value
        return value


def double(key: int) -> int:
    return key * 2


def first_letter(item: str) -> str:
    return item[0]


def test_a_value_is_loaded_on_the_first_request_and_never_again(kind: type[Any]) -> None:
    source = Source(a=1)
    lazy = kind(source)
    assert source.asked == []
    assert [lazy["a"], lazy["a"], lazy.get("a")] == [1, 1, 1]
    assert source.asked == ["a"]
    assert (lazy.stats().hits, lazy.stats().misses, lazy.stats().loads) == (2, 1, 1)


def test_items_with_the_same_key_share_an_entry(kind: type[Any]) -> None:
    source = Source(a="letter")
    lazy = kind(source, to_key=first_letter)
    assert lazy["apple"] is lazy["avocado"]
    assert source.asked == ["a"]
    assert list(lazy) == ["a"]


def test_none_means_absent_and_is_asked_for_again(kind: type[Any]) -> None:
    source = Source()
    lazy = kind(source)
    for _ in range(2):
        with pytest.raises(KeyError, match="gone"):
            lazy["gone"]
    assert lazy.get("gone") is None
    assert lazy.get("gone", 7) == 7
    assert "gone" not in lazy
    assert len(source.asked) == 5


def test_an_absence_is_remembered_for_negative_ttl(kind: type[Any]) -> None:
    clock, source = Clock(), Source()
    lazy = kind(source, negative_ttl=10, clock=clock)
    assert [lazy.get("gone") for _ in range(3)] == [None] * 3
    assert source.asked == ["gone"]
    clock.now, source.values["gone"] = 10, "back"
    assert lazy["gone"] == "back"


def test_what_is_remembered_of_absent_keys_is_bounded(kind: type[Any]) -> None:
    lazy = kind(lambda _key: None, negative_ttl=1e9)
    for key in range(MOST_REMEMBERED + 10):
        lazy.get(key)
    assert len(lazy._remembered) == MOST_REMEMBERED


def test_a_failure_names_the_key_has_its_cause_and_is_not_remembered(kind: type[Any]) -> None:
    cause = OSError("down")
    source = Source(a=cause)
    lazy = kind(source)
    errors = []
    for _ in range(2):
        with pytest.raises(LoadError, match="cannot load 'a'") as caught:
            lazy["a"]
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    assert all(error.key == "a" and error.__cause__ is cause for error in errors)
    assert source.asked == ["a", "a"]
    source.values["a"] = 1
    assert lazy["a"] == 1


def test_get_and_in_do_not_pass_a_failure_off_as_an_absence(kind: type[Any]) -> None:
    lazy = kind(Source(a=OSError("down")))
    with pytest.raises(LoadError):
        lazy.get("a", None)
    with pytest.raises(LoadError):
        "a" in lazy  # noqa: B015 - the question is what is tested


def test_a_failure_is_remembered_for_error_ttl(kind: type[Any]) -> None:
    clock, source = Clock(), Source(a=OSError("down"))
    lazy = kind(source, error_ttl=5, clock=clock)
    seen = set()
    for _ in range(3):
        with pytest.raises(LoadError) as caught:
            lazy["a"]
        seen.add(id(caught.value))
        assert isinstance(caught.value.__cause__, OSError)
    assert source.asked == ["a"]
    clock.now = 5
    with pytest.raises(LoadError):
        lazy["a"]
    assert source.asked == ["a", "a"]


@pytest.mark.slow
def test_a_failure_that_is_remembered_holds_neither_what_was_read_nor_who_asked(kind: type[Any]) -> None:
    class Held:
        pass

    held = []

    def load(_key: str) -> None:
        content = Held()
        held.append(weakref.ref(content))
        try:
            int("no number")
        except ValueError as error:
            raise DatasetError("bucket x: bad object") from error

    def ask() -> None:
        mine = Held()
        held.append(weakref.ref(mine))
        with pytest.raises(LoadError, match="bad object"):
            lazy["a"]

    lazy = kind(load, error_ttl=5, clock=Clock())
    try:
        float("another's")
    except ValueError as error:
        others = error
        ask()
    assert others.__traceback__ is not None
    gc.collect()
    assert [one() for one in held] == [None, None]
    with pytest.raises(LoadError, match="bad object") as caught:
        lazy["a"]
    assert len(held) == 2  # it was remembered
    cause = caught.value.__cause__
    assert str(cause) == "bucket x: bad object"
    assert "in load" in "".join(traceback.format_exception(cause))  # and where it was raised is still told
    assert "another's" not in "".join(traceback.format_exception(cause))


class Weights:
    pass


BIG = "x" * 1_000_000


@pytest.mark.parametrize(
    "load",
    [
        lambda _key: json.loads(f"[{BIG}"),
        lambda _key: (BIG.encode() + b"\xff").decode(),
        lambda _key: (BIG + "\ud800").encode(),
        lambda _key: getattr(Weights(), "scale"),  # noqa: B009 - mypy sees an attribute that is not there
    ],
    ids=["JSON", "bytes", "text", "an attribute"],
)
def test_a_failure_that_is_remembered_does_not_carry_what_it_is_about(kind: type[Any], load: Any) -> None:
    lazy = kind(load, error_ttl=5, clock=Clock())
    for _ in range(2):
        with pytest.raises(LoadError) as caught:
            lazy["a"]
        cause = caught.value.__cause__
        assert cause is not None
        carried = [*vars(cause).values(), *cause.args, getattr(cause, "object", ""), getattr(cause, "obj", "")]
        assert not any(isinstance(one, Weights) or len(str(one)) > len(BIG) // 2 for one in carried)
        assert "position" in str(cause) or "char 1" in str(cause) or "'scale'" in str(cause)  # what was wrong
        assert "raised at:" in cause.__notes__[0]


def test_a_cause_with_notes_of_its_own_also_says_where_it_was_raised(kind: type[Any]) -> None:
    def load(_key: str) -> None:
        error = ValueError("bad")
        error.add_note("row 7")
        raise error

    lazy = kind(load, error_ttl=5, clock=Clock())
    for _ in range(2):
        with pytest.raises(LoadError) as caught:
            lazy["a"]
        cause = caught.value.__cause__
        assert [note.partition("\n")[0] for note in cause.__notes__] == ["row 7", "raised at:"]


def test_the_text_of_a_foreign_error_stays_out_of_ours_because_it_may_hold_a_secret(kind: type[Any]) -> None:
    lazy = kind(Source(a=OSError("https://store/?signature=s3cr3t"), b=HeadgateError("bucket x: no such bucket")))
    with pytest.raises(LoadError) as caught:
        lazy["a"]
    assert "s3cr3t" not in str(caught.value)
    assert "OSError" in str(caught.value)
    with pytest.raises(LoadError, match="no such bucket"):
        lazy["b"]


@pytest.mark.slow
def test_a_failure_that_was_handled_leaves_no_cycle_behind(kind: type[Any]) -> None:
    class Down(Exception):  # noqa: N818 - a state
        pass

    def load(_key: str) -> None:
        raise Down

    lazy = kind(load)
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(LoadError) as caught:
            lazy["a"]
        cause = weakref.ref(caught.value.__cause__)
        del caught
        assert cause() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "put",
    [
        lambda lazy: lazy.put("a", 1),
        lambda lazy: lazy.__setitem__("a", 1),
        lambda lazy: lazy.__delitem__("a"),
        lambda lazy: lazy.update(a=1),
        lambda lazy: lazy.setdefault("a", 1),
        lambda lazy: lazy.pop("a"),
        lambda lazy: lazy.clear(),
    ],
)
def test_nothing_is_put_in(kind: type[Any], put: Any) -> None:
    with pytest.raises(ImmutableMapError, match="lazy map is immutable") as caught:
        put(kind(Source(a=1)))
    assert isinstance(caught.value, TypeError)


def test_in_loads_and_peek_and_is_loaded_do_not(kind: type[Any]) -> None:
    source = Source(a=1)
    lazy = kind(source)
    assert (lazy.peek("a"), lazy.peek("a", 3), lazy.is_loaded("a"), source.asked) == (None, 3, False, [])
    assert "a" in lazy
    assert (lazy.peek("a"), lazy.is_loaded("a"), source.asked) == (1, True, ["a"])
    assert lazy.stats().hits + lazy.stats().misses == 1


def test_length_and_iteration_see_what_is_resident_and_load_nothing(kind: type[Any]) -> None:
    source = Source(a=1, b=2, c=3)
    lazy = kind(source)
    assert (len(lazy), list(lazy), bool(lazy)) == (0, [], True)
    _ = lazy["a"], lazy["b"]
    assert (list(lazy), list(lazy.keys()), list(lazy.values())) == (["a", "b"], ["a", "b"], [1, 2])
    assert dict(lazy.items()) == {"a": 1, "b": 2}
    for key in lazy:
        _ = key, lazy["c"]  # a load while iterating
    assert len(lazy) == 3


def test_a_map_is_equal_to_itself_alone_and_hashable(kind: type[Any]) -> None:
    one, other = kind(double), kind(double)
    assert one == one  # noqa: PLR0124 - what is tested
    assert one != other
    assert len({one, other}) == 2


def test_the_weight_stays_within_the_limit_and_what_is_used_stays(kind: type[Any]) -> None:
    lazy = kind(lambda key: key, max_weight=3)
    for key in "abc":
        _ = lazy[key]
    _ = lazy["a"]
    _ = lazy["d"]
    assert set(lazy) == {"a", "c", "d"}
    assert lazy.stats().evictions == 1


def test_a_refreshed_entry_is_still_one_that_was_used(kind: type[Any]) -> None:
    clock = Clock()
    lazy = kind(str, max_weight=2, refresh_after=5, clock=clock)
    lazy._spawn = lazy._run_contained
    _ = lazy["a"], lazy["b"], lazy["a"]
    clock.now = 5
    _ = lazy["a"]
    assert list(lazy) == ["b", "a"]
    _ = lazy["c"], lazy["d"]
    assert list(lazy) == ["a", "d"]


def test_a_value_heavier_than_the_limit_is_returned_counted_and_not_kept(kind: type[Any]) -> None:
    lazy = kind(lambda key: "x" * key, max_weight=5, weigher=lambda _key, value: len(value))
    assert [lazy[3], lazy[9]] == ["xxx", "x" * 9]
    assert list(lazy) == [3]
    assert (lazy.stats().too_heavy, lazy.stats().weight) == (1, 3)


@pytest.mark.parametrize("weight", [-1, 1.5, "heavy", 2**60])
def test_a_weight_that_is_no_whole_number_fails_the_load(kind: type[Any], weight: object) -> None:
    lazy = kind(double, max_weight=5, weigher=lambda _key, _value: weight)
    with pytest.raises(LoadError):
        lazy[1]
    assert len(lazy) == 0


def test_a_value_is_served_until_its_ttl_and_not_at_it(kind: type[Any]) -> None:
    clock, source = Clock(), Source(a=1)
    lazy = kind(source, ttl=10, clock=clock)
    assert lazy["a"] == 1
    source.values["a"], clock.now = 2, 9.99
    assert lazy["a"] == 1
    clock.now = 10
    assert (lazy.is_loaded("a"), len(lazy), list(lazy)) == (False, 0, [])
    assert lazy["a"] == 2


def test_expired_entries_that_nobody_asks_for_do_not_pile_up(kind: type[Any]) -> None:
    clock = Clock()
    lazy = kind(double, ttl=10, clock=clock)
    for key in range(100):
        clock.now = key
        _ = lazy[key]
    assert len(lazy._nodes) == 10


class Etags:
    """A source with versions, that counts what was read whole and what was only compared."""

    def __init__(self) -> None:
        self.version, self.reads, self.compared = 1, 0, 0

    def load(self, key: str) -> Versioned[str]:
        self.reads += 1
        return Versioned(f"{key}{self.version}", self.version)

    def revalidate(self, key: str, version: int) -> Versioned[str] | Unchanged:
        self.compared += 1
        return Unchanged() if version == self.version else self.load(key)


def test_an_unchanged_version_makes_an_expired_value_fresh_without_a_reload(kind: type[Any]) -> None:
    clock, source = Clock(), Etags()
    lazy = kind(source.load, revalidate=source.revalidate, ttl=10, clock=clock)
    first = lazy["a"]
    clock.now = 12
    assert lazy["a"] is first
    assert lazy["a"] is first
    assert (source.reads, source.compared, lazy.stats().unchanged) == (1, 1, 1)
    clock.now, source.version = 30, 2
    assert lazy["a"] == "a2"
    assert (source.reads, source.compared) == (2, 2)
    assert (lazy.stats().loads, lazy.stats().revalidations) == (1, 2)


def test_a_failed_revalidation_is_a_failure_and_is_tried_again_with_the_same_version(kind: type[Any]) -> None:
    clock, source = Clock(), Etags()
    down = [True]

    def revalidate(key: str, version: int) -> Versioned[str] | Unchanged:
        if down:
            raise OSError("down")
        return source.revalidate(key, version)

    lazy = kind(source.load, revalidate=revalidate, ttl=10, clock=clock)
    first = lazy["a"]
    clock.now = 10
    with pytest.raises(LoadError):
        lazy["a"]
    down.clear()
    assert lazy["a"] is first
    assert source.reads == 1


def test_a_loader_that_asks_for_its_own_key_is_told_so(kind: type[Any]) -> None:
    lazy = kind(lambda key: lazy[key])
    with pytest.raises(CircularLoadError, match="'a' → 'a'") as caught:
        lazy["a"]
    assert caught.value.key == "a"


def test_a_circle_of_keys_is_told_with_its_way_even_through_two_maps(kind: type[Any]) -> None:
    first = kind(lambda key: second[key + 1])
    second = kind(lambda key: first[key - 1])
    with pytest.raises(CircularLoadError, match=r"1 → 2 → 1|2 → 1 → 2"):
        first[1]


def test_a_loader_may_ask_for_other_keys(kind: type[Any]) -> None:
    lazy = kind(lambda key: 1 if key < 2 else lazy[key - 1] + lazy[key - 2])
    assert lazy[60] == 2504730781961
    assert lazy.stats().loads == 61


def test_prefetch_loads_each_key_once_and_says_what_failed(kind: type[Any]) -> None:
    source = Source(a=1, b=OSError("down"), d=4)
    lazy = kind(source)
    _ = lazy["d"]
    report = lazy.prefetch(iter("abcdab"), workers=3)
    assert (report.loaded, report.absent, list(report.failed)) == (("a", "d"), ("c",), ["b"])
    assert isinstance(report.failed["b"].__cause__, OSError)
    assert sorted(source.asked) == ["a", "b", "c", "d"]
    assert dict(lazy.items()) == {"d": 4, "a": 1}
    assert lazy.prefetch([]) == Prefetched((), (), {})


def test_a_prefetch_that_needs_the_key_being_loaded_does_not_hang(kind: type[Any]) -> None:
    lazy = kind(lambda key: lazy.prefetch(["a", "b"]).failed if key == "a" else 1)
    failed = lazy["a"]
    assert list(failed) == ["a"]
    assert isinstance(failed["a"], CircularLoadError)


def test_prefetch_shows_counts_and_no_key_on_a_terminal(kind: type[Any], capsys: pytest.CaptureFixture[str]) -> None:
    lazy = kind(Source(secret_key=1))
    lazy.prefetch(["secret_key", "other"], progress=True)
    shown = capsys.readouterr().err
    assert "2/2" in shown
    assert "secret_key" not in shown
    lazy.prefetch(["third"])
    assert capsys.readouterr().err == ""


def test_a_pickle_has_loader_and_settings_and_no_value(kind: type[Any]) -> None:
    lazy = kind(double, max_weight=7, ttl=5.0, to_key=len)
    assert lazy["four"] == 8
    text = pickle.dumps(lazy)
    for twin in (pickle.loads(text), copy.copy(lazy), copy.deepcopy(lazy)):
        assert type(twin) is kind
        assert (len(twin), twin.stats().loads, twin._settings) == (0, 0, lazy._settings)
        assert twin["abc"] == 6


def test_a_pickle_and_a_repr_hold_no_value_and_no_key(kind: type[Any]) -> None:
    lazy = kind(str.upper)
    assert lazy["key-s3cr3t"] == "KEY-S3CR3T"
    assert b"s3cr3t" not in pickle.dumps(lazy).lower()
    assert "s3cr3t" not in repr(lazy).lower()
    assert "1 resident" in repr(lazy)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ttl": 0}, "ttl is 0"),
        ({"ttl": float("nan")}, "ttl is nan"),
        ({"refresh_after": -1}, "refresh_after is -1"),
        ({"ttl": 5, "refresh_after": 5}, "must be less than ttl"),
        ({"negative_ttl": -1}, "negative_ttl is -1"),
        ({"error_ttl": -1}, "error_ttl is -1"),
        ({"max_weight": -1}, "max_weight is -1"),
        ({"weigher": 3}, "weigher must be callable; it is of type int"),
        ({"revalidate": double}, "needs ttl or refresh_after"),
    ],
)
def test_a_wrong_setting_is_named(kind: type[Any], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        kind(double, **settings)


def test_a_loader_that_cannot_be_called_and_too_few_workers_are_named(kind: type[Any]) -> None:
    with pytest.raises(UsageError, match="loader must be callable; it is of type NoneType"):
        kind(None)
    with pytest.raises(UsageError, match="workers is 0"):
        kind(double).prefetch([1], workers=0)


def test_an_async_loader_is_refused_with_what_to_do(kind: type[Any]) -> None:
    async def load(key: str) -> str:
        return key

    with pytest.raises(LoadError, match="the loader is async"):
        kind(load)["a"]


def test_an_unhashable_key_is_pythons_own_error(kind: type[Any]) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        kind(double)[[]]


def test_the_map_takes_type_arguments() -> None:
    assert LazyMap[str, int](len)["four"] == 4


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout


def test_importing_datasets_loads_no_map_and_using_the_map_nothing_heavy() -> None:
    code = """
import sys, headgate.datasets
print('headgate.datasets.lazy_map' in sys.modules)
from headgate.datasets import LazyMap
LazyMap(str)[1]
print(sorted({'rich', 'numpy', 'asyncio', 'boto3', 'pyspark', 'pyarrow', 'pandas'} & {*sys.modules}))
"""
    assert run_python(code).split() == ["False", "[]"]


def test_without_the_compiled_table_the_map_is_the_one_in_python() -> None:
    code = """
import sys
sys.modules['headgate.datasets._lazy_table'] = None
from headgate.datasets import LazyMap
from headgate.datasets.lazy_table import Table
print(issubclass(LazyMap, Table), LazyMap(str)[1])
"""
    assert run_python(code).split() == ["True", "1"]


def test_the_names_of_the_package_are_those_it_has() -> None:
    import headgate.datasets

    assert {name for name in dir(headgate.datasets) if name in headgate.datasets.__all__} == {
        *headgate.datasets.__all__
    }
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = headgate.datasets.nonsense
