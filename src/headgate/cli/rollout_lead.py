"""`headgate rollout lead`: the controller of a release: it looks at the evidence, acts on it, and tells the routers."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from headgate.cli import ExitCode
from headgate.cli.arguments import time_argument
from headgate.cli.rollout_common import add_release_arguments, open_controller, print_lines
from headgate.cli.rollout_notify import add_webhook_arguments, webhook_of
from headgate.cli.streams import say
from headgate.errors import HeadgateError, UsageError
from headgate.gates.canary import CanaryState
from headgate.rollout.controller_snapshot import HEARTBEAT_SECONDS, MAX_AGE_SECONDS
from headgate.rollout.controller_turn import Step
from headgate.rollout.plan_numbers import percent_text
from headgate.rollout.recorder import lead

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from headgate.rollout.controller import Controller, Turn
    from headgate.rollout.notify import Notifier
    from headgate.rollout.notify_http import Webhook

HELP = "Lead a release that was started: halt, advance or complete it as its evidence says, until it is halted."
EPILOG = f"""\
Routers believe what they are told for {MAX_AGE_SECONDS:g} s: while nobody leads a release, everybody is on stable.
Run it where the ledger is, under whatever keeps services running; a second one may run beside it, for one holds the
lease. A completed release is led on, for its canary takes all traffic: end it when the new version is the stable one.

exit codes:
  1  the release is halted
  2  no such ledger or release, or a usage error
  4  the ledger cannot be read
  130  ended by Ctrl-C

examples:
  headgate rollout lead checkout-42
  headgate rollout lead checkout-42 --every 1 --ledger /var/lib/checkout/rollout.sqlite
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_release_arguments(parser, snapshot=True)
    parser.add_argument(
        "--every",
        metavar="TIME",
        type=time_argument(1.0, "5s"),
        default=HEARTBEAT_SECONDS,
        help="between two turns; a halt comes at most this late (default: %(default)gs)",
    )
    add_webhook_arguments(parser)


def run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Lead the release; return the exit code."""
    if args.every > MAX_AGE_SECONDS / 2.0:
        raise UsageError(f"--every: {args.every:g} s will not do: expected at most {MAX_AGE_SECONDS / 2.0:g}s")
    webhook, stop = webhook_of(args), threading.Event()
    with open_controller(args) as controller:
        controller.status()  # that there is such a release is said at once
        words, notifier = _Words(args, controller, out, err), _notifier(webhook, controller, err)

        def told(turn: Turn | HeadgateError) -> None:
            words.say(turn)
            if notifier is not None and not isinstance(turn, HeadgateError) and turn.step is not Step.WAITED:
                notifier.wake()  # what others recorded, and what was refused, it looks for by itself
            if not isinstance(turn, HeadgateError) and turn.step is Step.HALTED:
                stop.set()

        try:
            lead(controller, stop, every=args.every, told=told)
        except KeyboardInterrupt:
            err.write(
                "headgate rollout lead: interrupted; unless another leads, everybody is on stable in "
                f"{MAX_AGE_SECONDS:g} s\n"
            )
            return ExitCode.INTERRUPTED
        finally:
            if notifier is not None:
                notifier.close()
    return ExitCode.REGRESSED


def _notifier(webhook: Webhook | None, controller: Controller, err: TextIO) -> Notifier | None:
    """Return what sends notifications from a thread of its own: a receiver that hangs must not hold up a halt."""
    if webhook is None:
        return None
    from headgate.rollout.notify import Notifier

    def report(problem: str) -> None:
        say(err, f"headgate: warning: notifications were not sent, and are tried again: {problem}")

    return Notifier(controller.ledger, controller.release, webhook, report)


class _Words:
    """Says what changed, and nothing of turns that are like the one before."""

    def __init__(self, args: argparse.Namespace, controller: Controller, out: TextIO, err: TextIO) -> None:
        self._args, self._controller, self._out, self._err = args, controller, out, err
        self._last = ""

    def say(self, turn: Turn | HeadgateError) -> None:
        """Print a turn, or what went wrong in it."""
        failed = isinstance(turn, HeadgateError)
        try:
            line = f"no turn, and tried again: {turn}" if isinstance(turn, HeadgateError) else self._line(turn)
        except HeadgateError as error:  # the ledger was there a moment ago; the next turn says more
            failed, line = True, f"{error}"
        if line == self._last:
            return
        self._last = line
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        print_lines(self._args, self._err if failed else self._out, [f"{stamp} {self._args.release}: {line}"])
        (self._err if failed else self._out).flush()

    def _line(self, turn: Turn) -> str:
        state = self._controller.state()
        stages = self._controller.plan.stages
        where = "" if state.stage is None else f", stage {state.stage + 1} of {len(stages)}"
        share = "" if state.stage is None else f" ({percent_text(stages[state.stage].ppm)})"
        what = f"{state.status}{where}{share}"
        if turn.step is Step.WAITED:
            return f"{what}, {turn.decision.state}"
        if turn.step is not Step.HALTED and turn.decision.state is not CanaryState.PASS:
            return f"{what}, on a person's word: the evidence was {turn.decision.state}"
        # The ledger's words, so that the turn that halts and those after it say the same.
        why = "; ".join(turn.decision.reasons) if state.halt is None else f"{state.halt.reason} ({state.halt.actor})"
        return f"{what}, {turn.decision.state}: {why}"
