"""Other programs that turn PDFs into Markdown."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

# The pages of an answer, and the seconds that it took.
Answer = tuple[list[str], float]


def timed(read: Callable[[], list[str]]) -> Answer:
    start = time.perf_counter()
    pages = read()
    return pages, time.perf_counter() - start


def pymupdf4llm(path: Path, first: int, last: int) -> Answer:
    import pymupdf4llm as program

    read = lambda: program.to_markdown(str(path), pages=list(range(first - 1, last)), page_chunks=True, show_progress=False)  # noqa: E731
    return timed(lambda: [page["text"] for page in read()])


def liteparse(path: Path, first: int, last: int) -> Answer:
    from liteparse import LiteParse

    program = LiteParse(ocr_enabled=False, output_format="markdown", target_pages=f"{first}-{last}", max_pages=10_000, quiet=True)
    return timed(lambda: [page.markdown for page in program.parse(str(path)).pages])


PEERS = {"PyMuPDF4LLM": pymupdf4llm, "LiteParse": liteparse}
