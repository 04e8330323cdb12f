"""The pages and the static files: own template and script, and of textual-serve its terminal alone."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import quote

from aiohttp import web

from observatudo.i18n import _, language

_OWN = ("page.css", "page.js")
_TYPES = {"js": "text/javascript", "css": "text/css"}
_FONTS = (
    "ui-monospace, 'Cascadia Mono', 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono',"
    " 'Liberation Mono', monospace"
)
# What textual-serve 1.1.3 has otherwise: a font that few systems have, and a WebGL renderer. Where there is WebGL, the
# canvas renderer loaded after it takes its place; where there is none, its failure keeps that from loading, and lines
# are drawn as text, with gaps.
CHANGES = (
    ("'Roboto Mono', Monaco, 'Courier New', monospace", _FONTS.replace("'", "\\'")),
    ("this.webglAddon=new p.WebglAddon,this.terminal.loadAddon(this.webglAddon),", ""),
)


@cache
def static() -> dict[str, tuple[str, str]]:
    """Return name → (text, MIME type) of every static file that is served; there are no others."""
    own = files("tui.web") / "static"
    theirs = files("textual_serve") / "static"
    texts = {name: (own / name).read_text(encoding="utf-8") for name in _OWN}
    texts["xterm.css"] = (theirs / "css" / "xterm.css").read_text(encoding="utf-8")
    terminal = (theirs / "js" / "textual.js").read_text(encoding="utf-8")
    for before, after in CHANGES:
        terminal = terminal.replace(before, after)
    texts["textual.js"] = terminal
    return {name: (text, _TYPES[name.rpartition(".")[2]]) for name, text in texts.items()}


@cache
def _template(name: str) -> Template:
    return Template((files("tui.web") / "static" / name).read_text(encoding="utf-8"))


def dashboard(*, actions: bool) -> web.Response:
    """Return the page that holds the terminal."""
    words = {
        "title": "Observatudo" if actions else _("Observatudo, read-only"),
        "starting": _("The dashboard is starting…"),
        "ended": _("The dashboard has ended."),
        "again": _("Start it again"),
        "gone": _("The server is gone. This page comes back by itself when it does: observatudo serve"),
        "changed": _("The server was started anew, with another token. Open the address it printed."),
        "full": _("All places are taken. This page comes back by itself when one is free."),
    }
    return _filled("page.html", 200, words)


def notice(status: int, text: str, *, onward: bool = False) -> web.Response:
    """Return a page that says one thing; ``onward``: it leads to the dashboard by itself."""
    refresh = '<meta http-equiv="refresh" content="0;url=/">' if onward else ""
    return _filled("notice.html", status, {"text": text, "title": f"Observatudo: {status}"}, {"refresh": refresh})


def _filled(name: str, status: int, words: dict[str, str], markup: dict[str, str] | None = None) -> web.Response:
    versions = {name.replace(".", "_"): f"/static/{name}?v={_version(text)}" for name, (text, _t) in static().items()}
    texts = {key: escape(text) for key, text in words.items()}
    lang = language().replace("_", "-")
    text = _template(name).substitute(lang=lang, **versions, **texts, **(markup or {}))
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8")


def _version(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def policy(host: str) -> str:
    """Return the Content-Security-Policy of a page that is served under ``host``, which has been checked before.

    Styles may stand in the page because the terminal makes some while it runs; scripts may not.
    """
    return (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        f" connect-src 'self' ws://{host} wss://{host};"
        " object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def attachment(name: str) -> str:
    """Return the Content-Disposition of a file to be saved under ``name``, in the two forms of RFC 6266."""
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_. ") else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
