"""What a widget holds is drawn, whenever Textual was asked where it is."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from tests.tui.pilot import dashboard, until
from tui.textview import TextView


async def test_a_widget_that_is_looked_for_before_it_is_laid_out_is_not_left_empty(small: Path) -> None:
    async with dashboard(small) as (app, _pilot):
        await until(app, "Runs 5")
        view = TextView([Text("here it is")])
        with app.batch_update():  # nothing is laid out meanwhile
            await app.screen.mount(view, before=0)
            app.screen._compositor._full_map_invalidated = True  # as a scrolling leaves it
            app.screen.find_widget(view)
        await until(app, "here it is")
