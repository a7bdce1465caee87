"""The batches of a fold, collected and added some hundred at a time; what does not add up is told, batch by batch."""

from __future__ import annotations

from typing import Any

from headgate.rollout.fold_columns import Irregular, add_columns
from headgate.rollout.fold_sums import Mismatch, add

__all__ = ["MOST_WAITING", "FoldBatches"]

# Batches held before they are added: enough for a column to be worth its overhead, and few enough for the cache.
MOST_WAITING = 64
# As many or fewer are added one by one where they have not one shape; more are halved first.
_FEW = 16


# Of an event of evidence: its seq, its data, its source and its window.
_Batch = tuple[int, dict[str, Any], str, str]


class FoldBatches:
    """Batches on their way into ``sums``, by origin: ``count`` of them wait until the caller asks `add`."""

    def __init__(self, sums: dict[str, Any]) -> None:
        self._sums = sums
        self._waiting: dict[tuple[Any, ...], list[_Batch]] = {}
        self.count = 0

    def take(self, seq: int, data: dict[str, Any], source: str, window: str) -> None:
        """Hold a batch, by the stages that it has: alike batches are added together."""
        shape = data["origin"], *data["stages"]
        waiting = self._waiting.get(shape)
        if waiting is None:
            waiting = self._waiting[shape] = []
        waiting.append((seq, data, source, window))
        self.count += 1

    def add(self) -> list[str]:
        """Add what waits; return what is wrong with it, in the order of the events."""
        wrong: list[tuple[int, str]] = []
        for shape, batches in self._waiting.items():
            self._sums_of(str(shape[0]), batches, wrong)
        self._waiting, self.count = {}, 0
        return [reason for _, reason in sorted(wrong)]

    def _sums_of(self, origin: str, batches: list[_Batch], wrong: list[tuple[int, str]]) -> None:
        try:
            self._sums[origin] = add_columns(self._sums.get(origin), [one[1] for one in batches])
        except Irregular:
            middle = len(batches) // 2
            if len(batches) > _FEW:
                self._sums_of(origin, batches[:middle], wrong)
                self._sums_of(origin, batches[middle:], wrong)
                return
            for seq, data, source, window in batches:
                try:
                    self._sums[origin] = add(self._sums.get(origin), data)
                except Mismatch as mismatch:
                    name = f"source {source!r}, window {window!r}"
                    wrong.append((seq, f"event {seq}: {name} does not add up with the others: {mismatch}"))
