"""The words that labels and evidence are written with; nothing is imported for them, so screens may use them too."""

from __future__ import annotations

from typing import Literal

# who may have a say beside models, which have the names in configs/provedores.yaml (column classificador)
SOURCE, PERSON, RULES, EMBEDDED = "fonte", "humano", "regras", "embutido"
NOT_MODELS = (SOURCE, PERSON, RULES, EMBEDDED)
# what decided a label (column origem); the first two decide whatever others say
CONSENSUS = "consenso"
ORIGINS = (SOURCE, PERSON, "regra", "modelo", CONSENSUS)
DECIDED = (SOURCE, PERSON)

State = Literal["FIXADO", "INVALIDO", "OSCILANTE", "ESTAVEL", "DIVERGENTE", "EM_OBSERVACAO", "NOVO"]
# of an indicator that its source or a person decided
FIXED: State = "FIXADO"
# in the order in which they are looked at
STATES: tuple[State, ...] = (
    FIXED, "INVALIDO", "OSCILANTE", "ESTAVEL", "DIVERGENTE", "EM_OBSERVACAO", "NOVO",
)  # fmt: skip

PROMPT_DIGITS = 12  # of a prompt's hash that a label keeps, and that is shown
USUAL_PROMPT = "eixo"
