"""The pages about rollouts: releases as data, what is shown of a damaged record, the simulation, and hostile names."""

from __future__ import annotations

import json
import re
import sqlite3
from html.parser import HTMLParser

import pytest
from hostile_texts import HOSTILE
from rollout_releases import headgate, release_plan, units

from headgate.report.rollout_looks import MOST_LOOKS, looks_of
from headgate.report.rollout_view import overview_page, release_page
from headgate.rollout.controller import Controller
from headgate.rollout.ledger import Ledger

START = 1_790_000_000.0
MINUTE = 60.0


class Led:
    """A ledger whose releases are led by hand, a minute a turn."""

    def __init__(self, path):
        self.now = START
        self.ledger = Ledger(path, create=True)

    def lead(self, name, turns, *, worse=1.0, plan=None, actor="pm@host", version="4f2a9c1"):
        plan = plan or release_plan()
        controller = Controller(self.ledger, plan, name, actor=actor, clock=lambda: self.now)
        controller.start(version)
        for turn in range(turns):
            self.now += MINUTE
            state = controller.state()
            if state.status.value != "running":
                break
            controller.record(units(plan, state.stage, 1_500, worse=worse, seed=turn, window=f"{name}-{turn}"))
            controller.step()
        return controller

    def page(self, name):
        return release_page(name, list(self.ledger.events(name)), self.ledger.verify(name))


@pytest.fixture
def led(tmp_path):
    made = Led(tmp_path / "rollout.sqlite")
    with made.ledger:
        yield made


def figures(page):
    return {one.id: one for section in page.sections for one in section.figures}


def table(page, start):
    found = [one for section in page.sections for one in section.tables if one.caption.startswith(start)]
    assert len(found) == 1, start
    return [[cell.text for cell in row] for row in found[0].rows]


def test_a_release_that_passed_shows_its_stages_its_units_and_that_it_is_completed(led):
    led.lead("good", 10)
    page = led.page("good")
    assert (page.state, page.mark) == ("completed", "pass")
    assert "every stage was passed" in page.lede
    shares = figures(page)["timeline"].json["data"][0]
    assert shares["y"][-1] == 100.0
    assert sorted(shares["y"]) == shares["y"], "a stage never shrinks"
    stages = table(page, "Stages")
    assert [row[1] for row in stages] == ["20 %", "50 %", "100 %"]
    # A first batch of 1,500 units at 20 % is 300 of the canary's; each stage passed on one batch.
    assert [row[2:4] for row in stages] == [["1,200", "300"], ["750", "750"], ["0", "1,500"]]
    assert [row[1] for row in table(page, "Each metric")] == ["pass", "pass"]


def test_a_halted_release_says_who_halted_it_why_and_when(led):
    led.lead("bad", 10, worse=2.5)
    page = led.page("bad")
    assert (page.state, page.mark) == ("halted", "regressed")
    assert "halted by pm@host" in page.lede
    assert "errors is worse than tolerated" in page.lede
    marks = {trace["name"]: trace["x"] for trace in figures(page)["timeline"].json["data"][1:]}
    assert set(marks) == {"started", "halted"}
    record = table(page, "The record")
    assert [row[2] for row in record] == ["registered", "started", "evidence", "halted"]
    assert record[-1][3] == "pm@host"


def test_the_e_values_drawn_are_those_that_decided(led):
    # So many units are due that nothing ends it.
    controller = led.lead("bad", 10, worse=1.2, plan=release_plan(minimum_units=10**9))
    rows = {row.name: row for row in controller.evaluate().rows}
    looks, batches = looks_of(controller.plan, list(led.ledger.events("bad")))
    assert len(looks) == batches
    drawn = {row.name: row for row in looks[-1].rows}
    assert drawn["errors"].log_e_halt == rows["errors"].log_e_halt
    figure = figures(led.page("bad"))["evidence-0"].json
    halting = next(trace for trace in figure["data"] if trace["name"].startswith("to halt, largest"))
    assert halting["y"] == sorted(halting["y"]), "the largest so far never falls"
    assert halting["y"][-1] == pytest.approx(min(12.0, rows["errors"].log_e_halt / 2.302585), rel=1e-5)


def test_the_margin_drawn_is_the_stages_own(led):
    metrics = [
        {"name": "errors", "kind": "rate", "margin": "40%", "margins": {"20": "200%"}},
        {"name": "seconds", "kind": "mean", "margin": "50%", "unit": "s"},
    ]
    led.lead("early", 5, plan=release_plan(metrics=metrics))
    figure = figures(led.page("early"))["ratio-0"].json
    drawn = next(trace for trace in figure["data"] if trace["name"].startswith("margin"))
    assert drawn["name"] == "margin, at last 40 % worse"
    assert drawn["y"][0] == 3.0
    assert set(drawn["y"]) == {3.0, 1.4}
    assert table(led.page("early"), "Each metric")[0][6] == "40 %"


@pytest.mark.slow
def test_of_many_batches_an_even_choice_is_drawn_and_the_page_says_so(led):
    plan = release_plan(minimum_units=10**9)
    controller = Controller(led.ledger, plan, "long", actor="a", clock=lambda: led.now)
    controller.start("v")
    for turn in range(MOST_LOOKS + 20):
        led.now += MINUTE
        controller.record(units(plan, 0, 10, seed=turn))
    looks, batches = looks_of(plan, list(led.ledger.events("long")))
    assert (len(looks), batches) == (MOST_LOOKS, MOST_LOOKS + 20)
    assert looks[-1].units == {"canary": 2 * batches, "stable": 8 * batches}
    assert f"n = {batches} batches, of which {MOST_LOOKS} are drawn" in figures(led.page("long"))["evidence-0"].caption


def test_an_override_is_told_with_its_reason_its_actor_and_its_end(led):
    controller = led.lead("word", 0, actor="ann@host")
    controller.override("advance", "the fair opens today", led.now + 3600)
    controller.advance()
    page = led.page("word")
    assert any("the fair opens today" in cell for row in table(page, "Overrides") for cell in row)
    assert [row for row in table(page, "The record") if row[2] == "advanced" and "by override" in row[4]]


def test_of_a_broken_chain_only_the_record_is_shown_and_nothing_is_green(led, tmp_path):
    led.lead("good", 10)
    with sqlite3.connect(tmp_path / "rollout.sqlite") as connection:
        connection.execute("DROP TRIGGER IF EXISTS event_is_never_changed")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute("UPDATE event SET actor = 'mallory' WHERE seq = 2")
    page = led.page("good")
    assert (page.state, page.mark) == ("invalid", "failed")
    assert page.problems
    assert figures(page) == {}
    assert not any("pass" in cell for row in table(page, "The record") for cell in row[1:3])


def test_the_first_page_counts_the_releases_by_how_they_stand(led):
    led.lead("good", 10)
    led.lead("bad", 10, worse=2.5)
    led.lead("young", 0)
    pages = [led.page(name) for name in ("good", "bad", "young")]
    assert overview_page(pages).lede == "3 releases: 1 completed, 1 halted, 1 running."


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, tuple(name for name, _ in attrs if name.startswith("on"))))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_reason_actor_version_or_name_puts_markup_into_a_page_or_ends_its_json(led, tmp_path, text):
    plan = release_plan(name="checkout")
    controller = led.lead("quiet", 1, plan=plan)
    before = Tags(written(led, tmp_path / "quiet")["index.html"]).found
    told = "".join(character for character in text if character.isprintable()) or "x"
    hostile = Controller(led.ledger, plan, "loud", actor=told[:100], clock=lambda: led.now)
    hostile.start(told[:100])
    hostile.record(units(plan, 0, 1_500, window=told[:100] or "w"))
    hostile.halt(told)
    assert controller.plan == plan
    page = written(led, tmp_path / "loud", "loud")["index.html"]
    found = Tags(page).found
    assert not [names for _, names in found if names]
    assert {tag for tag, _ in found} <= {tag for tag, _ in before} | {"b", "small"}
    for block in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL):
        json.loads(block)


def written(led, directory, name="quiet"):
    said = headgate("rollout", "report", name, "--ledger", led.ledger.path, "-o", directory)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"{directory / 'index.html'}\n"
    return {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*.html")}


def test_the_command_writes_a_page_a_release_and_a_first_one(led, tmp_path):
    led.lead("good", 10)
    led.lead("../bad", 10, worse=2.5)
    said = headgate("rollout", "report", "--ledger", led.ledger.path, "-o", tmp_path / "site")
    assert said.code == 0
    pages = sorted(path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.html"))
    assert len(pages) == 3
    assert not (tmp_path / "bad.html").exists()
    first = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{page}"' in first for page in pages if page != "index.html")


def test_a_release_that_is_not_there_and_an_empty_ledger_are_told(led, tmp_path):
    said = headgate("rollout", "report", "--ledger", led.ledger.path, "-o", tmp_path / "site")
    assert (said.code, "has no release yet" in said.err) == (2, True)
    led.lead("good", 1)
    said = headgate("rollout", "report", "god", "--ledger", led.ledger.path, "-o", tmp_path / "site")
    assert said.code == 2
    assert "no release 'god'; it has: good" in said.err
    assert not (tmp_path / "site").exists()
