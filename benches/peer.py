"""Measures PyMuPDF in a pipeline that opens the document again for each page: the CPU time for a page before any model runs.

Usage: peer.py FILE PAGES. Takes that many pages evenly from the file. Prints the CPU time for a page in milliseconds: to
split it off, and to render it.
"""

import sys
import time

import pymupdf


def split(path: str, index: int) -> bytes:
    """One page as a PDF of its own, with fonts reduced to the glyphs that it uses."""
    with pymupdf.open(path) as document, pymupdf.open() as single:
        single.insert_pdf(document, from_page=index, to_page=index)
        single.subset_fonts()
        return single.tobytes(garbage=3, deflate=True)


def picture(path: str, index: int) -> bytes:
    """The page as a PNG for a figure detector."""
    with pymupdf.open(path) as document:
        return document[index].get_pixmap(dpi=300).tobytes("png")


def main() -> None:
    path, wanted = sys.argv[1], int(sys.argv[2])
    with pymupdf.open(path) as document:
        total = document.page_count
    pages = range(0, total, max(1, total // wanted))
    for step in split, picture:
        start = time.process_time()
        for index in pages:
            step(path, index)
        print((time.process_time() - start) * 1000 / len(pages))


main()
