"""Every rendering of a verdict by the name of its golden file, and what a browser would make of a page."""

from __future__ import annotations

from html.parser import HTMLParser

from markdown_it import MarkdownIt

from headgate.report.html import environment
from headgate.report.verdict_html import page_context
from headgate.report.verdict_junit import verdict_junit
from headgate.report.verdict_markdown import verdict_markdown
from headgate.report.verdict_text import verdict_text

GENERATED = "2026-01-02"


def page(view) -> str:
    context = page_context(view, generated=GENERATED)
    return environment().get_template("verdict.html.j2").render(**context, root="", generated=GENERATED)


RENDERINGS = {
    "narrow.txt": lambda view: verdict_text(view, width=80),
    "wide.txt": lambda view: verdict_text(view, width=140),
    "quiet.txt": lambda view: verdict_text(view, width=80, quiet=True),
    "comment.md": verdict_markdown,
    "junit.xml": lambda view: verdict_junit(view).decode(),
    "index.html": page,
}


class Page(HTMLParser):
    """Collects a page's text, tags and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


def rendered_markdown(text: str) -> Page:
    return Page(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text))
