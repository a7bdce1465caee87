"""A service with a canary: ``serve`` runs it, ``lead`` runs a controller by itself, ``play`` sends it traffic.

python examples/canary_service serve --faults
python examples/canary_service play
"""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path

from transform_service import HERE, Settings, told

from headgate.errors import HeadgateError


def main() -> int:
    """Run one of the three."""
    args = _parser().parse_args()
    logging.basicConfig(format="%(asctime)s %(name)s: %(message)s")
    run = {"serve": _serve, "lead": _lead, "play": _play}[args.what]
    try:
        return run(args)
    except HeadgateError as error:
        print(f"canary_service: {error}")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    serve = commands.add_parser("serve", help="run the service, on this machine alone")
    lead = commands.add_parser("lead", help="lead the release from a process of its own (with serve --no-lead)")
    for one in (serve, lead):
        one.add_argument("--release", default="transform-1", help="the release's name (default: %(default)s)")
        one.add_argument("--plan", type=Path, default=HERE / "headgate.toml", help="the plan's file")
        one.add_argument("--state", type=Path, default=Path("canary-state"), help="where ledger and snapshot are")
        one.add_argument("--every", type=float, default=1.0, help="seconds between the controller's turns")
        one.add_argument("--max-age", type=float, default=20.0, help="seconds for which a snapshot is believed")
    serve.add_argument("--port", type=int, default=8000)
    serve.add_argument("--poll", type=float, default=1.0, help="seconds between looks at the snapshot")
    serve.add_argument("--parameters", default=Settings.parameters, help="as s3://bucket/models/{key}.json")
    serve.add_argument("--no-lead", dest="leads", action="store_false", help="record evidence; `lead` decides")
    serve.add_argument("--faults", action="store_true", help="the canary fails or is slow where a request asks for it")
    play = commands.add_parser("play", help="send users' requests for some seconds; the canary breaks half way")
    play.add_argument("--port", type=int, default=8000)
    play.add_argument("--healthy", type=float, default=20.0, help="seconds before the canary breaks")
    play.add_argument("--broken", type=float, default=10.0, help="seconds after that")
    play.add_argument("--rate", type=float, default=150.0, help="requests a second")
    play.add_argument("--fault", choices=["error", "slow", "hang"], default="error", help="how it breaks")
    play.add_argument("--prefix", default="user", help="users' names begin with it; new users are new evidence")
    return parser


def _serve(args: argparse.Namespace) -> int:
    import uvicorn
    from transform_app import create_app
    from transform_service import TransformService

    names = ("release", "plan", "state", "parameters", "every", "poll", "max_age", "leads", "faults")
    service = TransformService(Settings(**{name: getattr(args, name) for name in names}))
    print(f"http://127.0.0.1:{args.port}; release {args.release}, its ledger {args.state}/rollout.sqlite", flush=True)
    uvicorn.run(create_app(service), host="127.0.0.1", port=args.port, log_level="warning")
    return 0


def _lead(args: argparse.Namespace) -> int:
    from headgate.rollout import Controller, Ledger, Plan, lead
    from headgate.rollout.controller_snapshot import snapshot_name

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    args.state.mkdir(parents=True, exist_ok=True)
    snapshot = args.state / snapshot_name(args.release)
    with Ledger(args.state / "rollout.sqlite") as ledger:
        controller = Controller(
            ledger, Plan.from_file(args.plan), args.release, snapshot=snapshot, max_age=args.max_age
        )
        controller.start()
        print(f"leading {args.release}", flush=True)
        lead(controller, stop, every=args.every, told=told())
        controller.close()
    return 0


def _play(args: argparse.Namespace) -> int:
    import asyncio

    from transform_play import play

    return asyncio.run(play(args))


raise SystemExit(main())
