"""Write tests/golden/rollout/places.json: the places of units, as `headgate.rollout.router` documents them.

    python tests/rollout/make_golden.py

The vectors hold for every implementation in every language; a change of one of them is a change of who is on a canary.
"""

import json
from pathlib import Path

from headgate.rollout.router import ASSIGNMENT, PIN, limit, place, release_key

TARGET = Path(__file__).resolve().parents[1] / "golden" / "rollout" / "places.json"
UNITS = [
    "1", "42", "user-000017", "\u00c5ngstr\u00f6m", "A\u030angstro\u0308m",
    "\u540d\u524d", "mail@example.org", "0" * 300, " ",
]  # fmt: skip # twice one word, composed and not: two units
SALTS = [("checkout", "2026-01-01"), ("checkout", "2026-01-02"), ("café", "v1")]
SHARES = [0, 1, 3, 10_000, 50_000, 333_333, 500_000, 999_999, 1_000_000]


def vectors() -> dict:
    rows = [
        {
            "plan": plan,
            "release": release,
            "key": release_key(plan, release).hex(),
            "purpose": purpose.decode(),
            "unit": unit,
            "unit_bytes": unit.encode().hex(),
            "place": str(place(unit, release_key(plan, release), purpose)),
        }
        for plan, release in SALTS
        for purpose in (ASSIGNMENT, PIN)
        for unit in UNITS
    ]
    return {
        "formula": "big-endian uint64 of BLAKE2b(unit, 8 bytes, key SHA-256(plan + '/' + release), person purpose)",
        "note": "numbers above 2**53 are texts: not every JSON reader keeps them",
        "limits": [{"ppm": ppm, "limit": str(limit(ppm))} for ppm in SHARES],
        "places": rows,
    }


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n")
