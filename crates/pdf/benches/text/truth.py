"""Reads the truth: the source of a document as HTML, OpenDocument text or LaTeX.

The HTML comes from many programs. Lists, tables, headings and styles are elements in all of them; navigation is known by its class.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pypandoc
from lxml import etree, html

from blocks import Block, Cell, Run

BREAKING = {"address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"}
STYLE_OF = {"b": "bold", "strong": "bold", "i": "italic", "em": "italic", "var": "italic", "cite": "italic", "dfn": "italic", "code": "code", "tt": "code", "kbd": "code", "samp": "code"}
# Elements that are not part of the printed text.
SKIPPED_TAGS = {"script", "style", "head", "nav", "noscript", "template", "title", "button", "input", "select", "svg"}
SKIPPED_CLASSES = set(
    "navheader navfooter toc list-of-tables list-of-figures list-of-examples nav-panel headerlink related sphinxsidebar footer shortcontents contents "
    "menu mini-toc section-toc ChildLinks navigation chlinktop chlinkbot ContChap chlinkprevnexttop copiable-link copiable-anchor toctree-wrapper "
    "sphinxsidebarwrapper ttc summary-letter index-entry printindex float-caption-number toc-title".split()
)
SKIPPED_IDS = {"top", "nav-path", "side-nav", "MSearchSelectWindow", "MSearchResultsWindow", "toc"}
# Elements whose nesting is the level of the headings in them. In DocBook's HTML all have the same tag.
SECTIONS = set("book part preface chapter appendix article section sect1 sect2 sect3 sect4 sect5 refentry refsect1 refsect2 reference glossary".split())
LAYOUT_SUMMARIES = {"Note", "Tip", "Important", "Caution", "Warning", "Callout list", "Navigation header", "Navigation footer", "Simple list", "manufactured viewport for HTML img"}
TAB = 8


class Reader:
    """Walks through HTML and collects blocks."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.runs: list[Run] = []
        # The depths of the items that were opened and have no text yet.
        self.item = 0
        self.depth = 0

    def flush(self, kind: str = "paragraph", level: int = 0) -> None:
        text = " ".join("".join(run.text for run in self.runs).split())
        if text:
            if self.item and kind == "paragraph":
                kind, level, self.item = "item", self.item, 0
            self.blocks.append(Block(kind, text, level, runs=[run for run in self.runs if run.text.strip()]))
        self.runs = []

    def text(self, text: str | None, styles: frozenset[str], href: str) -> None:
        if text:
            self.runs.append(Run(text, styles, href))

    def children(self, element, styles: frozenset[str] = frozenset(), href: str = "") -> None:
        self.text(element.text, styles, href)
        for child in element:
            if isinstance(child.tag, str):
                self.element(child, styles, href)
            self.text(child.tail, styles, href)

    def element(self, element, styles: frozenset[str], href: str) -> None:
        tag = element.tag.lower()
        if is_skipped(element, tag):
            return
        if tag == "br":
            self.text(" ", styles, href)
        elif tag not in BREAKING:
            inner = styles | {STYLE_OF[tag]} if tag in STYLE_OF else styles
            if "literal" in classes(element) and tag in ("span", "code"):
                inner = inner | {"code"}
            self.children(element, inner, element.get("href", "") if tag == "a" else href)
        else:
            self.flush()
            self.block(element, tag)
            self.flush()

    def block(self, element, tag: str) -> None:
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.children(element)
            depth = sum(1 for parent in element.iterancestors() if is_section(parent))
            self.flush("heading", depth or int(tag[1]))
        elif tag == "div" and "title" in classes(element) and not is_section(element.getparent()):
            # The title of a page by Doxygen, above its headings of level 1.
            self.children(element)
            self.flush("heading", 0)
        elif tag == "pre" or "fragment" in classes(element):
            self.code(element)
        elif tag in ("ul", "ol"):
            self.depth += 1
            self.children(element)
            self.depth -= 1
        elif tag == "li" and self.depth:
            self.item = self.depth
            self.children(element)
            self.flush()
            self.item = 0
        elif tag == "table":
            self.table(element)
        else:
            self.children(element)

    def code(self, element) -> None:
        lines = element.xpath(".//div[contains(@class, 'line')]") if element.tag == "div" else []
        text = "\n".join(line.text_content() for line in lines) if lines else element.text_content()
        text = "\n".join(line.expandtabs(TAB).rstrip() for line in text.replace("\u00a0", " ").strip("\n").split("\n"))
        if text.strip():
            kind = "paragraph" if classes(element) & {"display", "format", "verse"} else "code"
            self.blocks.append(Block(kind, text if kind == "code" else " ".join(text.split())))
            self.item = 0

    def table(self, element) -> None:
        rows = [row for row in element.iterdescendants("tr") if next(row.iterancestors("table")) is element]
        cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in rows]
        is_layout = (
            element.get("summary", "").strip() in LAYOUT_SUMMARIES
            or element.xpath(".//table | .//pre | .//h2 | .//h3")
            # A formula by LaTeX2HTML.
            or (element.get("width"), element.get("align", "").lower()) == ("100%", "center")
            or sum(map(bool, cells)) < 2
            or max(map(len, cells)) < 2
        )
        if is_layout:
            return self.children(element)
        for caption in element.iterchildren("caption"):
            self.children(caption)
            self.flush()
        self.blocks.append(Block("table", rows=[[cell_of(cell) for cell in row] for row in cells if row]))


def cell_of(element) -> Cell:
    inner = Reader()
    inner.children(element)
    inner.flush()
    number = lambda name: int(element.get(name)) if element.get(name, "").isdigit() else 1  # noqa: E731
    return Cell(" ".join(" ".join(block.plain() for block in inner.blocks).split()), max(1, number("colspan")), max(1, number("rowspan")))


def classes(element) -> set[str]:
    return set(element.get("class", "").split())


def is_section(element) -> bool:
    return element.tag == "section" or element.tag == "div" and bool(classes(element) & SECTIONS)


def is_skipped(element, tag: str) -> bool:
    # Texinfo has the class `header` for navigation.
    is_navigation = "header" in classes(element) and element.xpath(".//a[@accesskey or @rel]")
    return bool(tag in SKIPPED_TAGS or classes(element) & SKIPPED_CLASSES or element.get("id") in SKIPPED_IDS or is_navigation or element.get("role") == "navigation")


def read_html(path: Path, root: str) -> list[Block]:
    if path.suffix == ".tex":
        tree = html.document_fromstring(pypandoc.convert_file(str(path), "html", extra_args=["--quiet"]))
    else:
        tree = html.parse(str(path), html.HTMLParser(encoding=encoding(path), remove_comments=True)).getroot()
    found = tree.xpath(root) if root else []
    reader = Reader()
    for element in found or [tree.find("body")]:
        reader.block(element, element.tag)
        reader.flush()
    return reader.blocks


def encoding(path: Path) -> str:
    declared = re.search(rb"charset=[\"']?([A-Za-z0-9_-]+)", path.read_bytes()[:4096])
    return declared[1].decode() if declared else "utf-8"


def read_odt(path: Path) -> list[Block]:
    """The text of an OpenDocument file: headings, paragraphs, lists and tables."""
    text, table = ("{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}" % name for name in ("text", "table"))
    body = etree.fromstring(zipfile.ZipFile(path).read("content.xml")).find(".//{*}body/{*}text")
    found: list[Block] = []

    def words(element) -> str:
        parts = [element.text or ""]
        for child in element:
            inner = " " if child.tag in (text + "s", text + "tab", text + "line-break") else "" if child.tag in (text + "note", text + "bookmark") else words(child)
            parts += [inner, child.tail or ""]
        return "".join(parts)

    def walk(element, depth: int) -> None:
        for child in element:
            if child.tag == text + "h":
                found.append(Block("heading", " ".join(words(child).split()), int(child.get(text + "outline-level", 1))))
            elif child.tag == text + "p":
                found.append(Block("item" if depth else "paragraph", " ".join(words(child).split()), depth))
            elif child.tag == table + "table":
                rows = [[Cell(" ".join(words(cell).split())) for cell in row.iterchildren(table + "table-cell")] for row in child.iter(table + "table-row")]
                if max(map(len, rows)) > 1:
                    found.append(Block("table", rows=rows))
                else:
                    walk(child, depth)
            elif child.tag not in (text + "table-of-content", text + "alphabetical-index"):
                walk(child, depth + (child.tag == text + "list"))

    walk(body, 0)
    return [block for block in found if block.plain().strip()]


def read(folder: Path, sources: list[str], root: str) -> list[Block]:
    """All blocks of a document. A source is a file or a pattern, whose files are sorted by the numbers in their names."""
    found: list[Block] = []
    for source in sources:
        paths = sorted(folder.glob(source), key=lambda path: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)])
        if not paths:
            raise FileNotFoundError(f"{folder} has no {source}")
        for path in paths:
            found += read_odt(path) if path.suffix == ".odt" else read_html(path, root)
    return found
