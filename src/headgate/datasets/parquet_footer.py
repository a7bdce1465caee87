"""What a Parquet file's footer tells of its chunks, read here: of a damaged one, pyarrow's accessors end the process.

The footer is Thrift's compact protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md,
of the fields in https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

__all__ = ["Chunk", "chunks_of", "largest_page"]

_TAIL = struct.Struct("<I4s")  # the footer's length, and the magic
# Structs and lists within one another: a footer has some eight.
_DEEPEST = 32
_DICTIONARIES = frozenset({2, 8})  # PLAIN_DICTIONARY, RLE_DICTIONARY
_SHARED_PREFIXES = 7  # DELTA_BYTE_ARRAY


# What is raised here where bytes are not what the format says.
_DAMAGE = (struct.error, LookupError, TypeError, AttributeError)


class Chunk(NamedTuple):
    """A column of a row group: how many values it has, in how many bytes before compression."""

    values: int
    size: int
    dictionary: bool  # values may be kept once and used many times
    prefixes: bool  # a value may be the one before and some more
    rows: int
    text: int  # bytes of its text once decoded, where the writer says so, else 0
    start: int  # of its pages in the file
    stop: int


def chunks_of(content: bytes) -> list[list[Chunk]]:
    """Return the chunks of each row group, in the order of the file's columns.

    Raises
    ------
    ValueError
        The footer is damaged.
    """
    try:
        length, magic = _TAIL.unpack(content[-_TAIL.size :])
        end = len(content) - _TAIL.size
        if magic != b"PAR1" or length > end:
            raise ValueError("no footer")
        footer = _Compact(content[end - length : end]).record()
        return [[_chunk(column[3], group[3]) for column in group[1]] for group in footer[4]]
    except _DAMAGE as error:
        raise ValueError("a damaged footer") from error


def largest_page(content: bytes, chunk: Chunk) -> int:
    """Return the bytes, before compression, of the largest page of ``chunk``: no text in it is longer.

    Raises
    ------
    ValueError
        A page's header is damaged.
    """
    largest, at = 1, chunk.start
    try:
        while at < chunk.stop:
            reader = _Compact(content, at)
            header = reader.record()
            largest = max(largest, header[2])
            at = reader.at + max(header[3], 0)
    except _DAMAGE as error:
        raise ValueError("a damaged page") from error
    return largest


def _chunk(told: dict[int, Any], rows: int) -> Chunk:
    encodings = set(told[2])
    dictionary = 11 in told or not _DICTIONARIES.isdisjoint(encodings)
    start = max(min(told[9], told.get(11) or told[9]), 0)
    return Chunk(
        values=max(told[5], rows, 0),  # flat columns are read to the group's rows, whatever the chunk says
        size=max(told[6], 1),
        dictionary=dictionary,
        prefixes=_SHARED_PREFIXES in encodings,
        rows=max(rows, 0),
        text=max(told.get(16, {}).get(1, 0), 0),
        start=start,
        stop=start + told[7],
    )


class _Compact:
    """A reader of one struct; fields by their numbers."""

    def __init__(self, content: bytes, at: int = 0) -> None:
        self._content = content
        self.at = at

    def record(self, depth: int = 0) -> dict[int, Any]:
        found: dict[int, Any] = {}
        number = 0
        while header := self._byte():
            kind = header & 15
            number = number + (header >> 4) if header >> 4 else self._whole()
            found[number] = kind == 1 if kind in {1, 2} else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")
        if kind in {1, 2, 3}:  # a bool, in a list, or a byte
            return self._byte()
        if kind in {4, 5, 6}:
            return self._whole()
        if kind in {7, 8, 13}:  # a double, text, a UUID
            return self._bytes({7: 8, 13: 16}.get(kind) or self._varint())
        if kind in {9, 10}:
            header = self._byte()
            size = header >> 4 if header >> 4 < 15 else self._varint()
            return [self._value(header & 15, depth + 1) for _ in range(size)]
        if kind == 11:
            size = self._varint()
            kinds = self._byte() if size else 0
            return [(self._value(kinds >> 4, depth + 1), self._value(kinds & 15, depth + 1)) for _ in range(size)]
        if kind == 12:
            return self.record(depth + 1)
        raise ValueError("no kind of value")

    def _byte(self) -> int:
        self.at += 1
        return self._content[self.at - 1]

    def _bytes(self, length: int) -> bytes:
        self.at += length
        if self.at > len(self._content):
            raise ValueError("cut short")
        return self._content[self.at - length : self.at]

    def _varint(self) -> int:
        found = shift = 0
        while (byte := self._byte()) & 128:
            found |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise ValueError("no number")
        return found | byte << shift

    def _whole(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)
