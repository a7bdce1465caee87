"""Pure-Python work: each function does UNITS (of the quick ones, MANY) identical units and nothing else that counts."""

import json
import re

from .units import MANY, UNITS


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def moved(self, by):
        return self.x + by


class Plain:
    def __init__(self):
        self.a = 1
        self.b = 2.0


POINT = Point(3, 4)
PLAIN = Plain()
TABLE = {f"key{i}": i for i in range(100)}
NUMBERS = [(i * 7919) % 64 for i in range(24)]
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon"]
RECORD = {"name": "x", "values": [1, 2, 3], "ok": True}
TEXT = json.dumps(RECORD)
PATTERN = re.compile(r"(\w+)=(\d+)")


def integers():
    a = 1
    for _ in range(MANY):
        a = (a * 31 + 7) % 1000003
        a = (a * 17 + 3) % 1000003
        a ^= a >> 3
    return a


def floats():
    a = 1.0
    for _ in range(MANY):
        a = a * 0.999 + 0.5
        a = a * 0.998 + 0.25
        a = a * 0.997 + 0.125
        a = a * 0.996 + 0.0625
    return a


def attributes():
    p = PLAIN
    a = 0
    for _ in range(MANY):
        a += p.a
        p.b = a
        a += p.a
        p.b = a
    return a


def slots():
    p = POINT
    a = 0
    for _ in range(MANY):
        a += p.x + p.y + p.x + p.y + p.x + p.y
    return a


def dict_reads():
    t = TABLE
    a = 0
    for _ in range(MANY):
        a += t["key1"] + t["key50"] + t["key99"] + t.get("none", 0)
    return a


def dict_writes():
    t = {}
    for _ in range(MANY):
        t["a"] = 1
        t["b"] = 2
        t["c"] = 3
        del t["b"]
    return t


def list_appends():
    for _ in range(MANY):
        a = []
        a.append(1)
        a.append(2)
        a.append(3)
        a.pop()
    return a


def calls():
    def add(a, b):
        return a + b

    a = 0
    for _ in range(MANY):
        a = add(add(add(a, 1), 2), -3)
    return a


def methods():
    p = POINT
    for _ in range(MANY):
        p.moved(1)
        p.moved(2)
        p.moved(3)


def generators():
    a = 0
    for _ in range(UNITS):
        a += sum(i for i in (1, 2, 3, 4))
    return a


def comprehensions():
    for _ in range(UNITS):
        a = [i + 1 for i in NUMBERS]
    return a


def string_joins():
    for _ in range(MANY):
        a = ", ".join(WORDS) + "."
        a = a.upper()
    return a


def string_formats():
    for _ in range(UNITS):
        a = f"{12.5:8.3f} {7:>5} {'name'!r}"
    return a


def string_splits():
    for _ in range(MANY):
        a = "alpha beta gamma delta epsilon".split()
    return a


def sorts():
    for _ in range(UNITS):
        a = sorted(NUMBERS)
    return a


def json_dumps():
    for _ in range(UNITS):
        a = json.dumps(RECORD)
    return a


def json_loads():
    for _ in range(UNITS):
        a = json.loads(TEXT)
    return a


def regexes():
    for _ in range(MANY):
        a = PATTERN.match("width=1024")
    return a.group(2)


def objects():
    for _ in range(UNITS):
        a = Point(1, 2)
        a = Point(a, 3)
        a = Plain()
    return a


def allocations():
    for _ in range(UNITS):
        a = [None] * 200
        a = bytearray(2000)
    return a


def exceptions():
    a = 0
    for _ in range(MANY):
        try:
            raise KeyError
        except KeyError:
            a += 1
    return a


def sets():
    for _ in range(UNITS):
        a = set(NUMBERS) & {1, 2, 3}
    return a
