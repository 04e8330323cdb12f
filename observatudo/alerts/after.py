"""What happens when a run has been closed: channels are told of alerts, and it is exported as a trace.

``python -m observatudo.alerts.after HOME RUN`` is a process of its own, so that nothing that goes wrong here reaches a
run; what does is one line on stderr.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from observatudo.errors import ObservatudoError
from observatudo.i18n import _


def main() -> None:
    """Check the alerts, then export the run named on the command line: a slow collector keeps nobody uninformed."""
    home, run_id = Path(sys.argv[1]), sys.argv[2]
    problems = [*_check(home), *_export(home, run_id)]
    for problem in problems:
        sys.stderr.write(_("warning: {problem}").format(problem=problem) + "\n")


def _export(home: Path, run_id: str) -> list[str]:
    from observatudo import otel

    if not otel.is_wanted():
        return []
    try:
        otel.export(home, run_id)
    except ObservatudoError as error:
        return [error.message]
    return []


def _check(home: Path) -> list[str]:
    from observatudo.alerts import deliver
    from observatudo.alerts.settings import ENVIRONMENT

    if not any(name.startswith(ENVIRONMENT) and value for name, value in os.environ.items()):
        return []
    try:
        _state, sent = deliver.check(home)
    except ObservatudoError as error:
        return [error.message]
    text = _("{channel} was not told: {error}; a later check tries again")
    return [text.format(channel=one.channel, error=one.error) for one in sent if one.error]


if __name__ == "__main__":
    main()
