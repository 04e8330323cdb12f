"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path


def write(path: Path, content: bytes | str) -> None:
    """Put ``content`` (text: UTF-8, as it is) in a file's place at once; cut off, the old one stays. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
