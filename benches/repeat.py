"""Usage: repeat.py FILE TIMES BOOK. Writes BOOK with the pages of FILE repeated TIMES times, each copy with its own pictures."""

import sys

import pymupdf


def main() -> None:
    file, times, book = sys.argv[1:]
    with pymupdf.open() as pages:
        for _ in range(int(times)):
            with pymupdf.open(file) as few:
                pages.insert_pdf(few)
        pages.save(book)


main()
