"""``setup_cache``: computed once per side and key, in a process of its own, and reused in every round."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.measure.session import PairError, start_pair
from headgate.model import Side

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.measure.session import Launch, Launcher, SideRuntime
    from headgate.model import BenchmarkSpec

__all__ = ["Caches"]


@dataclass(slots=True)
class Caches:
    """The cache directories of a run: the working directory of the benchmarks that use them, as in asv."""

    runtimes: Sequence[SideRuntime]
    directory: Path
    launcher: Launcher
    made: dict[str, dict[Side, Path]] = field(default_factory=dict)
    failed: dict[str, PairError] = field(default_factory=dict)

    def of(self, spec: BenchmarkSpec) -> Mapping[Side, Path | None]:
        """Return where the benchmark's cache lies on each side; None where it has none."""
        if spec.setup_cache_key is None:
            return dict.fromkeys(Side)
        return dict(self.made[spec.setup_cache_key])

    def prepare(self, spec: BenchmarkSpec, launch: Launch) -> None:
        """Compute the benchmark's cache unless that was done; a failure fails each benchmark that needs it."""
        key = spec.setup_cache_key
        if key is None or key in self.made:
            return
        if key in self.failed:
            raise self.failed[key]
        pair = start_pair(self.runtimes, launch, self.directory, self.launcher)
        force = False
        try:
            directories = {
                side: Path(tempfile.mkdtemp(prefix=f"cache-{side[0]}-", dir=self.directory)) for side in Side
            }
            timeout = float(spec.setup_cache_timeout or spec.timeout)
            arguments = {side: {"name": spec.id.name, "directory": str(directories[side])} for side in Side}
            pair.both("setup_cache", dict.fromkeys(Side, timeout), arguments)
            self.made[key] = directories
        except PairError as failure:
            force = True
            reasons = {side: f"setup_cache: {reason}" for side, reason in failure.reasons.items()}
            self.failed[key] = PairError(reasons, fatal=False)
            raise self.failed[key] from failure
        except BaseException:
            force = True
            raise
        finally:
            pair.close(force=force)
