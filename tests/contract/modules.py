"""The repository's own Python modules and what each imports, read from the source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("observatudo", "stages", "tui")


def find(root: Path) -> dict[str, Path]:
    """Return dotted name → file of every module of the product."""
    files = (path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return {_dotted(path.relative_to(root)): path for path in sorted(files)}


def imports(name: str, path: Path) -> set[str]:
    """Return the dotted names a module imports anywhere, in functions too, but not under ``TYPE_CHECKING``.

    ``from a import b`` gives both ``a`` and ``a.b``: which of them is a module, the caller knows.
    """
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            found.update([source, *(f"{source}.{alias.name}" for alias in node.names)])
    return found


def closure(start: str, modules: dict[str, Path]) -> dict[str, Path]:
    """Return every own module that running ``start`` may import, with its packages, and ``start`` itself."""
    reached: dict[str, Path] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in modules and name not in reached:
            reached[name] = modules[name]
            waiting += [name.rpartition(".")[0], *imports(name, modules[name])]
    return reached


def is_empty(path: Path) -> bool:
    """Say whether a module has nothing but its docstring."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield name and number of lines (without decorators) of each function and method in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.name}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from [other, *_running(other)]
        else:
            yield node
            yield from _running(node)


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
