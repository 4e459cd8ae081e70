"""Makes up the posts that `make bench-build` builds: the same on every machine, and as many as are wanted.

Nobody's real blog has ten thousand posts that may be given away, and random letters would flatter whoever compares
posts by their words. So words, tags and topics follow Zipf's law as Mandelbrot has it, which spares the first few
from being everywhere, and each post prefers the words and tags of its topic: related posts mean something. Post
number n depends on n alone, so the first thousand of ten thousand posts are the corpus of one thousand. Texts have
letters, commas and full stops only: each side sets other signs in its own way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random

SEED = "blog posts, first edition"
TOPICS, WORDS_OF_ALL, WORDS_OF_TOPIC = 40, 6_000, 150
CATEGORIES, AUTHORS, TAGS = 10, 20, 200
FIRST_DAY, DAYS = datetime(2014, 1, 1, 6, 0, tzinfo=UTC), 3_652
NEWEST = FIRST_DAY + timedelta(days=DAYS + 1)
STARTS = (*"bdfghklmnprstvw", "st", "tr", "pl")
SYLLABLES = [start + vowel for start in STARTS for vowel in "aeiou"]
CODE_EVERY = 5
SHIFT = 2.7
"""Mandelbrot's: the n-th of several things is drawn 1 / (n + SHIFT) times as often."""


@dataclass(frozen=True)
class Post:
    """The facts of one post; the body is Markdown that all three sides read alike."""

    slug: str
    title: str
    date: datetime
    category: str
    author: str
    tags: tuple[str, ...]
    keywords: tuple[str, ...]
    summary: str
    body: str


@dataclass(frozen=True)
class Weighted:
    """Things to draw from, the first the likeliest; `chances` add up from one to the next."""

    things: Sequence[str]
    chances: Sequence[float]

    def draw(self, chance: Random, count: int) -> list[str]:
        """Return `count` of them, some perhaps twice."""
        return chance.choices(self.things, cum_weights=self.chances, k=count)


@dataclass(frozen=True)
class Vocabulary:
    """All names and words of the corpus."""

    common: Weighted
    topics: Weighted
    of_topic: Sequence[Weighted]
    tags: Weighted
    tags_of_topic: Sequence[Weighted]
    categories: Sequence[str]
    authors: Weighted


def by_zipf(things: Sequence[str]) -> Weighted:
    """Weigh things by their rank."""
    return Weighted(things, list(accumulate(1 / (rank + SHIFT) for rank in range(1, len(things) + 1))))


@cache
def vocabulary() -> Vocabulary:
    """Make up the words, each once."""
    chance, made = Random(f"{SEED}: words"), dict[str, None]()
    total = WORDS_OF_ALL + TOPICS * WORDS_OF_TOPIC + TAGS + CATEGORIES + 2 * AUTHORS
    while len(made) < total:
        made["".join(chance.choices(SYLLABLES, k=chance.choice((1, 2, 2, 3, 3, 4)))) + chance.choice("nrsl")] = (
            None
        )
    words = iter(made)

    def take(count: int) -> list[str]:
        return [next(words) for _ in range(count)]

    common, topics = take(WORDS_OF_ALL), [take(WORDS_OF_TOPIC) for _ in range(TOPICS)]
    tags, categories = take(TAGS), [name.capitalize() for name in take(CATEGORIES)]
    names = [name.capitalize() for name in take(2 * AUTHORS)]
    authors = [" ".join(pair) for pair in zip(names[::2], names[1::2], strict=True)]
    return Vocabulary(
        common=by_zipf(common),
        topics=by_zipf([str(topic) for topic in range(TOPICS)]),
        of_topic=[by_zipf(own) for own in topics],
        tags=by_zipf(tags),
        tags_of_topic=[by_zipf(tags[topic::TOPICS]) for topic in range(TOPICS)],
        categories=categories,
        authors=by_zipf(authors),
    )


def slug(number: int) -> str:
    """Return a post's slug."""
    chance = Random(f"{SEED}: slug {number}")
    return "-".join([*vocabulary().common.draw(chance, 2), str(number)])


def post(number: int, newest: bool = False) -> Post:
    """Make up one post; `newest` dates it after all others, as a post is that is published now."""
    names, chance = vocabulary(), Random(f"{SEED}: post {number}")
    topic = int(names.topics.draw(chance, 1)[0])
    own = names.of_topic[topic]
    wanted = chance.randint(3, 5)
    tags = dict.fromkeys(names.tags_of_topic[topic].draw(chance, 2))
    while len(tags) < wanted:
        tags |= dict.fromkeys(names.tags.draw(chance, 1))
    date = FIRST_DAY + timedelta(days=chance.randrange(DAYS), minutes=chance.randrange(1_000))
    writer = Writer(chance, names.common, own)
    return Post(
        slug=slug(number),
        title=" ".join(writer.words(chance.randint(3, 6))).capitalize(),
        date=NEWEST + timedelta(minutes=number) if newest else date,
        category=names.categories[topic % CATEGORIES],
        author=names.authors.draw(chance, 1)[0],
        tags=tuple(tags),
        keywords=tuple(dict.fromkeys(own.draw(chance, 4))),
        summary=writer.sentence(chance.randint(12, 20)),
        body=writer.body(number, chance.randint(620, 825)),
    )


@dataclass(frozen=True)
class Writer:
    """Writes Markdown with the words of one topic among those of all."""

    chance: Random
    common: Weighted
    own: Weighted

    def words(self, count: int) -> list[str]:
        """Return words, three in ten of them the topic's."""
        mine = sum(self.chance.random() < 0.3 for _ in range(count))
        words = self.own.draw(self.chance, mine) + self.common.draw(self.chance, count - mine)
        self.chance.shuffle(words)
        return words

    def sentence(self, count: int) -> str:
        """Return a sentence, in two parts where it is long."""
        words = self.words(count)
        if count > 9:
            words[count // 2] += ","
        return " ".join(words).capitalize() + "."

    def paragraph(self, count: int) -> str:
        """Return a paragraph of about so many words, with a stressed one here and there."""
        sentences = []
        while count > 0:
            length = min(self.chance.randint(6, 18), max(6, count))
            sentences.append(self.sentence(length))
            count -= length
        if self.chance.random() < 0.3:
            sentences[-1] = f"**{sentences[-1]}**"
        return " ".join(sentences)

    def items(self) -> str:
        """Return a list of short points."""
        return "\n".join(f"- {self.sentence(self.chance.randint(4, 8))}" for _ in range(self.chance.randint(3, 5)))

    def links(self, number: int) -> str:
        """Return a sentence with a link to an earlier post and one to another site."""
        earlier = slug(self.chance.randrange(number)) if number else ""
        inside, outside, rest = (" ".join(self.words(count)) for count in (2, 2, 6))
        here = f"[{inside}](/{earlier}/)" if earlier else inside
        return f"{here.capitalize()} {rest} [{outside}](https://example.com/{self.words(1)[0]})."

    def code(self) -> str:
        """Return a fenced block of Python."""
        name, first, second = self.words(3)
        lines = [f"def {name}({first}):", f"    {second} = [each * 2 for each in {first}]"]
        lines += [f'    print("{word}", {second})' for word in self.words(self.chance.randint(3, 9))]
        return "\n".join(["```python", *lines, f"    return {second}", "```"])

    def body(self, number: int, count: int) -> str:
        """Return a text of about so many words: an opening, then sections, in which a post's usual parts occur."""
        sections = self.chance.randint(3, 5)
        parts = [self.paragraph(70), *([self.code()] if number % CODE_EVERY == 0 else [])]
        extras = [self.items(), f"> {self.sentence(14)}", self.links(number)]
        each = (count - 70 - 60) // sections
        for section in range(sections):
            parts.append("## " + " ".join(self.words(self.chance.randint(2, 5))).capitalize())
            parts += [self.paragraph(each // 2), *extras[section::sections], self.paragraph(each // 2)]
        return "\n\n".join(parts) + "\n"
