"""The webhook of `headgate rollout`'s subcommands: from options and the environment, never from the plan's file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli.streams import say
from headgate.errors import HeadgateError, InputError, UsageError
from headgate.report.wording import count

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from headgate.rollout.controller import Controller
    from headgate.rollout.notify_http import Webhook

__all__ = ["SECRET_VARIABLE", "URL_VARIABLE", "add_webhook_arguments", "notify", "webhook_of"]

URL_VARIABLE = "HEADGATE_WEBHOOK_URL"
SECRET_VARIABLE = "HEADGATE_WEBHOOK_SECRET"
_LARGEST_SECRET = 4096


def add_webhook_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the webhook's options."""
    group = parser.add_argument_group(
        "webhook",
        f"the address is $${URL_VARIABLE}, its secret $${SECRET_VARIABLE} or in a file; see docs/rollout.md".replace(
            "$$", "$"
        ),
    )
    group.add_argument(
        "--webhook-secret-file", metavar="FILE", help="a file with the secret that messages are signed with"
    )
    group.add_argument(
        "--webhook-allow-http", action="store_true", help="let messages go in the clear to other machines"
    )


def webhook_of(args: argparse.Namespace) -> Webhook | None:
    """Return the webhook that the environment and the options name; None where there is none.

    Raises
    ------
    UsageError, InputError
        The address, the secret or its file will not do.
    """
    url = os.environ.get(URL_VARIABLE, "")
    if not url:
        return None
    from headgate.rollout.notify_http import Webhook

    return Webhook(url, _secret(args.webhook_secret_file), allow_http=args.webhook_allow_http)


def notify(webhook: Webhook | None, controller: Controller, err: TextIO) -> None:
    """Send what is due; a receiver that does not answer is told of, and changes no exit code."""
    if webhook is None:
        return
    from headgate.rollout.notify import deliver

    try:
        done = deliver(controller.ledger, controller.release, webhook)
    except HeadgateError as error:
        say(err, f"headgate: warning: notifications were not sent: {error}")
        return
    if done.pending:
        waiting = count(done.pending, "notification")
        say(err, f"headgate: warning: {waiting} not sent, the next command tries again: {done.problem}")


def _secret(file: str | None) -> bytes:
    if file is None:
        secret = os.environ.get(SECRET_VARIABLE, "")
        if not secret:
            raise UsageError(f"webhook: no secret; set {SECRET_VARIABLE}, or give --webhook-secret-file")
        return secret.encode("utf-8", "surrogateescape")  # the bytes that the environment has
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(_LARGEST_SECRET + 1)
    except OSError as error:
        raise InputError(
            f"--webhook-secret-file: {file}: cannot be read ({error.strerror or error}); check the path and its "
            "permissions"
        ) from error
    if len(data) > _LARGEST_SECRET:
        raise InputError(f"--webhook-secret-file {file}: more than {_LARGEST_SECRET} bytes; give the secret's own file")
    return data.strip()
