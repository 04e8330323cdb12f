"""Every fault that is tried, in the order of docs/faults.md."""

from __future__ import annotations

SECTIONS: dict[str, tuple[str, ...]] = {
    "Files": (
        "No snapshot yet",
        "A file of the snapshot is missing",
        "A file of the snapshot was edited or damaged",
        "A file nobody took stands in the snapshot",
        "The sidecar is damaged",
        "An empty file",
        "A header and no rows",
        "Truncated gzip",
        "A zip with several files and none named",
        "Another encoding than the declared one",
        "Binary junk",
        "A quote that is never closed",
        "A huge field",
        "Invalid JSON",
        "An XLSX without the declared sheet",
    ),
    "Columns": (
        "A missing column",
        "A renamed header",
        "An extra column",
        "A column named twice",
        "A column without any value",
        "A required column without any value",
    ),
    "Rows": (
        "Duplicate keys",
        "An unknown municipality, by name",
        "An unknown municipality, by code",
        "An ambiguous name",
        "Words where numbers should be",
        "NaN and infinity",
        "Dates out of range",
        "Negative counts",
        "More or fewer cells than the header",
        "Too few rows",
    ),
    "Declarations": (
        "An unknown dataset",
        "An unknown dataset on the command line",
        "A declaration that names an unknown column",
        "An unknown key in a declaration",
        "Invalid YAML",
        "A dataset without its section",
        "A dataset taken off the list",
    ),
    "Processes": (
        "Two dvc repro at once",
        "Ctrl-C",
        "SIGTERM",
        "SIGKILL or a power cut",
    ),
    "Disks": (
        "Full disk while ingest writes",
        "Full disk under the log",
        "Full disk under DVC's cache",
        "Full disk while a snapshot is taken",
        "Read-only repository",
        "Read-only outputs",
    ),
}
FAULTS: tuple[str, ...] = tuple(fault for faults in SECTIONS.values() for fault in faults)
