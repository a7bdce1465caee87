"""Webhooks: a signed message for each start, stage change, override, halt and completion, at least once.

The events themselves are the outbox: what was recorded and is not marked as delivered is sent, by whoever delivers
next; a crash between the commit and the message loses nothing, and may send twice. Receivers tell copies by ``id``.

A message is JSON (docs/schemas/rollout-notification-1.schema.json), sent with the header
``Headgate-Signature: t=SECONDS,v1=HEX``: HEX is the HMAC-SHA256, under the shared secret, of SECONDS as it stands in
the header, a full stop, and the body's bytes. A receiver compares in constant time, and refuses times far from its own.

The address is the operator's own, so one in a private network is not refused; redirects are, so that no receiver can
point the sender at another address. Environment proxies are not used.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.errors import HeadgateError
from headgate.rollout.events import Kind
from headgate.rollout.notify_http import Failed, post

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.rollout.events import Event
    from headgate.rollout.ledger import Ledger
    from headgate.rollout.notify_http import Webhook

__all__ = ["NOTIFICATION_SCHEMA", "SIGNATURE_HEADER", "Delivery", "Notifier", "deliver", "message", "signature"]

NOTIFICATION_SCHEMA = "headgate.rollout-notification/1"
SIGNATURE_HEADER = "Headgate-Signature"
_KINDS = (Kind.STARTED, Kind.ADVANCED, Kind.OVERRIDE, Kind.HALTED, Kind.COMPLETED)
# Tries of one message in one call, and the pauses between them: 0.5, 1, 2 s at most, each shortened by chance so that
# many senders do not come back at once.
ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
# How soon a notifier tries again what is still to be sent, twice as long after each failure, up to the longest.
RETRY_SECONDS = 15.0
LONGEST_RETRY_SECONDS = 300.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
  target TEXT NOT NULL, release TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (target, release, seq)
) STRICT, WITHOUT ROWID
"""
_PENDING = """
SELECT seq FROM event WHERE release = ? AND kind <> 'evidence' AND kind <> 'registered'
  AND seq NOT IN (SELECT seq FROM delivery WHERE target = ? AND release = ?) ORDER BY seq
"""


class Delivery(NamedTuple):
    """What a call of `deliver` did: messages sent, messages still to be sent, and why (without any secret)."""

    sent: int
    pending: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Facts:
    plan: str
    plan_hash: str
    version: str


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """Return the value of the signature header for a body sent at ``seconds`` since the epoch."""
    digest = hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def message(event: Event, plan: str, plan_hash: str, version: str) -> dict[str, Any]:
    """Return the message of an event; ``id`` is the event's hash, the same however often it is sent."""
    kept = ("from", "to", "stage", "reason", "decision", "override", "action", "expires")
    return {
        "schema": NOTIFICATION_SCHEMA,
        "id": event.hash,
        "release": event.release,
        "seq": event.seq,
        "kind": event.kind,
        "time": event.time,
        "actor": event.actor,
        "plan": plan,
        "plan_hash": plan_hash,
        "version": version,
        "details": {key: event.payload[key] for key in kept if key in event.payload},
    }


def deliver(
    ledger: Ledger,
    release: str,
    webhook: Webhook,
    *,
    clock: Callable[[], float] = time.time,
    pause: Callable[[float], object] = time.sleep,
) -> Delivery:
    """Send what is recorded of a release and not delivered yet, in order; mark each message once it is accepted.

    A message that the receiver refuses for good (4xx) keeps no other from being sent; a receiver that cannot be reached
    ends the call after `ATTEMPTS` tries. What was not accepted is sent by a later call.

    Parameters
    ----------
    ledger, release
        Whose events.
    webhook
        Where they go.
    clock, pause
        Seconds since the epoch, and how to wait.
    """
    target = webhook.target
    with ledger.transaction() as connection:
        connection.execute(_SCHEMA)
        due = [row[0] for row in connection.execute(_PENDING, (release, target, release))]
    sent, problem = 0, ""
    if not due:
        return Delivery(0, 0)
    known = {event.seq: event for event in ledger.decisions(release) if event.kind in (*_KINDS, Kind.REGISTERED)}
    facts = _facts(known)
    for seq in due:
        body = json.dumps(message(known[seq], facts.plan, facts.plan_hash, facts.version), ensure_ascii=True).encode()
        try:
            _send(webhook, known[seq].hash, body, clock, pause)
        except Failed as failed:
            problem = str(failed)
            if failed.again:
                break
            continue
        with ledger.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO delivery VALUES (?, ?, ?)", (target, release, seq))
        sent += 1
    return Delivery(sent, len(due) - sent, problem)


def _send(
    webhook: Webhook, event_id: str, body: bytes, clock: Callable[[], float], pause: Callable[[float], object]
) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        # Signed for each try: a receiver refuses an old time.
        headers = {
            "Content-Type": "application/json",
            "Headgate-Event": event_id,
            SIGNATURE_HEADER: signature(webhook.secret, int(clock()), body),
        }
        try:
            post(webhook, body, headers)
        except Failed as failed:
            if not failed.again or attempt == ATTEMPTS:
                raise
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1))
            pause(longest * (0.5 + secrets.randbelow(1000) / 2000))
        else:
            return


def _facts(known: dict[int, Event]) -> _Facts:
    first = next((event.payload for event in known.values() if event.kind == Kind.REGISTERED), {})
    return _Facts(first.get("plan", {}).get("name", ""), first.get("plan_hash", ""), first.get("version", ""))


class Notifier:
    """Delivers in a thread of its own, so that no receiver can hold up a controller.

    Call `wake` after each change; `close` tries once more what is due, for as long as the webhook's time-outs allow.
    """

    def __init__(self, ledger: Ledger, release: str, webhook: Webhook, report: Callable[[str], object]) -> None:
        self._ledger, self._release, self._webhook, self._report = ledger, release, webhook, report
        self._due, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="headgate-notifier", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look for what is to be sent now."""
        self._due.set()

    def close(self, seconds: float = 10.0) -> None:
        """End the thread, waiting for at most ``seconds``; what was not sent stays due."""
        self._closed.set()
        self._due.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        said, failures = "", 0
        while True:
            self._due.wait(min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2.0 ** min(failures, 10)))
            self._due.clear()
            last = self._closed.is_set()
            try:
                problem = deliver(self._ledger, self._release, self._webhook, pause=self._closed.wait).problem
            except HeadgateError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001 - told of; a thread that ends here would tell of no halt ever after
                problem = f"{type(error).__name__}: {error}"
            if problem and problem != said:
                self._report(problem)
            said, failures = problem, failures + 1 if problem else 0
            if last:
                return
