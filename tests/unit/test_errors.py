"""What a person reads of an error."""

from __future__ import annotations

from observatudo.errors import ObservatudoError


def test_an_error_says_what_where_and_what_next() -> None:
    assert str(ObservatudoError("não há", where="a.yaml:1", next_step="git log")) == "não há\n  @ a.yaml:1\n  → git log"


def test_what_would_steer_a_terminal_is_spelled_out() -> None:
    told = str(ObservatudoError("a\x1b[31mb\x9bc", where="x\x07\ny", next_step="z\r"))
    assert told == "a\\x1b[31mb\\x9bc\n  @ x\\x07\ny\n  → z\\r"
