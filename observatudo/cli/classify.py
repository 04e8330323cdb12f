"""The command ``observatudo classify``: axes for the indicators in any CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from observatudo.i18n import _


def classify(
    file: Annotated[Path, typer.Argument(help=_("CSV with a column “nome” and, if there is one, “descricao”."))],
    out: Annotated[Path, typer.Option("--out", help=_("Where to write the labelled CSV."))],
) -> None:
    """Add eixo, confianca and origem to every row of FILE, by rules and the embedded encoder, offline."""
    import sys

    from observatudo.readonly import require_writable

    require_writable("classify --out")
    from rich.console import Console
    from rich.progress import Progress

    from observatudo import config, paths
    from observatudo.classify import examples, table
    from observatudo.classify.labels import Classifier, classify_texts
    from observatudo.classify.taxonomy import UNDEFINED, load_taxonomy

    root = paths.repository()
    read = table.read(file)
    table.check_writable(out)
    taxonomy = load_taxonomy(root)
    classifier = Classifier(taxonomy, examples.read(root, taxonomy))
    threshold = config.load_params(root).classify.threshold
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(_("classifying"), total=len(read.rows))
        labels = classify_texts(
            read.texts(),
            classifier,
            threshold,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    table.write(out, read, labels)
    undefined = sum(label.eixo == UNDEFINED for label in labels)
    typer.echo(
        _("{rows} rows classified, {undefined} of them {name}: {out}").format(
            rows=len(labels), undefined=undefined, name=UNDEFINED, out=out
        )
    )
