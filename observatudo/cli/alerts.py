"""``observatudo alerts``: what is wrong, since when and why; ``check`` tells the channels, ``ack`` acknowledges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from observatudo.alerts.model import Alert, State
    from observatudo.alerts.settings import AlertsFile, ChannelSpec

app = typer.Typer(add_completion=False, rich_markup_mode=None)
_COLOURS = {"info": "blue", "warning": "yellow", "critical": "red"}
_SIGNS = {"info": "·", "warning": "!", "critical": "✗"}


@app.callback(invoke_without_command=True)
def alerts(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON: all alerts and channels."))] = False,
    every: Annotated[bool, typer.Option("--all", help=_("Also those that recovered."))] = False,
) -> None:
    """Say what is wrong, since when and why. Exits 0 also when something is."""
    if context.invoked_subcommand is not None:
        return
    import json

    from observatudo import history, paths
    from observatudo.alerts.state import of

    home = paths.home()
    history.close_interrupted(home)
    state = of(home)
    if as_json:
        typer.echo(json.dumps(state.as_dict(), ensure_ascii=False, indent=2))
    else:
        _print(state, every=every)


@app.command(help=_("Look for news and tell the channels of them."))
def check(
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="SEVERITY", help=_("Exit with 1 from this severity on."))
    ] = "",
) -> None:
    """Evaluate the rules and tell every channel what it has not been told.

    Exits 0, with ``--fail-on`` 1 when an alert of that severity or worse is open. A channel that fails is tried again
    at a later check.
    """
    from observatudo import history, paths
    from observatudo.alerts.deliver import check as run
    from observatudo.alerts.settings import SEVERITIES
    from observatudo.readonly import require_writable

    if fail_on and fail_on not in SEVERITIES:
        raise typer.BadParameter(_("one of: {words}").format(words=", ".join(SEVERITIES)), param_hint="--fail-on")
    require_writable("alerts check")
    home = paths.home()
    history.close_interrupted(home)
    state, sent = run(home)
    _print(state, every=False)
    for one in sent:
        if one.error:
            text = _("warning: {channel} was not told: {error}; a later check tries again")
            typer.echo(text.format(channel=one.channel, error=one.error), err=True)
        else:
            text = _("{channel}: told of {opened} alert(s), {recovered} recovered")
            typer.echo(text.format(channel=one.channel, opened=one.opened, recovered=one.recovered))
    worst = max((SEVERITIES.index(one.severity) for one in state.alerts if one.status == "open"), default=-1)
    if fail_on and worst >= [str(name) for name in SEVERITIES].index(fail_on):
        raise typer.Exit(1)


@app.command(help=_("Send a message for trial to one channel or to all."))
def test(
    channel: Annotated[str, typer.Argument(metavar="[CHANNEL]", help=_("Its name in configs/alerts.yaml."))] = "",
) -> None:
    """Send one message for real. Exits 1 when one did not go through."""
    from observatudo import paths
    from observatudo.alerts import deliver, settings
    from observatudo.readonly import require_writable

    require_writable("alerts test")
    home = paths.home()
    chosen = _chosen(settings.read(home), channel)
    errors = {name: deliver.trial(home, name, spec) for name, spec in chosen.items()}
    for name, error in errors.items():
        told = error or _("sent")
        typer.echo(f"{'✗' if error else '✓'} {name}: {told}")
    if any(errors.values()):
        raise typer.Exit(1)


@app.command(help=_("Acknowledge an alert: seen, and what became is usual."))
def ack(
    name: Annotated[str, typer.Argument(metavar="ID", help=_("The alert's id, or the beginning of it."))],
    note: Annotated[str, typer.Option("--note", help=_("What others should know."))] = "",
) -> None:
    """Acknowledge an open alert. It is not told again, and the figures of today are what the next run is held to."""
    from observatudo import journal, paths
    from observatudo.alerts import deliver, ledger, settings
    from observatudo.alerts.state import of
    from observatudo.readonly import require_writable

    require_writable("alerts ack")
    home = paths.home()
    deliver.measure(home, settings.read(home))
    alert = _named(of(home), name)
    ledger.append(home, "acknowledged", alert=alert.id, who=journal.who() or "", note=note)
    typer.echo(_("acknowledged: {message}").format(message=alert.message))


def _chosen(rules: AlertsFile, name: str) -> dict[str, ChannelSpec]:
    from observatudo.errors import ObservatudoError

    if not rules.channels or (name and name not in rules.channels):
        known = ", ".join(rules.channels)
        raise ObservatudoError(
            _("there is no channel {name}").format(name=name) if name else _("no channel is declared"),
            where="configs/alerts.yaml",
            next_step=_("declared: {names}").format(names=known) if known else _("docs/alerts.md tells how to add one"),
        )
    return {name: rules.channels[name]} if name else dict(rules.channels)


def _named(state: State, name: str) -> Alert:
    from observatudo.errors import ObservatudoError

    found = [one for one in state.alerts if name and one.id.startswith(name)]
    if len(found) != 1:
        raise ObservatudoError(
            _("{count} alerts have an id that begins with “{name}”").format(count=len(found), name=name),
            next_step="observatudo alerts --all",
        )
    return found[0]


def _print(state: State, *, every: bool) -> None:
    shown = [one for one in state.alerts if every or one.status == "open"]
    if not shown:
        typer.echo(_("no alert is open"))
    for one in shown:
        _print_alert(one)
    for channel in state.channels:
        ready = _("ready") if channel.ready else _("its variable is not set")
        text = _("channel {name}: {ready}, {count} message(s) wait")
        typer.echo(text.format(name=channel.name, ready=ready, count=channel.waiting))
        if channel.last_error:
            typer.echo("  " + _("its last message failed: {error}").format(error=channel.last_error))
    if any(one.status == "open" and one.acknowledged is None for one in shown):
        typer.echo(_("Next: observatudo alerts ack ID --note …"))


def _print_alert(one: Alert) -> None:
    from observatudo import figures

    sign = "✓" if one.status == "recovered" else _SIGNS[one.severity]
    colour = "green" if one.status == "recovered" else _COLOURS[one.severity]
    typer.echo(f"{typer.style(sign, fg=colour)} {one.id}  {figures.printable(one.message)}")
    if one.why:
        typer.echo(f"    {figures.printable(one.why)}")
    times = _("since {since}, last seen {last}").format(since=figures.moment(one.since), last=figures.moment(one.last))
    if one.recovered:
        times = _("since {since}, recovered {last}").format(
            since=figures.moment(one.since), last=figures.moment(one.recovered)
        )
    typer.echo(f"    {times}")
    if one.acknowledged:
        text = _("acknowledged by {who}: {note}").format(who=one.acknowledged.who, note=one.acknowledged.note)
        typer.echo(f"    {figures.printable(text)}")
