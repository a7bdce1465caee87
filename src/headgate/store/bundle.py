"""The evidence bundle: everything a verdict was derived from, so that anyone can derive it again, offline."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError, UsageError
from headgate.gates.commit import plan_for
from headgate.gates.policy_input import policy_from_json
from headgate.gates.run import decide_run
from headgate.model import BenchmarkId, BenchmarkSpec, Round  # noqa: TC001 - from_plain reads the types at run time
from headgate.stats.sequential import Plan  # noqa: TC001 - as above
from headgate.store.files import write_atomic
from headgate.store.packing import pack, read_bounded, unpack
from headgate.store.records import from_plain, to_plain
from headgate.store.seal import Seal, canonical, sha256
from headgate.store.verdict_json import verdict_from_json, verdict_to_json

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from headgate.gates.policy import Policy
    from headgate.model import Comparison, Verdict

    # headgate.gates.commit.decide, which takes `final` by name.
    Decide = Callable[..., Sequence[Comparison]]

__all__ = [
    "EVIDENCE_SCHEMA",
    "Evidence",
    "evidence_from_bytes",
    "evidence_to_bytes",
    "read_evidence",
    "rederive",
    "write_evidence",
]

EVIDENCE_SCHEMA = "headgate.evidence/1"
_SEAL = Seal(
    predicate_type="urn:headgate:evidence:1",
    schema=EVIDENCE_SCHEMA,
    parts=("samples", "benchmarks", "failures", "policy", "plan", "facts", "verdict"),
)
# Enough to see what is wrong; a changed policy differs in every comparison.
_MAX_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict was derived from, and the verdict.

    ``specs`` are the benchmarks compared; ``rounds`` are in the order in which they were taken; ``failures`` says why a
    benchmark has no evidence; ``partial`` is `decide_run`'s; ``versions`` names what measured and decided;
    ``interrupted`` says that Ctrl-C ended it, whose look is none of the plan's. The hardware is the verdict's.
    """

    verdict: Verdict
    rounds: Mapping[BenchmarkId, Sequence[Round]]
    specs: Sequence[BenchmarkSpec]
    failures: Mapping[BenchmarkId, str]
    policy: Policy
    plan: Plan
    partial: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class _Samples:
    benchmark: BenchmarkId
    rounds: tuple[Round, ...]


@dataclass(frozen=True, slots=True)
class _Failure:
    benchmark: BenchmarkId
    reason: str


@dataclass(frozen=True, slots=True)
class _Facts:
    partial: bool
    versions: dict[str, Any]
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class _Typed:
    """The parts whose types dataclasses state; the policy and the verdict have readers of their own."""

    samples: tuple[_Samples, ...]
    benchmarks: tuple[BenchmarkSpec, ...]
    failures: tuple[_Failure, ...]
    plan: Plan
    facts: _Facts


def evidence_to_bytes(evidence: Evidence) -> bytes:
    """Return the bundle as canonical JSON; equal evidence gives equal bytes."""
    typed = _Typed(
        samples=tuple(_Samples(key, tuple(evidence.rounds[key])) for key in sorted(evidence.rounds)),
        benchmarks=tuple(evidence.specs),
        failures=tuple(_Failure(key, evidence.failures[key]) for key in sorted(evidence.failures)),
        plan=evidence.plan,
        facts=_Facts(evidence.partial, dict(evidence.versions), evidence.interrupted),
    )
    verdict = verdict_to_json(evidence.verdict)
    parts = to_plain(typed) | {"policy": evidence.policy.to_json(), "verdict": verdict}
    return _SEAL.close(parts, _subject(evidence.verdict, sha256(canonical(verdict))))


def evidence_from_bytes(data: bytes, source: str | os.PathLike[str]) -> Evidence:
    """Return the evidence in a bundle's bytes, having checked every hash and type.

    Raises
    ------
    InputError
        Not a bundle, a newer one, truncated, nested too deeply, or changed since it was written.
    """
    parts = _SEAL.open(data, source)
    policy, verdict = parts.pop("policy"), parts.pop("verdict")
    typed = from_plain(_Typed, parts, f"{source}: parts")
    return Evidence(
        verdict=verdict_from_json(verdict, f"{source}: verdict"),
        rounds={item.benchmark: item.rounds for item in typed.samples},
        specs=typed.benchmarks,
        failures={item.benchmark: item.reason for item in typed.failures},
        policy=_policy(policy, source),
        plan=typed.plan,
        partial=typed.facts.partial,
        versions={key: str(value) for key, value in typed.facts.versions.items()},
        interrupted=typed.facts.interrupted,
    )


def write_evidence(path: str | os.PathLike[str], evidence: Evidence) -> None:
    """Write the bundle to ``path``, atomically; compressed where the name ends in ``.gz``.

    Raises
    ------
    InputError
        The file cannot be written, or the evidence is larger than `read_evidence` would accept.
    """
    write_atomic(path, pack(evidence_to_bytes(evidence), path))


def read_evidence(path: str | os.PathLike[str]) -> Evidence:
    """Return the evidence in the bundle ``path``, compressed or not, in bounded memory.

    Raises
    ------
    InputError
        The file cannot be read, is too large, is no bundle, or has been changed.
    """
    return evidence_from_bytes(unpack(read_bounded(path), path), path)


def rederive(evidence: Evidence, decide: Decide) -> tuple[Verdict, tuple[str, ...]]:
    """Derive the verdict again from the samples; return it, and how it differs from the recorded one.

    What samples cannot give (sides, hardware, wall time, the run's warnings) is taken over; the comparisons, the state
    and its reasons are derived. No differences means that they agree to the last bit.
    """
    recorded = evidence.verdict
    decided = decide(
        evidence.rounds,
        evidence.specs,
        evidence.failures,
        evidence.policy,
        evidence.plan,
        final=not evidence.interrupted,
    )
    order = {comparison.benchmark: index for index, comparison in enumerate(recorded.comparisons)}
    comparisons = tuple(sorted(decided, key=lambda item: (order.get(item.benchmark, len(order)), item.benchmark)))
    decision = decide_run(
        comparisons, evidence.policy, added=recorded.added, removed=recorded.removed, partial=evidence.partial
    )
    derived = replace(
        recorded,
        state=decision.state,
        reasons=decision.reasons,
        comparisons=comparisons,
        policy=evidence.policy.to_json(),
    )
    differences = _differences(verdict_to_json(recorded), verdict_to_json(derived), "")
    # The plan is what the policy makes it: another one would decide on other terms than those that are shown.
    made = plan_for(evidence.policy)
    if evidence.plan != made:
        differences = chain((f"plan: recorded {evidence.plan}, the policy makes {made}",), differences)
    return derived, tuple(islice(differences, _MAX_DIFFERENCES))


def _subject(verdict: Verdict, digest: str) -> list[dict[str, Any]]:
    """Return what the statement is about: the verdict, and the commits it compared where there are commits."""
    sides = (("baseline", verdict.baseline.commit), ("candidate", verdict.candidate.commit))
    commits = [{"name": name, "digest": {"gitCommit": commit}} for name, commit in sides if commit]
    return [{"name": "verdict", "digest": {"sha256": digest}}, *commits]


def _policy(data: object, source: str | os.PathLike[str]) -> Policy:
    if not isinstance(data, dict):
        raise InputError(f"{source}: policy: expected an object")
    try:
        return policy_from_json(data, f"{source}: policy")
    except UsageError as error:
        # In a bundle a bad policy is a bad file, not a bad option.
        raise InputError(str(error)) from error


def _differences(recorded: Any, derived: Any, where: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(derived, dict):
        for key in (*recorded, *(key for key in derived if key not in recorded)):
            yield from _differences(recorded.get(key), derived.get(key), f"{where}.{key}" if where else key)
    elif isinstance(recorded, list) and isinstance(derived, list) and len(recorded) == len(derived):
        for index, (old, new) in enumerate(zip(recorded, derived, strict=True)):
            name = new.get("benchmark", index) if isinstance(new, dict) else index
            yield from _differences(old, new, f"{where}[{name}]")
    elif recorded != derived or type(recorded) is not type(derived):
        yield f"{where}: recorded {_show(recorded)}, derived {_show(derived)}"


def _show(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} entries"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
