"""What may start when: any order of ends gives every stage once, after what it needs, the last one last."""

from __future__ import annotations

import random

import pytest

from observatudo.parallel.plan import Plan

ORDER = ["places", "a", "b", "join", "other", "record"]
NEEDS = {"a": {"places"}, "b": {"places"}, "join": {"a", "b"}, "record": {"join"}}


def test_stages_start_in_serial_order_as_soon_as_what_they_need_is_complete() -> None:
    plan = Plan(ORDER, NEEDS, "record")
    assert (plan.next(), plan.next(), plan.next()) == ("places", "other", None)
    plan.done("places")
    assert (plan.next(), plan.next(), plan.next()) == ("a", "b", None)
    plan.done("b")
    assert plan.next() is None
    plan.done("a")
    assert plan.next() == "join"


def test_the_last_stage_waits_for_those_that_it_does_not_need_too() -> None:
    plan = Plan(["record", "join"], {}, "record")
    assert (plan.next(), plan.next()) == ("join", None)
    plan.done("join")
    assert plan.next() == "record"


def test_a_failure_takes_out_what_needs_it_and_the_last_stage_but_nothing_else() -> None:
    plan = Plan(ORDER, NEEDS, "record")
    assert (plan.next(), plan.next()) == ("places", "other")
    plan.done("places")
    assert plan.next() == "a"
    assert plan.give_up("a") == ["join", "record"]
    assert (plan.next(), plan.next()) == ("b", None)
    assert Plan(ORDER, NEEDS, "record").give_up("other") == ["record"]


def test_nothing_starts_after_the_plan_is_cleared() -> None:
    plan = Plan(ORDER, NEEDS, "record")
    plan.clear()
    assert plan.next() is None


def test_needs_outside_the_run_are_met_already() -> None:
    assert Plan(["a"], NEEDS, "record").next() == "a"


@pytest.mark.parametrize("seed", range(30))
def test_any_graph_is_worked_off_whole(seed: int) -> None:
    chance = random.Random(seed)
    order = [f"s{number}" for number in range(20)]
    needs = {name: {need for need in order[:index] if chance.random() < 0.2} for index, name in enumerate(order)}
    last = chance.choice([name for name in order if not any(name in needs[other] for other in order)])
    plan = Plan(order, needs, last)
    at_work: list[str] = []
    done: list[str] = []
    while len(done) < len(order):
        while len(at_work) < 3 and (name := plan.next()):
            assert needs[name] <= set(done)
            at_work.append(name)
        assert at_work
        done.append(at_work.pop(chance.randrange(len(at_work))))
        plan.done(done[-1])
    assert done[-1] == last
    assert sorted(done) == sorted(order)
