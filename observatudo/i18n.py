"""Messages to users in English and Brazilian Portuguese, through gettext.

The language is the first of ``OBSERVATUDO_LANG``, ``LANGUAGE``, ``LC_ALL``, ``LC_MESSAGES`` and
``LANG`` that is set; anything that starts with ``pt`` is Portuguese, everything else English.
"""

from __future__ import annotations

import gettext
import os
from functools import cache
from pathlib import Path

_LOCALES = Path(__file__).parent / "locale"
_VARIABLES = ("OBSERVATUDO_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def language() -> str:
    """Return ``"pt_BR"`` or ``"en"``, from the environment."""
    chosen = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    return "pt_BR" if chosen.lower().startswith("pt") else "en"


@cache
def _catalogue(lang: str) -> gettext.NullTranslations:
    return gettext.translation("observatudo", _LOCALES, languages=[lang], fallback=True)


def _(message: str) -> str:
    """Return the message in the user's language; the English text is its own key."""
    return _catalogue(language()).gettext(message)
