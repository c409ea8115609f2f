"""The parts of a text that the benchmark compares: the same for the truth and for an answer."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

STYLES = "code", "bold", "italic"
# Different signs for the same thing, in HTML and in a PDF.
SIGNS = str.maketrans({"‘": "'", "’": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "\u00ad": None, "\u200b": None, "\ufeff": None, "`": "'"})
NUMBER = re.compile(r"^((chapter|appendix|part|section)\s+)?([0-9]+|[A-Z]|[IVX]+)([.-][0-9]+)*[.:)]?\s+(?=\S)", re.IGNORECASE)
# A line of its own above a title.
LONE_NUMBER = re.compile(r"(chapter|appendix|part)\s+\w+", re.IGNORECASE)


def same_signs(text: str) -> str:
    return unicodedata.normalize("NFKC", text.translate(SIGNS))


def normal(text: str) -> str:
    """A text with single spaces, letters for ligatures, and one sign for each kind of quote and dash."""
    return " ".join(same_signs(text).replace("--", "-").split())


def unnumbered(heading: str) -> str:
    """A heading without its number: HTML and PDF number differently."""
    heading = normal(heading)
    return "" if LONE_NUMBER.fullmatch(heading) else NUMBER.sub("", heading).casefold()


@dataclass
class Run:
    """A piece of text with its styles."""

    text: str
    styles: frozenset[str] = frozenset()
    href: str = ""


@dataclass
class Cell:
    text: str
    columns: int = 1
    rows: int = 1


@dataclass
class Block:
    """`kind` is heading, paragraph, item, code or table."""

    kind: str
    text: str = ""
    # Of a heading or an item, from 1.
    level: int = 0
    rows: list[list[Cell]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def plain(self) -> str:
        if self.kind == "table":
            return "\n".join(" ".join(cell.text for cell in row) for row in self.rows)
        return self.text

    def words(self) -> list[str]:
        return self.plain().split()

    def cut(self, start: int, end: int) -> "Block":
        """The part between two of its words. A table keeps the rows, and code the lines, that begin there."""
        if start <= 0 and end >= len(self.words()):
            return self
        if self.kind in ("table", "code"):
            parts = self.rows if self.kind == "table" else self.text.split("\n")
            kept, at = [], 0
            for part in parts:
                if start <= at < end:
                    kept.append(part)
                at += sum(len(cell.text.split()) for cell in part) if self.kind == "table" else len(part.split())
            return Block(self.kind, "" if self.kind == "table" else "\n".join(kept), self.level, kept if self.kind == "table" else [], self.runs)
        return Block(self.kind, " ".join(self.words()[max(start, 0) : end]), self.level, [], runs_between(self.runs, start, end))


def runs_between(runs: list[Run], start: int, end: int) -> list[Run]:
    kept, at = [], 0
    for run in runs:
        if start <= at < end:
            kept.append(run)
        at += len(run.text.split())
    return kept
