"""A repository with runs, versions and labels, for tests of the HTTP API."""

from __future__ import annotations

from pathlib import Path

from tests import histories, labelled


def make(root: Path) -> Path:
    """Make it: three versions, two recorded runs, five labelled indicators; its snapshots are not there."""
    labelled.with_past(root)
    for run_id in (histories.ONE, histories.TWO):
        histories.keep(root, histories.a_record(run_id))
    return root
