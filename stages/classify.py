"""Stage classify: the indicators of all declared datasets → their axes."""

from __future__ import annotations

from observatudo import arrow, journal


def work(log: journal.Stage) -> None:
    """Write ``data/classified/rotulo.parquet`` and the stage's figures; warn of what a person should look at."""
    import json

    from observatudo import config, parquet, paths
    from observatudo.classify import catalogue, examples, labels, overrides
    from observatudo.classify.taxonomy import load_taxonomy

    arrow.skip_pandas()
    taxonomy = load_taxonomy(log.root)
    decided = overrides.read(log.root / paths.OVERRIDES, taxonomy)
    indicators = catalogue.read_indicators(log.root)
    threshold = config.load_params(log.root).classify.threshold
    known = labels.learnt(examples.read(log.root, taxonomy), indicators, decided)
    classifier = labels.Classifier(taxonomy, known)
    result = labels.classify(indicators, classifier, taxonomy, decided, threshold, log.progress)
    for text in catalogue.warnings(indicators, result, taxonomy, decided):
        log.warn(text)
    parquet.write(catalogue.to_table(result, taxonomy, classifier.version), log.root / paths.LABELS)
    figures = {"classify": catalogue.metrics(result, taxonomy, classifier.held_back(threshold))}
    target = log.root / paths.METRICS / "classify.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    log.count(rows_read=len(indicators), rows_kept=len(result), rows_rejected=0)
    log.output(paths.LABELS.as_posix(), rows=len(result))


if __name__ == "__main__":
    journal.main("classify", work)
