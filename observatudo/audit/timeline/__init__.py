"""Timelines: in which versions a cell or a table changed, by whom, in which run, and after a change of what."""

from observatudo.audit.timeline.blame import Question, blame
from observatudo.audit.timeline.model import Blame, Log
from observatudo.audit.timeline.tablelog import log

__all__ = ["Blame", "Log", "Question", "blame", "log"]
