"""Makes a book of a few pages: repeat.py FILE TIMES BOOK has the file's pages so many times, each with pictures of its own."""

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
