"""Kinds of broken posts, each with where and how it is told: what `make test` holds the author's check to."""

from typing import NamedTuple

from small_sites import ALICE, post

PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
PAPER = """---
title: Asking
summary: A paper.
edition: "1"
language: en
date: 2024-01-01
---
## One

{}
"""
GATED = "\n\n".join(
    f"{n}. What readers sign up for is told here, and it is long enough to be known. " * 3 for n in "1234"
)
LINE = 11
"""Of what follows the first paragraph of a post, which `post` begins in its ninth line."""


class Broken(NamedTuple):
    """A file, and what is told of it: its line and the beginning or a part of the text."""

    text: str | bytes
    line: int
    told: str


def body(text: str) -> str:
    """A post with this text in line LINE."""
    return post("Broken", body=f"First.\n\n{text}")


def header(line: str) -> str:
    """A post with one more line of front matter, its 8th."""
    return post("Broken", more=f"{line}\n")


ERRORS = {
    "no-title": Broken(post("X").replace('title: "X"\n', ""), 1, "title is missing. Add a line like title:"),
    "no-date": Broken(post("No Date").replace("date: 2024-01-02\n", ""), 1, "date is missing. Add a line like"),
    "empty-title": Broken(post("X").replace('"X"', '""'), 2, "title is empty. Fill it in"),
    "empty-file": Broken("", 1, "The file is empty. Write a header"),
    "twice": Broken(header("date: 2024-02-02"), 8, "date stands here and in line 3. Keep one of the two."),
    "bad-date": Broken(post("Bad Date", "2024-02-30"), 3, '"2024-02-30" is not a date: day is out of range'),
    "status": Broken(header("status: publish"), 8, 'status "publish" is unknown. Write published, draft or'),
    "latin": Broken(body("Café").encode("latin-1"), LINE, "This is not UTF-8 text. Save the file"),
    "nul": Broken(body("A\0B"), LINE, "There is a NUL character in this line. Delete it"),
    "fence": Broken(body("```python\nx = 1\n"), LINE, "A code block is opened with ``` here and not closed."),
    "tilde-fence": Broken(body("> ~~~\n> x\n> ```\n"), LINE, "A code block is opened with ~~~ here"),
    "conflict": Broken(body("<<<<<<< HEAD\nA\n=======\nB\n>>>>>>> b"), LINE, "A merge conflict was left here."),
    "clash": Broken(header("slug: post-7"), 8, 'p7.md:2 has the slug "post-7" too. Change it here'),
    "paper": Broken(body("[whitepaper: askng]"), LINE, 'There is no whitepaper "askng". Did you mean "asking"?'),
    "paper-in-header": Broken(header("whitepaper: askin"), 8, 'The whitepaper "askin" is not in content/whi'),
    "leaks-draft": Broken(body("[x]({attach}/kept-back.md)"), LINE, '"kept-back.md" is a post or page. Write'),
    "leaks-paper": Broken(body("[x]({static}/whitepapers/asking.md)"), LINE, "a whitepaper, and its text would"),
    "pasted": Broken(body(GATED), 9, "asking.md, for which readers sign up. Quote less"),
    "alias": Broken(header("aliases: [/post-3/]"), 8, 'The alias "/post-3/" is the address of something else.'),
    "not-yaml": Broken(post("X").replace('"X"', '"X'), 2, 'A value opens with " and never closes it. Put another'),
}
WARNINGS = {
    "misspelt": Broken(header("summry: x"), 8, 'The field "summry" is unknown. Did you mean "summary"?'),
    "author": Broken(post("Broken", author="Alise Archer"), 4, "has no file in content/authors/. Did you mean"),
    "category": Broken(
        post("Broken", category="Coachign"), 5, 'The category "Coachign" is unknown. Did you mean "Co'
    ),
    "link": Broken(body("[x]({filename}/p9999.md)"), LINE, 'There is no file "p9999.md" in '),
    "address": Broken(body("[x](/post-9999/)"), LINE, 'No page or file has the address "/post-9999/".'),
    "own-anchor": Broken(body("[x](#nowhere)"), LINE, 'This text has no part "#nowhere".'),
    "anchor": Broken(body("[x]({filename}/p5.md#sektion)"), LINE, '"Post 5" has no part "#sektion". Did you mean'),
    "anchor-of-address": Broken(body("[x](/post-5/#nowhere)"), LINE, '"Post 5" has no part "#nowhere".'),
    "file": Broken(body("![x]({static}/images/none.png)"), LINE, 'There is no file "images/none.png" in '),
    "no-words": Broken(body("![]({static}/images/dot.svg)"), LINE, "says nothing to readers who cannot see it."),
    "jump": Broken(body("## Two\n\n#### Four"), LINE + 2, "A heading of level 4 follows one of level 2."),
    "title-again": Broken(body("# One"), LINE, "This heading is of the same level as the title"),
    "heavy": Broken(body("![x]({static}/images/heavy.svg)"), LINE, 'The picture "images/heavy.svg" has 400 kB'),
    "blocked": Broken(body("<iframe src='https://example.com/'></iframe>"), LINE, "blocks <iframe>: readers"),
}
KINDS = {**ERRORS, **WARNINGS}
BOTH = {
    "two-in-one": Broken(
        post("Two", "soon", "First.\n\n[x](#nowhere)\n\n[whitepaper: askng]"),
        LINE,
        'This text has no part "#nowhere".',
    )
}
BESIDE: dict[str, str | bytes] = {
    "authors/alice-archer.md": ALICE,
    "images/dot.svg": PICTURE,
    "images/heavy.svg": PICTURE + b" " * 400_000,
    "whitepapers/asking.md": PAPER.format(GATED),
    "kept-back.md": post("Kept Back", more="status: draft\n"),
}


def good_post(number: int, count: int) -> str:
    """A post without fault, with links, parts, a picture and code."""
    words = " ".join(f"w{(number * place) % 997}" for place in range(1, 250))
    after = (number + 1) % count
    return post(
        f"Post {number}",
        f"20{10 + number % 14}-{number % 12 + 1:02}-{number % 28 + 1:02}",
        f"## Section\n\n{words}\n\n[next]({{filename}}/p{after}.md#section) [same](#section) [all](/archives/)\n\n"
        f"![A dot]({{static}}/images/dot.svg)\n\n### Below\n\n```python\nx = {number}\n```\n",
    )
