"""The example's service over HTTP: who gets which version, by what model, and what a bad canary does to whom."""

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from canary_http import EVERY, EXAMPLE, POLL, RELEASE, SERIES, SLACK, ask, ask_all, served, users_of, wait_for
from moto_server import BUCKET, MotoServer

from headgate.cli import main
from headgate.rollout import Controller, Ledger, Plan
from headgate.rollout.controller_snapshot import snapshot_name
from headgate.transforms import sliding_polynomial

pytestmark = pytest.mark.slow


def ledger_of(state: Path) -> str:
    return str(state / "rollout.sqlite")


def median(answers: list[httpx.Response]) -> float:
    return statistics.median(one.elapsed.total_seconds() for one in answers)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_a_user_stays_on_one_version_the_one_that_the_plans_share_gives(tmp_path: Path) -> None:
    expected = dict.fromkeys(users_of("canary", 15), "canary") | dict.fromkeys(users_of("stable", 15), "stable")
    with served(tmp_path) as (_, client):
        for _ in range(2):
            assert {user: ask(client, user).json()["version"] for user in expected} == expected
    with served(tmp_path) as (_, client):  # another process, the same release
        assert {user: ask(client, user).json()["version"] for user in expected} == expected


def test_segments_decide_before_the_stage_does(tmp_path: Path) -> None:
    [canary] = users_of("canary", 1)
    many = [f"employee-{number}" for number in range(60)]
    with served(tmp_path) as (_, client):
        public, batch = ask(client, canary, "public"), ask(client, canary, modality="batch")
        assert (public.headers["X-Version"], public.headers["X-Reason"]) == ("stable", "excluded")
        assert (batch.headers["X-Version"], batch.headers["X-Reason"]) == ("sandbox", "segment-sandbox")
        pinned = [ask(client, user, "employee", App="2.1.0") for user in many]
        assert {one.headers["X-Reason"] for one in pinned} == {"pinned"}
        assert 15 <= sum(one.headers["X-Version"] == "canary" for one in pinned) <= 45
        # Without the attribute the rule does not hold, and that is counted; nobody is lost.
        follows = ask(client, canary, "employee")
        assert (follows.headers["X-Version"], follows.headers["X-Reason"]) == ("canary", "assigned")
        assert 'transform_attribute_faults_total{attribute="app",problem="missing"} 1.0' in client.get("/metrics").text
        anonymous = ask(client, "")
        assert (anonymous.headers["X-Version"], anonymous.headers["X-Reason"]) == ("stable", "no-unit")


@pytest.mark.parametrize("version", ["stable", "canary"])
def test_the_answer_is_made_with_the_models_of_the_version_and_of_the_customer(tmp_path: Path, version: str) -> None:
    [user] = users_of(version, 1)
    with served(tmp_path) as (service, client):
        for customer in ("consumer", "business"):
            model = json.loads((EXAMPLE / "parameters" / version / f"{customer}.json").read_text())
            expected = sliding_polynomial(np.array(SERIES), model["window"], coefficients=model["coefficients"])
            assert ask(client, user, customer).json()["result"] == expected.tolist()
        assert sorted(service.models) == [f"{version}/business", f"{version}/consumer"]  # and no others were loaded


def test_parameters_are_loaded_once_however_many_ask_at_once(tmp_path: Path) -> None:
    users = users_of("stable", 40) + users_of("canary", 40)
    with served(tmp_path) as (service, client):
        assert len(service.models) == 0
        assert {one.status_code for one in ask_all(client, users).values()} == {200}
        assert service.models.stats().loads == 2


def test_parameters_in_s3_are_loaded_by_the_same_code(
    tmp_path: Path, moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    moto_server.put({"models/stable/consumer.json": b'{"window": 2, "coefficients": [1]}'})
    for name, value in (moto_server.environment | {"AWS_ENDPOINT_URL": moto_server.endpoint}).items():
        monkeypatch.setenv(name, value)
    [stable], [canary] = users_of("stable", 1), users_of("canary", 1)
    with served(tmp_path, parameters=f"s3://{BUCKET}/models/{{key}}.json") as (_, client):
        assert ask(client, stable).json()["result"] == [0, 3, 4, 5, 5, 6, 14, 11, 8, 11]
        assert ask(client, canary).status_code == 500  # the canary's are missing: its users' failures, and its own


@pytest.mark.parametrize("fault", ["error", "slow"])
def test_a_bad_canary_is_halted_in_the_stated_time_and_stable_does_not_notice(tmp_path: Path, fault: str) -> None:
    stable, canary = users_of("stable", 120), users_of("canary", 30)
    # In random order and few at once, as users come: were the slow arm's answers all to come last, its users would look
    # lost at first, and not slow.
    users = random.Random(1).sample([*stable, *canary], 150)
    with served(tmp_path) as (_, client):
        answers = ask_all(client, users, at_once=4, Demo_Fault=fault)
        told = time.time()
        wait_for(lambda: ask(client, canary[0]).headers["X-Version"] == "stable", EVERY + POLL + SLACK)
        halt = client.get("/release").json()["halt"]
        assert halt["time"] - told <= EVERY + SLACK
        # It may halt while they still come: then some of the canary's users are on stable already, and fare well too.
        assert {(answers[user].status_code, answers[user].headers["X-Version"]) for user in stable} == {(200, "stable")}
        assert {answers[user].headers["X-Version"] for user in canary} >= {"canary"}
        if fault == "slow":  # by 0.1 s; whatever else the machine does, it does to both
            slow = [answers[user] for user in canary if answers[user].headers["X-Version"] == "canary"]
            assert median([answers[user] for user in stable]) + 0.05 < median(slow)
        assert "latency" in halt["reason"] or (fault == "error" and "served" in halt["reason"])
        # From now on all are on stable, whoever they are, and the answer is stable's.
        after = ask_all(client, [*canary, *stable[:10]], Demo_Fault=fault)
        assert {(one.status_code, one.headers["X-Version"]) for one in after.values()} == {(200, "stable")}
        assert client.get("/healthz").json() == {"status": "ok", "release": "halted"}
    assert main(["rollout", "status", RELEASE, "--ledger", ledger_of(tmp_path)]) == 1


def test_users_on_stable_wait_no_longer_while_the_canary_hangs(tmp_path: Path) -> None:
    stable, canary = users_of("stable", 30), users_of("canary", 15)
    with served(tmp_path, leads=False, answer=4.0) as (_, client), Ledger(ledger_of(tmp_path)) as ledger:
        plan = Plan.from_file(EXAMPLE / "headgate.toml")
        controller = Controller(ledger, plan, RELEASE, snapshot=tmp_path / snapshot_name(RELEASE))
        controller.start()
        wait_for(lambda: ask(client, canary[0]).headers["X-Version"] == "canary")
        hang = threading.Thread(target=lambda: hanging.update(ask_all(client, canary, Demo_Fault="hang")))
        hanging: dict[str, httpx.Response] = {}
        hang.start()
        time.sleep(0.2)
        answers = ask_all(client, stable)
        assert hang.is_alive()  # all of them, within the 4 s that the canary's users wait
        assert {one.status_code for one in answers.values()} == {200}
        hang.join()
        assert {one.status_code for one in hanging.values()} == {500}


def test_a_person_halts_from_the_command_line_and_the_services_traffic_ceases(tmp_path: Path) -> None:
    [user] = users_of("canary", 1)
    with served(tmp_path) as (_, client):
        assert ask(client, user).json()["version"] == "canary"
        assert main(["rollout", "halt", RELEASE, "--ledger", ledger_of(tmp_path), "--reason", "orders are lost"]) == 0
        wait_for(lambda: ask(client, user).json()["version"] == "stable", POLL + SLACK)
        assert ask(client, user).headers["X-Reason"] == "halted"


def test_an_override_moves_the_release_on_and_nobody_goes_back(tmp_path: Path) -> None:
    before, joins = users_of("canary", 5), set(users_of("canary", 30, stage=1)) - set(users_of("canary", 30))
    words = ["--reason", "seen in the sandbox", "--expires", "10min"]
    with served(tmp_path) as (_, client):
        assert main(["rollout", "override", RELEASE, "advance", "--ledger", ledger_of(tmp_path), *words]) == 0
        wait_for(lambda: client.get("/release").json()["stage"] == 1)
        wait_for(lambda: ask(client, min(joins)).json()["version"] == "canary", POLL + SLACK)
        assert {ask(client, user).json()["version"] for user in [*before, *joins]} == {"canary"}


def test_without_a_readable_snapshot_everybody_is_on_stable(tmp_path: Path) -> None:
    [user] = users_of("canary", 1)
    snapshot = tmp_path / snapshot_name(RELEASE)
    with served(tmp_path, leads=False) as (_, client), Ledger(ledger_of(tmp_path)) as ledger:
        controller = Controller(ledger, Plan.from_file(EXAMPLE / "headgate.toml"), RELEASE, snapshot=snapshot)
        assert client.get("/release").status_code == 503
        assert ask(client, user).headers["X-Reason"] == "no-state"
        controller.start()
        wait_for(lambda: ask(client, user).headers["X-Version"] == "canary", POLL + SLACK)
        for damage in (snapshot.unlink, lambda: snapshot.write_text("{"), lambda: snapshot.write_text("[]")):
            damage()
            wait_for(lambda: ask(client, user).headers["X-Version"] == "stable", POLL + SLACK)
            assert ask(client, user).headers["X-Reason"] == "no-state"
            controller.publish()
            wait_for(lambda: ask(client, user).headers["X-Version"] == "canary", POLL + SLACK)


def test_after_kill_9_of_the_controller_everybody_is_on_stable_until_another_leads(tmp_path: Path) -> None:
    [user], max_age = users_of("canary", 1), 1.5
    command = [sys.executable, str(EXAMPLE), "lead", "--state", str(tmp_path), "--every", "0.2", "--max-age", "1.5"]
    with served(tmp_path, leads=False) as (_, client):
        for _ in range(2):
            leader = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            try:
                wait_for(lambda: ask(client, user).headers["X-Version"] == "canary", 60.0)
                os.kill(leader.pid, signal.SIGKILL)
                wait_for(lambda: ask(client, user).headers["X-Version"] == "stable", max_age + POLL + SLACK)
                assert ask(client, user).headers["X-Reason"] == "stale-state"
            finally:
                leader.kill()
                leader.wait()


def test_the_readmes_commands_show_a_halt(tmp_path: Path) -> None:
    from socket import create_server

    with create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    script = [sys.executable, str(EXAMPLE)]
    serve = subprocess.Popen(
        [*script, "serve", "--faults", "--port", port, "--every", "0.2", "--poll", "0.2"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert serve.stdout is not None
        assert serve.stdout.readline().startswith("http://127.0.0.1:")
        play = [*script, "play", "--port", port, "--healthy", "1", "--broken", "6", "--rate", "100"]
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/healthz"), 60.0)
        done = subprocess.run(play, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert "halted: " in done.stdout
        assert "stable: " in done.stdout
        assert ", 0 failed" in done.stdout.partition("stable: ")[2].splitlines()[0]
    finally:
        serve.terminate()
        assert serve.wait(timeout=30) in {0, -signal.SIGTERM}
        serve.stdout.close()


def test_traffic_for_a_service_that_is_not_there_is_refused_with_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "play", "--port", "1"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert "no service on port 1" in done.stdout
    assert "serve --faults" in done.stdout
