"""Reads an answer: the Markdown of one page."""

from __future__ import annotations

from lxml import html
from markdown_it import MarkdownIt
from markdown_it.token import Token

from blocks import Block, Cell, Run
from truth import Reader

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
STYLE_OF = {"strong_open": "bold", "em_open": "italic"}


def read(markdown: str) -> list[Block]:
    found: list[Block] = []
    tokens = MARKDOWN.parse(markdown)
    depth, is_item, at, raw = 0, False, 0, ""
    while at < len(tokens):
        token = tokens[at]
        if raw and token.type not in ("html_block", "inline", "paragraph_open", "paragraph_close"):
            raw = ""
        if token.type in ("bullet_list_open", "ordered_list_open"):
            depth += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            depth -= 1
        elif token.type == "list_item_open":
            is_item = True
        elif token.type == "heading_open":
            found.append(inline("heading", int(token.tag[1]), tokens[at + 1]))
            at += 2
        elif token.type == "inline":
            found.append(inline("item", depth, token) if is_item else inline("paragraph", 0, token))
            is_item = False
        elif token.type in ("fence", "code_block"):
            text = "\n".join(line.rstrip() for line in token.content.strip("\n").split("\n"))
            found.append(Block("code", text))
            is_item = False
        elif token.type == "table_open":
            at, rows = table(tokens, at)
            found.append(Block("table", rows=rows))
        elif token.type == "html_block":
            reader = Reader()
            reader.children(html.fragment_fromstring(token.content, create_parent="div"))
            reader.flush()
            found += reader.blocks
        at += 1
    return [block for block in found if block.plain().strip()]


def table(tokens: list[Token], at: int) -> tuple[int, list[list[Cell]]]:
    rows: list[list[Cell]] = []
    while tokens[at].type != "table_close":
        if tokens[at].type == "tr_open":
            rows.append([])
        elif tokens[at].type == "inline":
            rows[-1].append(Cell(inline("paragraph", 0, tokens[at]).text))
        at += 1
    return at, rows


def inline(kind: str, level: int, token: Token) -> Block:
    runs: list[Run] = []
    open_styles: list[str] = []
    href = ""
    for child in token.children or []:
        if child.type in STYLE_OF:
            open_styles.append(STYLE_OF[child.type])
        elif child.type in ("strong_close", "em_close"):
            open_styles.pop()
        elif child.type == "link_open":
            href = str(child.attrs.get("href", ""))
        elif child.type == "link_close":
            href = ""
        elif child.type == "code_inline":
            runs.append(Run(child.content, frozenset([*open_styles, "code"]), href))
        elif child.type == "text":
            runs.append(Run(child.content, frozenset(open_styles), href))
        elif child.type in ("softbreak", "hardbreak") or child.type == "html_inline" and child.content.startswith("<br"):
            runs.append(Run(" ", frozenset(open_styles), href))
    text = " ".join("".join(run.text for run in runs).split())
    return Block(kind, text, level, runs=[run for run in runs if run.text.strip()])
