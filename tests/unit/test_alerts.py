"""Rules over runs: what opens an alert, what keeps it open, what recovers it, and what people do about it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from observatudo.alerts import ledger, settings
from observatudo.alerts.evaluate import evaluate
from observatudo.alerts.facts import Check, DatasetFacts, Disk, History, Indicator, RunFacts, Source, Verified
from observatudo.alerts.model import Acknowledgement
from observatudo.alerts.state import made
from observatudo.alerts.timeline import Opened
from observatudo.errors import ConfigError
from tests.alerting import clean
from tests.conftest import ROOT

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = settings.AlertsFile()
USUAL = DatasetFacts(
    output="0",
    config="declared",
    rows_read=1000,
    rows_kept=990,
    rows_rejected=10,
    match_rate=0.99,
    null_rate=0.1,
    municipalities=500,
    periods=2,
    indicators={"pib": Indicator(990, 100.0, 50.0, "2024", 110.0), "pop": Indicator(990, 7e4, 2e4, "2024", 7e4)},
)


def day(number: float) -> str:
    return (START + timedelta(days=number)).isoformat()


def run(number: int, **changes: object) -> RunFacts:
    """The run of a day, whose dataset is as usual but for the changes; without any, its output is the same too."""
    own = replace(USUAL, output=str(sorted(changes.items(), key=str)), **changes) if changes else USUAL  # type: ignore[arg-type]  # fields by name
    return RunFacts(f"run{number}", day(number), "success", datasets={"a/um": own})


def alerts(*runs: RunFacts, rules: settings.AlertsFile = RULES, **more: object) -> list[Opened]:
    history = History(runs=runs, **more)  # type: ignore[arg-type]  # fields by name
    return evaluate(history, rules, START + timedelta(days=1000))


BROKEN: list[tuple[str, dict[str, object]]] = [
    ("reject_rate", {"rows_rejected": 60}),
    ("match_rate", {"match_rate": 0.95}),
    ("null_rate", {"null_rate": 0.2}),
    ("coverage", {"municipalities": 480}),
    ("rows", {"rows_kept": 800}),
    ("rows", {"rows_kept": 1900}),
    ("magnitude", {"indicators": {"pib": Indicator(990, 1e5, 5e4, "2024", 1.1e5), "pop": USUAL.indicators["pop"]}}),
    ("magnitude", {"indicators": {"pib": Indicator(990, 0.0, 0.0, "2024", 0.0), "pop": USUAL.indicators["pop"]}}),
    ("magnitude", {"indicators": {"pib": replace(USUAL.indicators["pib"], newest_mean=1e5)}}),
]


@pytest.mark.parametrize(("rule", "changes"), BROKEN)
def test_from_the_third_run_on_a_fault_opens_one_alert_which_recovers(rule: str, changes: dict[str, object]) -> None:
    (one,) = alerts(run(1), run(2), run(3, **changes), run(4, **changes), run(5))
    assert (one.rule, one.dataset, one.since_run, one.last_run, one.runs) == (rule, "a/um", "run3", "run4", 2)
    assert one.recovered == day(5)


@pytest.mark.parametrize(("rule", "changes"), BROKEN)
def test_a_fault_that_stands_is_not_learned_as_usual(rule: str, changes: dict[str, object]) -> None:
    (one,) = alerts(run(1), run(2), *(run(number, **changes, config=f"c{number}") for number in range(3, 20)))
    assert (one.rule, one.recovered, one.runs) == (rule, None, 17)
    assert one.on_purpose  # the declaration changed with it


def test_the_same_fault_after_a_recovery_is_another_alert() -> None:
    first, second = alerts(run(1), run(2, match_rate=0.5), run(3), run(4, match_rate=0.5))
    assert first.recovered and not second.recovered
    assert first.id != second.id


def test_indicators_that_break_at_once_are_one_alert_and_a_later_one_another() -> None:
    large = {name: replace(one, mean=one.mean * 1000) for name, one in USUAL.indicators.items()}
    third = Indicator(990, 5.0, 5.5, "2024", 5.0)
    before = {"indicators": {**USUAL.indicators, "novo": third}}
    both = {"indicators": {**large, "novo": third}}
    more = {"indicators": {**large, "novo": replace(third, mean=5000.0)}}
    first, second = alerts(run(1, **before), run(2, **both), run(3, **more))
    assert (first.subject, len(first.findings), first.runs) == (None, 2, 2)
    assert (second.subject, second.since_run) == ("novo", "run3")


def test_whoever_acknowledges_a_level_makes_it_usual() -> None:
    runs = (run(1), run(2), run(3, match_rate=0.8), run(4, match_rate=0.8), run(5, match_rate=0.799), run(6))
    (before,) = evaluate(History(runs=runs[:4]), RULES, START + timedelta(days=3.5))
    marks = {before.id: Acknowledgement("Ana", day(3.5))}
    (one,) = evaluate(History(runs=runs), RULES, START + timedelta(days=9), marks)
    assert (one.id, one.recovered) == (before.id, day(4))


def test_many_runs_in_which_nothing_changes_do_not_narrow_what_is_usual() -> None:
    assert alerts(*(run(number) for number in range(20)), run(20, null_rate=0.12)) == []


def test_what_scatters_widely_may_scatter() -> None:
    rates = (0.1, 0.2, 0.12, 0.25, 0.15, 0.22)
    assert alerts(*(run(number, null_rate=rate) for number, rate in enumerate(rates)), rules=wide()) == []


def wide() -> settings.AlertsFile:
    return settings.AlertsFile(rules=[settings.NullRate(margin=0.101)])


def test_an_exact_limit_holds_without_any_history() -> None:
    rules = settings.AlertsFile(rules=[settings.RejectRate(above=0.005)])
    (one,) = alerts(run(1), rules=rules)
    assert (one.findings[0].bounds.value, one.findings[0].bounds.high) == (0.01, 0.005)


def test_the_first_rule_of_a_kind_that_fits_a_dataset_holds() -> None:
    rules = [settings.RejectRate(datasets=["a/*"], above=0.5), settings.RejectRate(above=0.001)]
    assert alerts(run(1), rules=settings.AlertsFile(rules=[*rules])) == []


def test_a_failed_run_is_over_with_the_next_that_succeeds() -> None:
    failed = RunFacts("run2", day(2), "failed", failed_in="transform", error="a test failed")
    (one,) = alerts(run(1), failed, run(3))
    assert (one.rule, one.subject, one.recovered) == ("run_failed", "transform", day(3))


def asked(number: float, result: str, *, only_asked: bool = False) -> Check:
    return Check("a/um", day(number), result, only_asked=only_asked)


def stale(*checks: Check, days: float = 1000) -> list[tuple[str, str, str | None]]:
    history = History(checks=checks, sources={"a/um": Source("mensal", day(0))})
    found = evaluate(history, RULES, START + timedelta(days=days))
    return [(one.rule, one.findings[0].figure, one.recovered) for one in found]


def test_a_source_that_was_asked_and_had_nothing_new_is_stale_until_it_has() -> None:
    checks = [asked(number, "same") for number in range(1, 60)]
    assert stale(*checks[:38], days=38) == []
    assert stale(*checks, days=60) == [("staleness", "unmoved", None)]
    assert stale(*checks, asked(60, "new"), days=61) == [("staleness", "unmoved", day(60))]


def test_a_source_that_nobody_asks_is_stale_too() -> None:
    assert stale(days=38) == []
    assert stale(days=40) == [("staleness", "unasked", None)]


def test_news_that_nobody_fetches_do_not_count_as_moved() -> None:
    checks = [asked(number, "new", only_asked=True) for number in range(20, 50)]
    assert stale(*checks, days=50) == [("staleness", "waiting", None)]


def test_a_refused_file_is_told_at_once_a_silent_source_the_third_time() -> None:
    assert stale(asked(1, "refused"), days=2) == [("fetch", "refused", None)]
    assert stale(asked(1, "failed"), asked(2, "failed"), days=3) == []
    silent = [asked(number, "failed") for number in (1, 2, 3)]
    assert stale(*silent, asked(4, "same"), days=5) == [("fetch", "failed", day(4))]


def test_what_a_thorough_verify_found_only_a_thorough_one_clears() -> None:
    deep, quick = Verified(day(1), 1, 3, thorough=True), Verified(day(2), 0, 0)
    (one,) = alerts(verified=(deep, quick))
    assert one.recovered is None
    (one,) = alerts(verified=(deep, quick, Verified(day(3), 0, 0, thorough=True)))
    assert one.recovered == day(3)


def test_a_full_disk_and_dbt_tests_and_one_axis_for_all() -> None:
    tests = replace(run(1), dbt_failed=2)
    axes = replace(run(2), labels="x", axes={"a": "Saude", "b": "Saude", "c": "Economia"})
    found = alerts(run(0), tests, replace(axes, dbt_failed=0), disk=(Disk(day(3), 10**9),))
    told = [(one.rule, one.subject, one.recovered is None) for one in found]
    assert told == [("dbt_tests", None, False), ("label_share", "Saude", True), ("disk", None, True)]


def test_the_alert_of_a_full_disk_keeps_its_id_when_it_is_measured_later() -> None:
    """What is shown before anybody wrote it down is the alert that is acknowledged afterwards."""
    enough, seen, written = Disk(day(1), 10**12), Disk(day(2), 10**9), Disk(day(2.5), 9 * 10**8)
    (shown,), (known,) = alerts(disk=(enough, seen)), alerts(disk=(enough, written))
    assert shown.id == known.id
    (shown,), (known,) = alerts(disk=(seen,)), alerts(disk=(written,))
    assert shown.id == known.id
    first, second = alerts(disk=(seen, Disk(day(3), 10**12), Disk(day(4), 10**9)))
    assert first.id == shown.id != second.id


def test_an_axis_that_goes_to_and_fro_is_seen() -> None:
    axes = ["Saude", "Economia", "Saude", "Economia"]
    runs = [
        replace(run(n), labels=str(n), axes={"x": axis, "y": "Saude", "z": "Financas"}) for n, axis in enumerate(axes)
    ]
    rules = settings.AlertsFile(rules=[settings.Oscillation()])
    (one,) = alerts(*runs, rules=rules)
    assert (one.rule, one.subject, one.since_run) == ("oscillation", "x", "run3")


def test_the_state_is_the_same_from_the_same_and_is_json() -> None:
    now = START + timedelta(days=9)
    history = History(runs=(run(1), run(2, null_rate=0.5), run(3, null_rate=0.5)))
    state = made(history, RULES, ledger.Ledger(), now)
    assert state == made(history, RULES, ledger.Ledger(), now)
    content = json.loads(json.dumps(state.as_dict()))
    (one,) = content["alerts"]
    assert (one["status"], one["severity"], one["since_run"], one["runs"]) == ("open", "warning", "run2", 2)
    assert one["message"] == "a/um: 50.00% of the rows have no value"
    assert one["why"] == "usual: 10.00%, at most 14.50%"


def test_every_rule_has_words(root: Path) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    from tests.alerting import KINDS, faulty

    told = set()
    for seed, kind in enumerate(KINDS):
        state = made(faulty(seed, kind)[0], settings.read(root), ledger.Ledger(), now)
        assert all(one.message and "{" not in one.message + one.why for one in state.alerts)
        told |= {one.rule for one in state.alerts}
    assert told == set(KINDS)


def test_a_clean_year_has_no_alert() -> None:
    assert evaluate(clean(1), RULES, datetime(2025, 12, 16, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: [{rule: stalenes}]", "did you mean “staleness”"),
        ("channels: {x: {env: SLACK_URL}}", "OBSERVATUDO_ALERT_"),
        ("quiet: {begin: '25:00', end: '07:00'}", "begin"),
        ("quiet: {begin: '22:00', end: '07:00', timezone: Brasil}", "no time zone of this name"),
        ("rules: [{rule: null_rate, margin: 3}]", "margin"),
        ("rulez: []", "did you mean “rules”"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / settings.FILE).write_text(text)
    with pytest.raises(ConfigError) as caught:
        settings.read(tmp_path)
    assert told in str(caught.value)


def test_the_repository_s_own_file_has_every_rule_once() -> None:
    from tests.alerting import KINDS

    assert [rule.rule for rule in settings.read(ROOT).rules] == list(KINDS)


def test_a_line_that_a_crash_cut_off_is_passed_by(tmp_path: Path) -> None:
    ledger.append(tmp_path, "acknowledged", alert="x", who="Ana", note="")
    path = tmp_path / ledger.FILE
    path.write_bytes(
        path.read_bytes() + b'{"time": "2026',
    )
    assert list(ledger.read(tmp_path).acknowledged) == ["x"]
    ledger.append(tmp_path, "acknowledged", alert="y", who="Ana", note="")
    assert list(ledger.read(tmp_path).acknowledged) == ["x", "y"]  # the next line is not lost with it


def test_a_line_of_a_time_that_there_is_not_is_passed_by(tmp_path: Path) -> None:
    ledger.append(tmp_path, "verified", exit_code=0, problems=0)
    path = tmp_path / ledger.FILE
    path.write_text(
        path.read_text() + '{"time":"0001-01-01T00:00:00+23:00","event":"verified","exit_code":1,"problems":1}\n'
    )
    assert [one.exit_code for one in ledger.read(tmp_path).verified] == [0]


def test_a_sidecar_whose_time_is_none_stops_no_alert() -> None:
    wrong = {"a/um": Source("anual", "ontem"), "a/dois": Source("anual", day(0))}
    (one,) = alerts(run(1), sources=wrong)
    assert (one.rule, one.dataset) == ("staleness", "a/dois")
