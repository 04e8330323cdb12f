"""``observatudo diff``: two versions, compared down to the row."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from observatudo.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from observatudo.compare.compare import Options, Progress
    from observatudo.compare.model import Comparison
    from observatudo.compare.policy import Policy
    from observatudo.versions import Version

SAME, BREACHED, NOT_COMPARABLE, INTERNAL, USAGE, INTERRUPTED = 0, 1, 2, 3, 64, 130
_STOPPED = 128  # and the number of the signal
_KINDS = ("dataset", "state", "indicator", "year", "column")
_WIDTH = 80  # of what is not shown on a terminal


def diff(
    versions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[A] [B]",
            help=_("Revisions, tags, branches, experiments, runs, paths or “workspace”; A...B: from the merge base."),
        ),
    ] = None,
    table: Annotated[list[str] | None, typer.Option("--table", "-t", help=_("Only tables that fit a pattern."))] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="TABLE=COLUMN,…", help=_("What tells the rows of a table apart.")),
    ] = None,
    fail_on: Annotated[
        str | None, typer.Option("--fail-on", metavar="RULES", help=_("End with 1 when one of these rules is broken."))
    ] = None,
    as_md: Annotated[bool, typer.Option("--md", help=_("Markdown, for a pull request."))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=_("JSON, by configs/schema/comparison.json."))] = False,
    as_html: Annotated[bool, typer.Option("--html", help=_("One HTML page with charts."))] = False,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help=_("Write it there; the verdict is printed."))
    ] = None,
    counts: Annotated[
        bool, typer.Option("--counts", help=_("Only counts: no segments, transitions, distributions or samples."))
    ] = False,
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", min=0, max=10_000, help=_("Examples of each kind of change."))
    ] = 3,
    samples_of: Annotated[
        list[str] | None,
        typer.Option(
            "--samples-of",
            metavar="KIND=NAME",
            help=_("Examples only of this dataset, state, indicator or year, or of a column that changed."),
        ),
    ] = None,
) -> None:
    """Compare two versions. Ends with 0: same, or within the rules; 1: a rule is broken; 2: not comparable (it
    says why); 3: an error of the program; 64: wrong usage.

    Without B the workspace is compared, without A with HEAD.
    """
    if sum((as_md, as_json, as_html)) > 1:
        raise typer.BadParameter(_("--md, --json and --html exclude each other"))
    _mind_the_exit_code()
    form = _form(as_md, as_json, as_html)
    detail = _Detail(counts, samples, samples_of or [])
    raise typer.Exit(_ended(lambda: _diff(versions or [], table or [], key or [], fail_on, detail, form, output)))


def _ended(work: Callable[[], int]) -> int:
    """Return the exit code of the work, or of what stopped it, which is told."""
    from observatudo.errors import ObservatudoError

    try:
        return work()
    except _Usage as error:
        _say(error.cause)
        return USAGE
    except ObservatudoError as error:
        _say(error)
        return NOT_COMPARABLE
    except BrokenPipeError:
        raise
    except OSError as error:
        _say(_("the system refused: {reason}").format(reason=error))
        return INTERNAL
    except KeyboardInterrupt:
        return INTERRUPTED


@dataclass(frozen=True)
class _Detail:
    """How much to say of the rows: counts alone, or so many examples, and what they are taken from."""

    counts: bool
    samples: int
    samples_of: list[str]


class _Usage(Exception):
    """A wrong argument."""

    def __init__(self, cause: object) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _say(cause: object) -> None:
    """Print an error; what it quotes of names and data steers no terminal."""
    import sys

    from observatudo import figures

    print("\n".join(map(figures.printable, str(cause).split("\n"))), file=sys.stderr)


def _mind_the_exit_code() -> None:
    """Have an error nobody foresaw end with 3, since 1 says that a rule was broken; and who is stopped clear up."""
    import signal
    import sys

    for sent in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(sent) is not signal.SIG_IGN:  # nohup
            signal.signal(sent, lambda number, _frame: sys.exit(_STOPPED + number))

    told = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        told(kind, error, trace)
        raise SystemExit(INTERNAL)

    sys.excepthook = tell


def _form(as_md: bool, as_json: bool, as_html: bool) -> str:
    return "md" if as_md else "json" if as_json else "html" if as_html else "terminal"


def _diff(
    names: list[str],
    only: list[str],
    keys: list[str],
    fail_on: str | None,
    detail: _Detail,
    form: str,
    output: str | None,
) -> int:
    from observatudo import wholefile
    from observatudo.cli.progress import progress
    from observatudo.compare.compare import compare, require_tables
    from observatudo.compare.policy import check
    from observatudo.compare.show import words
    from observatudo.errors import ObservatudoError
    from observatudo.paths import repository
    from observatudo.readonly import require_writable
    from observatudo.versions import Versions

    if output is not None:
        require_writable("diff -o")
    try:
        root = repository()
        given, path, taken = _keys(keys), _path(output), _samples_of(detail.samples_of)
        a, b = Versions(root).pair(names)
        policy = _policy(root, a, fail_on)
    except ObservatudoError as error:
        raise _Usage(error) from None
    with progress() as tell:
        comparison = compare(a, b, _options(policy, only, given, detail, taken, tell))
    require_tables(comparison)
    verdict = comparison.verdict.model_copy(
        update={"policy": str(policy), "breaches": check(comparison, policy, is_partial=bool(only))}
    )
    final = comparison.model_copy(update={"verdict": verdict})
    shown = _shown(final, form, on_terminal=path is None)
    if path is None:
        typer.echo(shown, nl=False)
    else:
        wholefile.write(path, shown)
        typer.echo(words.verdict(final))
    return _code(final)


def _policy(root: Path, a: Version, fail_on: str | None) -> Policy:
    """Return the policy of configs/diff.yaml, with the rules of the command line and of the older version added.

    Else a change could take away the rules it is held against.
    """
    from observatudo.compare.policy import FILE, combined, load, parse, read

    text = a.text(FILE.as_posix()) if a.kind in ("commit", "experiment") else None
    older = None if text is None else read(text, f"{a.name}:{FILE.as_posix()}")
    return combined(load(root), older, parse(fail_on or ""))


def _path(output: str | None) -> Path | None:
    from pathlib import Path

    from observatudo.errors import ObservatudoError

    if output is not None and not Path(output).name:
        raise ObservatudoError(
            _("--output needs the name of a file, not “{text}”").format(text=output),
            next_step="observatudo diff A B --html -o diff.html",
        )
    return None if output is None else Path(output)


def _keys(given: list[str]) -> dict[str, tuple[str, ...]]:
    from observatudo.errors import ObservatudoError

    found = {}
    for text in given:
        table, _equals, columns = text.rpartition("=")
        names = tuple(name.strip() for name in columns.split(",") if name.strip())
        if not table or not names:
            raise ObservatudoError(
                _("--key needs a table and its columns, not “{text}”").format(text=text),
                next_step="observatudo diff A B --key fact_indicador=id_indicador,id_municipio,data_referencia",
            )
        found[table] = names
    return found


def _samples_of(given: list[str]) -> dict[str, str]:
    from observatudo.errors import ObservatudoError

    found = {}
    for text in given:
        kind, equals, name = text.partition("=")
        if kind not in _KINDS or not equals or kind in found:
            raise ObservatudoError(
                _("--samples-of needs one of {kinds}, each once, and its name, not “{text}”").format(
                    kinds=", ".join(_KINDS), text=text
                ),
                next_step="observatudo diff A B --samples 20 --samples-of state=SP --samples-of column=valor",
            )
        found[kind] = name
    return found


def _options(
    policy: Policy,
    only: list[str],
    keys: dict[str, tuple[str, ...]],
    detail: _Detail,
    samples_of: dict[str, str],
    tell: Progress,
) -> Options:
    from observatudo.compare.compare import Options

    return Options(
        only=only,
        keys=lambda table: keys.get(table, ()),
        default_keys=policy.key,
        tolerances=policy.tolerances,
        report="counts" if detail.counts else "full",
        samples=detail.samples,
        samples_of=samples_of,
        progress=tell,
    )


def _shown(comparison: Comparison, form: str, *, on_terminal: bool) -> str:
    import shutil
    import sys

    if form == "json":
        from observatudo.compare.model import to_text

        # a file's name that is no text is read back as it was
        return to_text(comparison).encode(errors="backslashreplace").decode()
    if form == "md":
        from observatudo.compare.show import markdown

        return markdown.text(comparison)
    if form == "html":
        from observatudo.compare.show import html

        return html.text(comparison)
    from observatudo.compare.show import terminal

    is_terminal = on_terminal and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if is_terminal else _WIDTH
    return terminal.text(comparison, width=width, colour=is_terminal and not os.environ.get("NO_COLOR"))


def _code(comparison: Comparison) -> int:
    if comparison.verdict.outcome == "not_comparable":
        return NOT_COMPARABLE
    return BREACHED if comparison.verdict.breaches else SAME
