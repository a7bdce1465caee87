"""The suite inside one side's process: finds benchmarks, sets them up, takes samples.

Imported by ``worker.py`` under the side's own interpreter (Python 3.8 or newer, the standard library and asv_runner
alone), never by the package. asv_runner gives the semantics: ``setup`` before each sample, garbage collection off
while a sample is timed, skips by ``NotImplementedError``.
"""

from __future__ import annotations

import gc
import os
import sys
import time

TYPE_CHECKING = False  # typing would be one more import in every round
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would cost start-up time in every round
TRACEBACK_LINES = 14
LOG_BYTES = 1_000_000  # a benchmark that prints in its loop must not fill the disk
CALIBRATION_GROWTH = 10.0  # asv_runner's largest step between two guesses of `number`
FIRST_CALL_SECONDS = 1.0  # a first call longer than this is believed; a shorter one may be imports or compilation
RUNNER_SAMPLE_TIME = 0.01  # asv_runner's default; another value is the suite's wish


def peak_resident_bytes() -> int | None:
    """Return this process's own peak resident set, or None where only getrusage's is to be had.

    On Linux ``ru_maxrss`` survives ``exec``: it starts at the peak of the process that launched this one. ``VmHWM``
    belongs to this program alone.
    """
    try:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123 - no pathlib here, see above
            for line in status:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def cpu_seconds() -> float:
    """Return the CPU time of this process, all its threads, and the child processes it has waited for."""
    import resource

    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def describe(benchmark: Any) -> dict[str, Any]:
    """Return what the other end needs to know of a discovered benchmark, JSON-ready."""
    entry = {key: getattr(benchmark, key, None) for key in ("name", "type", "unit", "params", "param_names", "version")}
    for key in ("timeout", "setup_cache_key", "setup_cache_timeout"):
        entry[key] = getattr(benchmark, key, None)
    direction = None
    for source in benchmark._attr_sources:  # noqa: SLF001 - asv_runner offers no public list of where attributes come from
        direction = direction or getattr(source, "direction", None)
    entry["direction"] = direction if direction in ("lower", "higher") else "lower"
    return entry


class OwnModules:
    """Imports modules of the suite, named in full, from files elsewhere: as the side's own suite has them."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:  # noqa: ARG002 - the import system's signature
        """Return how to import ``name``, if it is one of these."""
        import importlib.util

        file = self.files.get(name)
        return None if file is None else importlib.util.spec_from_file_location(name, file)


class Worker:
    """The suite in this process, with at most one benchmark loaded."""

    def __init__(self, discovery: Any, root: str, cwd: str, own_modules: dict[str, str] | None = None) -> None:
        self.discovery = discovery
        self.root = root
        self.cwd = cwd
        self.benchmark: Any = None
        self.timer: Any = None
        self.isolates = False
        self.errors: dict[str, Any] = {}
        discovery.update_sys_path(root)
        if own_modules:
            sys.meta_path.insert(0, OwnModules(own_modules))
        self.meta_path = list(sys.meta_path)
        # asv_runner walks the whole suite when it cannot guess a benchmark's module: one broken module must not
        # take the others with it.
        discovery.disc_modules = self.modules

    def modules(self, name: str, ignore_import_errors: bool = False) -> Iterator[Any]:  # noqa: ARG002 - asv_runner's signature
        """Yield the suite's modules, noting those that cannot be imported in ``errors``."""
        import importlib
        import pkgutil

        try:
            module = importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - a suite's module may raise anything; it is reported as data
            self.errors[name] = failure(error)
            return
        yield module
        for _, child, _ in pkgutil.iter_modules(getattr(module, "__path__", ()), name + "."):
            yield from self.modules(child)

    def discover(self, built: bool = False) -> dict[str, Any]:
        """Return all benchmarks of the suite, the modules that fail to import, and a digest of the code installed."""
        found: list[dict[str, Any]] = []
        for module in list(self.modules(os.path.basename(self.root))):  # noqa: PTH119
            self.discovery.disc_modules = lambda *_, module=module, **__: [module]
            try:
                benchmarks = self.discovery.disc_benchmarks(self.root)
                found.extend(dict(describe(benchmark), module=module.__name__) for benchmark in benchmarks)
            except Exception as error:  # noqa: BLE001 - a class's constructor may raise anything; it is reported as data
                self.errors[module.__name__] = failure(error)
        self.discovery.disc_modules = self.modules
        plugins = getattr(sys.modules["asv_runner.benchmarks"], "asv_modules", [])
        digest = self.installed(built)
        return {"benchmarks": found, "errors": self.errors, "plugins": list(plugins), "installed": digest}

    def installed(self, built: bool) -> str:
        """Return a digest of the code that this process would run, the suite's left out."""
        sys.path.insert(0, HERE)
        try:
            import worker_installed  # type: ignore[import-not-found]  # found beside this script, as this one was
        finally:
            sys.path.remove(HERE)
        return str(worker_installed.fingerprint(self.root, built))

    def find(self, name: str, params: list[str]) -> Any:
        """Return the benchmark called ``name`` with the parameters whose representations are ``params``."""
        import itertools

        benchmark = self.discovery.get_benchmark_from_name(self.root, name)
        sys.meta_path[:] = self.meta_path  # it adds an importer at each call
        if params:
            for index, combination in enumerate(itertools.product(*benchmark.params)):
                if list(combination) == params:
                    benchmark.set_param_idx(index)
                    return benchmark
            message = "{} has no parameters ({}) on this side".format(name, ", ".join(params))
            raise ValueError(message)
        return benchmark

    def setup_cache(self, name: str, directory: str) -> dict[str, Any]:
        """Run ``setup_cache`` in ``directory`` and leave its pickled result there, as asv does."""
        import pickle

        os.chdir(directory)
        cache = self.find(name, []).do_setup_cache()
        with open("cache.pickle", "wb") as file:  # noqa: PTH123
            pickle.dump(cache, file)
        return {}

    def load(self, name: str, params: list[str], cache_dir: str | None = None) -> dict[str, Any]:
        """Make the benchmark ready: find it, hand it its cache, run its setup."""
        started = time.perf_counter()
        os.chdir(cache_dir or self.cwd)
        benchmark = self.find(name, params)
        if cache_dir is not None:
            import pickle

            with open("cache.pickle", "rb") as file:  # noqa: PTH123
                cache = pickle.load(file)  # noqa: S301 - written by our own process a moment ago
            if hasattr(benchmark, "set_cache"):
                benchmark.set_cache(cache)
            elif cache is not None:
                benchmark.insert_param(cache)  # asv_runner before 0.3
        skipped = benchmark.do_setup()
        self.benchmark = benchmark
        if skipped:
            return {"skipped": "skip_params, or NotImplementedError in setup"}
        if hasattr(benchmark, "_get_timer"):
            self.make_timer()
        return {"seconds": time.perf_counter() - started}

    def make_timer(self) -> None:
        """Choose the timer as asv_runner's ``TimeBenchmark.run`` does."""
        benchmark = self.benchmark
        build = getattr(benchmark, "_build_params", None)
        params = build() if build else benchmark._current_params  # noqa: SLF001 - asv_runner before 0.3
        self.isolates = bool(
            benchmark._setups  # noqa: SLF001 - TimeBenchmark.run's own condition
            and getattr(benchmark, "_setup_isolates_timed_calls", False)
        )
        interleaved = self.isolates and hasattr(benchmark, "_get_interleaved_timer")
        self.timer = (benchmark._get_interleaved_timer if interleaved else benchmark._get_timer)(*params)  # noqa: SLF001

    def calibrate(self, target: float) -> dict[str, Any]:
        """Return how many loops make a sample of ``target`` wall seconds, and what such a sample takes."""
        benchmark = self.benchmark
        if benchmark.number:
            self.sample(benchmark.number)
            return dict(self.sample_with_cores(benchmark.number), number=benchmark.number)
        if benchmark.sample_time != RUNNER_SAMPLE_TIME:
            target = benchmark.sample_time
        number, calls = 1, 0
        while True:
            wall = self.sample(number)["wall"]
            calls += 1
            if wall >= target and (calls > 1 or wall > FIRST_CALL_SECONDS):
                break
            growth = min(CALIBRATION_GROWTH, max(1.1, target / wall))
            number = 1 if wall >= target else max(number + 1, int(number * growth))
        last = self.sample_with_cores(number)
        wall = min(wall, last["wall"])  # what disturbs a sample makes it longer
        fitting = max(1, round(number * min(1.0, target / wall)))
        return {"number": fitting, "wall": wall * fitting / number, "cores": last["cores"]}

    def sample_with_cores(self, number: int) -> dict[str, Any]:
        """Take a sample; ``cores`` is the CPU time that all threads and child processes used, over the wall time."""
        before = cpu_seconds()
        taken = self.sample(number)
        return dict(taken, cores=(cpu_seconds() - before) / taken["wall"])

    def warm(self, number: int) -> dict[str, Any]:
        """Run uncounted samples: one, or the benchmark's own ``warmup_time`` where it sets one."""
        warmup = getattr(self.benchmark, "warmup_time", -1)
        deadline = time.perf_counter() + warmup
        if warmup == 0 and self.benchmark.number:
            return {}
        while True:
            reply = self.sample(number)
            if "skipped" in reply or time.perf_counter() >= deadline:
                return reply

    def sample(self, number: int) -> dict[str, Any]:
        """Take one sample; ``timed`` is the benchmark's own time, ``wall`` includes the setup between calls."""
        started = time.perf_counter()
        timed = self.timer.timeit(number)
        wall = time.perf_counter() - started
        return {"value": timed / number, "timed": timed, "wall": wall}

    def measure(self) -> dict[str, Any]:
        """Return the number that a memory or track benchmark gives."""
        started = time.perf_counter()
        value = self.benchmark.do_run()
        if self.benchmark.type == "peakmemory":
            value = peak_resident_bytes() or value
        return {"value": float(value), "timed": time.perf_counter() - started}

    def unload(self) -> dict[str, Any]:
        """Run teardown and forget the benchmark."""
        benchmark, self.benchmark, self.timer = self.benchmark, None, None
        try:
            if benchmark is not None:
                benchmark.do_teardown()
        finally:
            del benchmark
            os.chdir(self.cwd)
            gc.collect(1)  # the benchmark's own garbage is young; a full collection walks every imported module
            trim_log()
        return {}


def trim_log() -> None:
    """Empty the log when it has grown beyond ``LOG_BYTES``."""
    sys.stdout.flush()
    if os.fstat(1).st_size > LOG_BYTES:
        os.ftruncate(1, 0)


def is_machinery(filename: str) -> bool:
    """Say whether a frame is ours, asv_runner's or timeit's: nothing that the suite's author could mend."""
    directory, name = os.path.split(filename)
    return directory == HERE or os.sep + "asv_runner" in directory or name in ("timeit.py", "<timeit-src>")


def failure(error: BaseException) -> dict[str, Any]:
    """Return an exception as data: its last line, and the tail of its traceback from the suite's own code on."""
    import traceback

    frames = error.__traceback__
    while frames is not None and is_machinery(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    lines = "".join(traceback.format_exception(type(error), error, frames)).splitlines()
    summary = "".join(traceback.format_exception_only(type(error), error)).strip()
    return {
        "error": summary.splitlines()[-1] if summary else "unknown",
        "traceback": "\n".join(lines[-TRACEBACK_LINES:]),
    }
