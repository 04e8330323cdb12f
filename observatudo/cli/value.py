"""``observatudo value``: the values of an indicator in a place, and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from observatudo.warehouse.lookup import Answer, Origin, Value


def value(
    place: Annotated[str, typer.Argument(help=_("A municipality, state or “Brasil”, by name or IBGE code."))],
    indicator: Annotated[str, typer.Argument(help=_("Words of the indicator's name, or its id."))],
    year: Annotated[int | None, typer.Option("--ano", "--year", help=_("Only this year."))] = None,
    uf: Annotated[
        str | None, typer.Option("--uf", help=_("The place's state, where a name is found in several."))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Print the values of an indicator in a place, and where they come from."""
    from observatudo.paths import repository
    from observatudo.warehouse.lookup import find

    answer = find(repository(), place, indicator, year=year, uf=uf)
    if as_json:
        _print_json(answer)
    else:
        _show(answer)


def _print_json(answer: Answer) -> None:
    import json
    from dataclasses import asdict

    typer.echo(json.dumps(asdict(answer), indent=2, ensure_ascii=False, default=str))


def _show(answer: Answer) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    where = f"{answer.place.nome} ({answer.place.sigla_uf or answer.place.nivel})"
    console.print(f"{answer.indicator.nome} · {where} · {answer.indicator.eixo}", style="bold")
    console.print(_table(answer))
    populations = {(value.populacao, value.ano_populacao) for value in answer.values if value.valor_por_mil}
    for population, known in populations:
        console.print(_("population {people:,} ({year})").format(people=population, year=known))
    for each in answer.corrections:
        console.print(
            _("corrected {day}: “{old}” → “{new}”: {reason} ({who}, {when}; {source})").format(
                day=each.data_referencia,
                old=each.valor_publicado,
                new=each.valor_corrigido,
                reason=each.motivo,
                who=each.quem,
                when=each.quando,
                source=each.fonte,
            )
        )
    _show_origin(console, answer.origin)
    for note in answer.notes:
        console.print(note)


def _table(answer: Answer) -> Table:
    from rich.table import Table

    rated = any(value.valor_por_mil is not None for value in answer.values)
    table = Table(box=None, pad_edge=False)
    table.add_column(_("period"))
    table.add_column(answer.indicator.unidade or _("value"), justify="right")
    if rated:
        table.add_column(_("per thousand"), justify="right")
    for value in answer.values:
        rate = [_rate(value)] if rated else []
        table.add_row(_period(value), _number(value), *rate)
    return table


def _period(value: Value) -> str:
    return str(value.data_referencia)[:4] if value.periodicidade == "anual" else str(value.data_referencia)[:7]


def _number(value: Value) -> str:
    if value.valor is None:
        return value.valor_texto or value.justificativa or "–"
    return f"{value.valor:,.12g}"


def _rate(value: Value) -> str:
    return "–" if value.valor_por_mil is None else f"{value.valor_por_mil:.3f}"


def _show_origin(console: Console, origin: Origin) -> None:
    console.print(_("from     {title}, {publisher}").format(title=origin.title, publisher=origin.publisher))
    console.print(_("dataset  {dataset}").format(dataset=origin.dataset))
    console.print(_("snapshot of {date}").format(date=origin.fetched_at))
    for name, sha256 in origin.files.items():
        console.print(f"         {name} {sha256[:12]}")
    console.print(_("licence  {names}").format(names="; ".join(origin.licenses)))
    console.print(_("cite     {citation}").format(citation=origin.citation))
    console.print(_("version  {commit}").format(commit=_commit(origin)))


def _commit(origin: Origin) -> str:
    if origin.commit is None:
        return _("not committed yet")
    return (
        origin.commit[:10]
        if origin.committed
        else _("not committed yet; last {commit}").format(commit=origin.commit[:10])
    )
