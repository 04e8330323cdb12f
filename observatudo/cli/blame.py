"""``observatudo blame``: in which versions a cell changed, who changed it, and why.

``--json`` prints ``observatudo.audit.timeline.model.Blame``: ``schema_version``, ``table``, ``key``, ``asked``,
``versions``, ``cut``, ``next_step`` and ``entries``, newest first. An entry has ``commit`` (null: not committed yet),
``before``, ``author``, ``email``, ``date``, ``subject``, ``run``, ``cut``, ``cells`` (``change``, ``key``,
``columns`` with ``column``, ``a``, ``b``), ``label`` (``a``, ``b``), ``causes`` and ``label_causes`` (``kind``,
``path``, ``stage``, ``change``, ``a``, ``b``, ``files`` with ``path``, ``status``, ``commit``), ``unreadable``,
``label_unreadable``, ``or_in`` and ``label_or_in``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.errors import ObservatudoError
from observatudo.i18n import _

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from observatudo.audit.timeline.cells import Condition

_CODE = re.compile(r"\d{1,7}")
_ID = re.compile(r"[a-z0-9_]+")


def blame(
    table: Annotated[str, typer.Argument(help=_("A table: fact_indicador, sidra/pib/observacao, rotulo, …"))],
    revision: Annotated[
        str | None, typer.Argument(metavar="REV", help=_("Up to this revision (default: HEAD and the work tree)."))
    ] = None,
    place: Annotated[
        str | None, typer.Option("--municipio", "--place", help=_("IBGE code of the place, or its name."))
    ] = None,
    indicator: Annotated[
        str | None, typer.Option("--indicador", "--indicator", help=_("Id of the indicator, or words of its name."))
    ] = None,
    year: Annotated[int | None, typer.Option("--ano", "--year", min=1, max=9998, help=_("Only this year."))] = None,
    month: Annotated[int | None, typer.Option("--mes", "--month", min=1, max=12, help=_("Only this month."))] = None,
    day: Annotated[
        str | None, typer.Option("--data", "--date", metavar="AAAA-MM-DD", help=_("Only this date of reference."))
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="COLUMN=VALUE", help=_("Any other column; may be repeated."))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Print who changed a cell, in which version, from what to what, and what changed in its inputs."""
    from observatudo.audit.timeline.cells import Condition
    from observatudo.cli import timeline as shown
    from observatudo.cli.progress import progress
    from observatudo.paths import repository

    root = repository()
    others = [_pair(text) for text in key or []]
    dated = [Condition(("data_referencia", "ano"), str(year), "year")] if year else []
    dated += [Condition(("data_referencia", "mes"), str(month), "month")] if month else []
    dated += [Condition(("data_referencia",), _date(day).isoformat())] if day else []
    if not (place or indicator or dated or others):
        raise typer.BadParameter(_("say which cell: --municipio, --indicador, --ano, or --key COLUMN=VALUE"))
    with progress() as tell:
        from observatudo.audit.timeline import Question
        from observatudo.audit.timeline import blame as find

        names = _named(root, place, indicator)
        question = Question(table, (*names, *dated, *others))
        found = find(root, question, revision, tell)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        shown.blame(found)


def _pair(text: str) -> Condition:
    from observatudo.audit.timeline.cells import Condition

    column, sign, value = text.partition("=")
    if not sign or not column:
        raise typer.BadParameter(_("“{text}” is not COLUMN=VALUE").format(text=text), param_hint="--key")
    return Condition((column,), value)


def _date(text: str) -> date:
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(_("“{text}” is no date: AAAA-MM-DD").format(text=text), param_hint="--data") from None


def _named(root: Path, place: str | None, indicator: str | None) -> list[Condition]:
    """Return the conditions that place and indicator stand for; words are looked up as ``observatudo value`` does."""
    from observatudo.audit.timeline.cells import Condition

    is_plain = (place is None or _CODE.fullmatch(place)) and (indicator is None or _ID.fullmatch(indicator))
    if not is_plain:
        if place is None or indicator is None:
            raise ObservatudoError(
                _("names are looked up for a place and an indicator together; one alone must be a code"),
                where=place or indicator or "",
                next_step=_("add --municipio and --indicador, or give the code"),
            )
        from observatudo.warehouse.lookup import find

        answer = find(root, place, indicator)
        place, indicator = answer.place.id_localidade, answer.indicator.id_indicador
    found = [Condition(("id_indicador",), indicator)] if indicator else []
    return found + ([Condition(("id_municipio", "id_localidade"), place, "place")] if place else [])
