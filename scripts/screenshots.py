"""Makes the pictures of the dashboard in docs/images, from the dashboard itself, in both languages.

``python scripts/screenshots.py REPOSITORY``: a repository with runs to show; the one the README's pictures come from is
made by tests/tui/observed.py. Nothing is drawn by hand, and no font is fetched by who looks at them.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
IMAGES = ROOT / "docs/images"
SIZE = (110, 30)
LANGUAGES = {"en": "", "pt_BR": ".pt-BR"}
SHOTS: dict[str, tuple[tuple[str, ...], str]] = {  # name → keys, and what is on the screen once they are done
    "history": (("j", "j", "j"), "sidra/populacao"),
    "compare": (("v", "j", "space", "space", "c"), "audit_volumetria *"),
}
_FONTS = re.compile(r"@font-face\s*{[^}]*}", re.DOTALL)


async def take(repository: Path, language: str) -> None:
    """Take every picture in one language."""
    from tests.tui.pilot import dashboard, until, until_true

    os.environ["OBSERVATUDO_LANG"] = language
    for name, (keys, wanted) in SHOTS.items():
        async with dashboard(repository, SIZE) as (app, pilot):
            await until_true(app, lambda shown: "✗" in shown and not app.news)
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.5)
            await until(app, wanted, within=60)
            await pilot.pause(0.5)
            picture = _FONTS.sub("", app.export_screenshot(title="observatudo tui"))
            (IMAGES / f"{name}{LANGUAGES[language]}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ["PYTHONSAFEPATH"] = "1"
    for language in LANGUAGES:
        asyncio.run(take(Path(sys.argv[1]).resolve(), language))
