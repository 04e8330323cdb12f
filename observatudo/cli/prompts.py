"""``observatudo prompts``: what models are told, word for word, and which of two prompts or models is right more often.

``prompts --json`` prints ``observatudo.ask.listing.Listing``. ``prompts show NAME --json`` prints ``name``, ``hash``
(64 hex digits), ``seed``, ``order`` (of the axes) and ``messages`` as they are sent (``role``, ``content``).

``prompts ab --json`` prints ``observatudo.ask.ab.Comparison`` with ``end`` (how the asking ended) and ``waiting``
(answers that are missing): ``a`` and ``b`` are ``Side``, ``agreement`` is ``Together``, ``differences`` and
``suggestion`` are those of ``observatudo.ask.ab_figures``, whose docstrings explain each key. Shares are from 0 to 1.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.classify.names import PROMPT_DIGITS
from observatudo.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from observatudo.ask.ab import Tell
    from observatudo.ask.execution import Progress
    from observatudo.ask.listing import Listing
    from observatudo.classify.prompts import Form, Item
    from observatudo.classify.subjects import Subject

_EXITS = {"completa": 0, "orcamento": 2, "interrompida": 130}  # as of ``ask``; every other end is 1

app = typer.Typer()


@app.callback(invoke_without_command=True)
def prompts(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False
) -> None:
    """List the prompts, who gets them, and how many answers each has; show one; compare two."""
    if context.invoked_subcommand:
        if as_json:
            raise typer.BadParameter(_("--json goes behind the subcommand"))
        return
    from observatudo.ask.listing import listing
    from observatudo.paths import repository

    found = listing(repository())
    if as_json:
        _print_json(found.as_dict())
    else:
        _print_listing(found)


@app.command(help=_("Print what a model is sent, word for word."))
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help=_("The prompt."))],
    indicator: Annotated[
        str | None, typer.Option("--indicator", metavar="ID", help=_("As for this indicator."))
    ] = None,
    text_name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help=_("As for this name."))] = None,
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help=_("And this description."))
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help=_("Decides the order of the axes; 0: the taxonomy's own."))
    ] = 0,
    as_text: Annotated[
        bool, typer.Option("--text", help=_("The form for models that are asked for an axis alone, not for JSON."))
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Print the messages; without an indicator or a name, marks stand for them."""
    from observatudo.ask.listing import require_prompt
    from observatudo.classify.prompts import axis_order, load_prompt
    from observatudo.classify.taxonomy import load_taxonomy
    from observatudo.paths import repository

    if indicator is not None and (text_name is not None or description is not None):
        raise typer.BadParameter(_("--indicator has its own name and description"))
    if description is not None and text_name is None:
        raise typer.BadParameter(_("--description needs --name"))
    root = repository()
    require_prompt(root, name)
    taxonomy = load_taxonomy(root)
    prompt, order = load_prompt(root, name, taxonomy), axis_order(taxonomy, seed)
    item = _item(root, indicator, text_name, description)
    form: Form = "texto" if as_text else "json"
    messages = [("system", prompt.system(order, form)), ("user", prompt.user(item, form))]
    if as_json:
        sent = [{"role": role, "content": content} for role, content in messages]
        _print_json({"name": name, "hash": prompt.hash, "seed": seed, "order": order, "messages": sent})
        return
    for role, content in messages:
        typer.secho(f"--- {role} ---", bold=True)
        typer.echo(_visible(content))


@app.command("ab", help=_("Ask two prompts or models the same texts and compare."))
def ab(
    a: Annotated[str, typer.Argument(metavar="A", help=_("MODEL, MODEL:PROMPT or :PROMPT."))],
    b: Annotated[str, typer.Argument(metavar="B", help=_("The other one."))],
    sample: Annotated[int, typer.Option("--sample", metavar="N", min=1, help=_("How many texts."))] = 60,
    seed: Annotated[int, typer.Option("--seed", help=_("Decides which texts are drawn."))] = 1,
    tables: Annotated[
        list[str] | None, typer.Option("--table", "-t", metavar="NAME", help=_("Only texts of this labelled table."))
    ] = None,
    indicators: Annotated[
        bool, typer.Option("--indicators", help=_("Texts of the catalogue in place of the labelled tables."))
    ] = False,
    max_calls: Annotated[
        int | None, typer.Option("--max-calls", metavar="N", min=0, help=_("Calls at most; 0: compare what is stored."))
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", metavar="X", min=0, help=_("Money at most, in the models' currency."))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print JSON."))] = False,
) -> None:
    """Compare them: right answers, agreement, cost. Stored answers are used, missing ones asked and stored.

    Ends with 0: all is answered; 2: the budget is used up, the next time goes on; 1: asking went wrong; 130:
    interrupted. What there is by then is compared.
    """
    from observatudo.ask import ab as comparing
    from observatudo.cli import prompts_ab
    from observatudo.paths import repository
    from observatudo.readonly import require_writable

    if tables and indicators:
        raise typer.BadParameter(_("--table and --indicators exclude each other"))
    require_writable("prompts ab")
    wanted = comparing.Wanted(sample, seed, tuple(dict.fromkeys(tables or ())), indicators)
    with _progress() as tell:
        found = comparing.compare(repository(), a, b, wanted, comparing.Most(max_calls, max_cost), tell)
    if as_json:
        _print_json(found.as_dict())
    else:
        prompts_ab.show(found)
    code = _EXITS.get(found.end, 1)
    raise typer.Exit(1 if code == 0 and found.waiting else code)


def _item(root: Path, indicator: str | None, name: str | None, description: str | None) -> Item:
    from observatudo.classify.prompts import BLANK, Item
    from observatudo.labels.decide import require_indicator

    if indicator is not None:
        entry = require_indicator(root, indicator)
        return Item.of(entry.name, entry.description, [entry.id])
    return BLANK if name is None else Item.of(name, description or "")


@contextmanager
def _progress() -> Iterator[Tell]:
    """Give what is told how far the asking of a side is; what a person should know goes to stderr at once."""
    from observatudo.ask.ab_figures import name_of
    from observatudo.cli.progress import progress
    from observatudo.figures import printable

    with progress() as bar:

        def tell(subject: Subject, now: Progress) -> None:
            bar(name_of(subject), now.done, now.total)
            if now.message:
                typer.echo(printable(now.message), err=True)

        yield tell


def _visible(text: str) -> str:
    """Return a text in which what steers a terminal, or cannot be seen, is spelled out."""
    from observatudo.figures import printable

    return "\n".join(printable(line) for line in text.split("\n"))


def _print_json(content: object) -> None:
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def _print_listing(found: Listing) -> None:
    from observatudo.cli.table import table
    from observatudo.figures import NONE, count, printable

    rows = [
        (
            own.name,
            own.hash[:PROMPT_DIGITS] or NONE,
            count(own.characters),
            ", ".join(own.models) or NONE,
            count(own.answers),
        )
        for own in found.prompts
    ]
    for old in found.earlier:
        name = _("{name} (earlier)").format(name=printable(old.name))
        rows.append((name, old.hash[:PROMPT_DIGITS], NONE, NONE, count(old.answers)))
    table((_("prompt"), "hash", _("characters"), _("models"), _("answers")), rows, right=(2, 4))
    for own in found.prompts:
        if own.problem:
            typer.echo(f"{own.name}: {printable(own.problem)}")
    typer.echo(_("Next: observatudo prompts show NAME · observatudo prompts ab A B"))
