"""Channels told for real: over HTTP and SMTP, held back in quiet hours, tried again, without a secret anywhere."""

from __future__ import annotations

import email
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from observatudo.alerts import channels, deliver, ledger, settings
from observatudo.alerts import state as states
from observatudo.alerts.model import Severity
from observatudo.cli import alerts as command
from observatudo.errors import ObservatudoError
from tests.histories import a_record, keep, repository
from tests.receivers import Webhook, mailbox, webhook

SECRET = "um-segredo-da-equipe"
VARIABLE = "OBSERVATUDO_ALERT_EQUIPE"
PATIENCE = "cto=120&rto=120"  # seconds for Apprise, which gives a service four
MINIMUM: Severity = "warning"
NOW = datetime(2026, 1, 9, 15, tzinfo=UTC)
ERROR = {"stage": "transform", "type": "DataError", "message": "a test failed", "where": "", "next_step": ""}
FILE = """\
rules:
  - {rule: run_failed}
  - {rule: dbt_tests}
channels: {equipe: {env: OBSERVATUDO_ALERT_EQUIPE}}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = repository(tmp_path / "home")
    (found / "configs").mkdir()
    (found / settings.FILE).write_text(FILE)
    monkeypatch.chdir(found)
    return found


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with webhook() as found:
        monkeypatch.setenv(VARIABLE, f"json://ana:{SECRET}@127.0.0.1:{found.port}/{SECRET}?{PATIENCE}")
        yield found


def ran(home: Path, day: int, **changes: object) -> None:
    keep(home, a_record(f"2026010{day}T000000Z-1", **changes))


def failed(home: Path, day: int) -> None:
    ran(home, day, status="failed", error=ERROR)


def setting(home: Path, text: str) -> None:
    (home / settings.FILE).write_text(FILE + text)


def test_opened_and_recovered_are_told_once_each(home: Path, hook: Webhook) -> None:
    failed(home, 1)
    for _again in range(2):
        deliver.check(home, NOW)
    ran(home, 2)
    for _again in range(2):
        deliver.check(home, NOW)
    titles = [(one["title"], one["type"]) for one in hook.messages]
    assert titles == [
        ("Observatudo: a run failed in transform", "failure"),
        ("Observatudo: recovered: a run failed in transform", "success"),
    ]
    assert "a test failed" in hook.messages[0]["message"]


def test_several_are_one_message(home: Path, hook: Webhook) -> None:
    ran(home, 1, status="failed", error=ERROR, dbt={"tests_failed": 2})
    _state, (sent,) = deliver.check(home, NOW)
    assert (sent.opened, sent.error, len(hook.messages)) == (2, "", 1)
    assert "2 alert(s), 0 recovered" in hook.messages[0]["title"]
    assert "dbt: 2 test(s) failed" in hook.messages[0]["message"]


def test_what_recovered_before_anyone_was_told_is_not_told(home: Path, hook: Webhook) -> None:
    failed(home, 1)
    ran(home, 2)
    assert deliver.check(home, NOW)[1] == []
    assert hook.messages == []


def test_mail_arrives_over_smtp(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mailbox() as box:
        address = f"mailto://127.0.0.1:{box.port}?from=obs@example.org&to=ana@example.org&mode=insecure&{PATIENCE}"
        monkeypatch.setenv(VARIABLE, address)
        failed(home, 1)
        _state, (sent,) = deliver.check(home, NOW)
    assert sent.error == ""
    mail = email.message_from_string(box.mails[0])
    assert mail["To"] == "ana@example.org"
    assert "run failed in transform" in str(mail["Subject"])


def test_a_channel_that_fails_is_tried_again_later_and_stops_nothing(home: Path, hook: Webhook) -> None:
    failed(home, 1)
    hook.status = 500
    now = datetime.now(UTC)
    state, (sent,) = deliver.check(home, now)
    assert sent.error == "the service refused it (HTTP 500)"
    assert (state.channels[0].waiting, state.channels[0].last_error) == (1, sent.error)
    _date_last_attempt(home, now, rewrite=True)
    hook.status = 200
    assert deliver.check(home, now + timedelta(minutes=4))[1] == []  # too soon
    state, (again,) = deliver.check(home, now + timedelta(minutes=6))
    assert (again.error, len(hook.messages), state.channels[0].waiting) == ("", 1, 0)


def test_the_wait_doubles_with_each_failure_and_ends_with_a_success(home: Path, hook: Webhook) -> None:
    failed(home, 1)
    hook.status = 500
    now = datetime.now(UTC)
    for minutes, is_tried in ((0, True), (6, True), (15, False), (17, True), (36, False), (38, True)):
        tried = deliver.check(home, now + timedelta(minutes=minutes))[1]
        _date_last_attempt(home, now + timedelta(minutes=minutes), rewrite=bool(tried))
        assert bool(tried) is is_tried, minutes


def _date_last_attempt(home: Path, when: datetime, *, rewrite: bool) -> None:
    """Give the last event the time at which the test says that it happened."""
    if not rewrite:
        return
    path = home / ledger.FILE
    lines = path.read_text().splitlines()
    lines[-1] = json.dumps(json.loads(lines[-1]) | {"time": when.isoformat()})
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(("hour", "is_told"), [(23, False), (3, False), (7, True), (12, True)])
def test_quiet_hours_hold_back_what_is_not_critical(home: Path, hook: Webhook, hour: int, is_told: bool) -> None:
    setting(home, "quiet: {begin: '22:00', end: '07:00', timezone: UTC}\n")
    (home / settings.FILE).write_text(
        (home / settings.FILE).read_text().replace("rule: run_failed", "rule: run_failed, severity: warning")
    )
    failed(home, 1)
    state, sent = deliver.check(home, NOW.replace(hour=hour))
    assert bool(sent) is bool(hook.messages) is is_told
    assert state.channels[0].waiting == int(not is_told)


def test_critical_goes_through_quiet_hours(home: Path, hook: Webhook) -> None:
    setting(home, "quiet: {begin: '22:00', end: '07:00', timezone: UTC}\n")
    failed(home, 1)
    assert deliver.check(home, NOW.replace(hour=3))[1]
    assert hook.messages


def test_an_open_alert_is_told_again_unless_acknowledged(home: Path, hook: Webhook) -> None:
    setting(home, "repeat_days: 7\n")
    failed(home, 1)
    now = datetime.now(UTC)
    state, _sent = deliver.check(home, now)
    assert deliver.check(home, now + timedelta(days=6))[1] == []
    assert len(deliver.check(home, now + timedelta(days=8))[1]) == 1
    result = CliRunner().invoke(command.app, ["ack", state.alerts[0].id[:6], "--note", "known"])
    assert result.exit_code == 0, result.output
    assert deliver.check(home, now + timedelta(days=30))[1] == []


def test_an_alert_that_stands_keeps_its_id_though_more_runs_come_than_are_looked_at(home: Path) -> None:
    setting(home, "runs: 4\n")
    now, ids = datetime(2026, 1, 31, tzinfo=UTC), []
    for number in range(1, 10):
        failed(home, number)
        ids += [alert.id for alert in states.of(home, now).alerts]
    assert len(ids) == 9
    assert len(set(ids)) == 2  # of runs 1 to 7, then of runs 5 and on; not another one with each run


def test_a_failure_of_a_clock_that_was_wrong_holds_nothing_back(home: Path, hook: Webhook) -> None:
    failed(home, 1)
    hook.status = 503
    deliver.check(home, NOW)
    _date_last_attempt(home, NOW + timedelta(days=3000), rewrite=True)
    hook.status = 200
    (sent,) = deliver.check(home, NOW)[1]
    assert not sent.error


def test_a_channel_is_told_from_its_severity_on(home: Path, hook: Webhook) -> None:
    text = (home / settings.FILE).read_text()
    (home / settings.FILE).write_text(
        text.replace("EQUIPE}", "EQUIPE, minimum: critical}").replace(
            "rule: run_failed", "rule: run_failed, severity: warning"
        )
    )
    failed(home, 1)
    assert deliver.check(home, NOW)[1] == []


def test_a_trial_is_sent_for_real(home: Path, hook: Webhook) -> None:
    result = CliRunner().invoke(command.app, ["test"])
    assert (result.exit_code, result.output) == (0, "✓ equipe: sent\n")
    assert hook.messages[0]["title"] == "Observatudo: trial"
    hook.status = 404
    result = CliRunner().invoke(command.app, ["test", "equipe"])
    assert (result.exit_code, result.output) == (1, "✗ equipe: the service refused it (HTTP 404)\n")


def test_an_unknown_channel_is_named(home: Path) -> None:
    result = CliRunner().invoke(command.app, ["test", "time"])
    assert isinstance(result.exception, ObservatudoError)
    assert "declared: equipe" in str(result.exception)


@pytest.mark.parametrize("status", [200, 500, None])
def test_no_secret_is_written_anywhere(
    home: Path, hook: Webhook, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch, status: int | None,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    if status is None:
        monkeypatch.setenv(VARIABLE, f"nosuchthing://{SECRET}")
    hook.status = status or 200
    failed(home, 1)
    state, _sent = deliver.check(home, NOW)
    shown = CliRunner().invoke(command.app, ["--json"]).output
    trial = CliRunner().invoke(command.app, ["test"]).output
    written = "".join(path.read_text(errors="replace") for path in home.rglob("*") if path.is_file())
    out, err = capfd.readouterr()
    for text in (shown, trial, written, out, err, str(state)):
        assert SECRET not in text
    assert not [record for record in caplog.records if SECRET in record.getMessage() and record.name == "observatudo"]


def test_without_its_variable_nothing_is_sent(home: Path) -> None:
    failed(home, 1)
    state, sent = deliver.check(home, NOW)
    assert (sent, state.channels[0].ready, state.channels[0].waiting) == ([], False, 1)


@pytest.mark.parametrize(("severity", "code"), [("critical", 1), ("", 0)])
def test_check_fails_only_where_asked_to(home: Path, severity: str, code: int) -> None:
    failed(home, 1)
    words = ["check", "--fail-on", severity] if severity else ["check"]
    assert CliRunner().invoke(command.app, words).exit_code == code


def test_two_checks_at_once_tell_once(home: Path, hook: Webhook) -> None:
    from filelock import FileLock

    failed(home, 1)
    (home / deliver.LOCK).parent.mkdir(exist_ok=True)
    with FileLock(home / deliver.LOCK):
        state, sent = deliver.check(home, NOW)
    assert (sent, len(state.alerts)) == ([], 1)
    assert len(deliver.check(home, NOW)[1]) == 1


def test_quiet_hours_are_those_of_their_time_zone() -> None:
    hours = settings.Quiet(begin="22:00", end="07:00", timezone="America/Sao_Paulo")
    assert channels.is_quiet(hours, datetime(2026, 1, 1, 9, 59, tzinfo=UTC))  # 06:59 there
    assert not channels.is_quiet(hours, datetime(2026, 1, 1, 10, 0, tzinfo=UTC))


def test_a_run_that_closes_starts_nothing_without_a_receiver(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from observatudo.runs import close

    assert close.NAMES_OF_RECEIVERS[0] == settings.ENVIRONMENT
    for name in (VARIABLE, close.NAMES_OF_RECEIVERS[1]):
        monkeypatch.delenv(name, raising=False)
    failed(home, 1)
    close.tell_others(home, "20260101T000000Z-1")
    assert not (home / ledger.FILE).exists()


def test_a_run_that_closes_tells_from_a_process_of_its_own(
    home: Path, hook: Webhook, capfd: pytest.CaptureFixture[str]
) -> None:
    from observatudo.runs import close

    failed(home, 1)
    hook.status = 500
    close.tell_others(home, "20260101T000000Z-1")
    told = capfd.readouterr().err
    assert "warning: equipe was not told: the service refused it (HTTP 500)" in told
    assert SECRET not in told
