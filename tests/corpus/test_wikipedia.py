"""A dump as running text: which pages stay, what of their markup stays, and in how much memory."""

from __future__ import annotations

import bz2
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tinybert.corpus.markup import clean
from tinybert.corpus.wikipedia import read_dump
from tinybert.errors import UserError

LEFT = "This is all that is left over."
SENTENCE = "The quick brown Fox jumps over the lazy Dog of London."
ARTICLE = " ".join([SENTENCE] * 6)


def page(title: str, markup: str, namespace: int = 0, extra: str = "") -> str:
    return (
        f"<page><title>{title}</title><ns>{namespace}</ns><id>1</id>{extra}"
        f'<revision><id>2</id><text xml:space="preserve">{escape(markup)}</text></revision></page>'
    )


def dump(pages: str) -> bytes:
    site = "<siteinfo><sitename>Wikipedia</sitename></siteinfo>"
    space = 'xmlns="http://www.mediawiki.org/xml/export-0.11/"'
    return f"<mediawiki {space}>{site}{pages}</mediawiki>".encode()


@pytest.fixture
def pages() -> bytes:
    return dump(
        page("Fox", f"'''Fox''' [[animal]]s. {ARTICLE}\n\n{SENTENCE}")
        + page("Dog", ARTICLE, namespace=4)
        + page("Foxes", "#REDIRECT [[Fox]]", extra='<redirect title="Fox" />')
        + page("Foxen", "#redirect [[Fox]]")
        + page("Fox (name)", f"{ARTICLE}\n{{{{Disambiguation}}}}")
        + page("Fox (disambiguation)", ARTICLE)
        + page("Stub", SENTENCE)
        + page("Hatnote", "{{about|the animal|other uses|Fox (disambiguation)}} " + ARTICLE)
    )


@pytest.mark.parametrize("name", ["a.xml", "a.xml.bz2", "a.xml-p1p2.bz2"])
def test_which_pages_stay(name: str, pages: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(bz2.compress(pages) if name.endswith("bz2") else pages)
    dropped: dict[str, int] = {}
    articles = list(read_dump(tmp_path / name, dropped))
    assert articles == [("Fox", f"Fox animals. {ARTICLE}\n{SENTENCE}"), ("Hatnote", ARTICLE)]
    assert dropped == {"other namespaces": 1, "redirects": 2, "disambiguation": 2, "stubs": 1}


def test_number_of_processes_does_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybert.corpus.wikipedia.BATCH", 1000)
    texts = ["#REDIRECT [[Fox]]", SENTENCE, f"{ARTICLE} {{{{dab}}}}", ARTICLE * 20, ARTICLE]
    (tmp_path / "a.xml").write_bytes(dump("".join(page(f"Page {n}", texts[n % 5]) for n in range(100))))
    one: dict[str, int] = {}
    several: dict[str, int] = {}
    articles = list(read_dump(tmp_path / "a.xml", one, processes=1))
    assert list(read_dump(tmp_path / "a.xml", several, processes=3)) == articles
    assert len(articles) == 40
    assert several == one == {"other namespaces": 0, "redirects": 20, "disambiguation": 20, "stubs": 20}


@pytest.mark.parametrize("processes", [1, 2])
def test_damage_is_told_after_the_articles_before_it(processes: int, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(dump(page("Fox", ARTICLE) + "<page><broken"))
    articles = read_dump(tmp_path / "a.xml", {}, processes=processes)
    assert processes == 2 or next(articles)[0] == "Fox"
    with pytest.raises(UserError, match="not valid XML"):
        list(articles)


def test_bytes_read_are_told(tmp_path: Path) -> None:
    told: list[int] = []
    (tmp_path / "a.xml").write_bytes(dump("".join(page(f"Page {n}", ARTICLE) for n in range(1000))))
    assert list(read_dump(tmp_path / "a.xml", {}, at=told.append))
    assert told == sorted(told)
    assert told[0] < told[-1] == (tmp_path / "a.xml").stat().st_size


def test_stub_is_a_matter_of_words(pages: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(pages)
    assert "Stub" in [title for title, _ in read_dump(tmp_path / "a.xml", {}, minimum_words=5)]


def test_streams_of_a_multistream_dump_are_one(pages: bytes, tmp_path: Path) -> None:
    half = len(pages) // 2
    (tmp_path / "a.xml.bz2").write_bytes(bz2.compress(pages[:half]) + bz2.compress(pages[half:]))
    assert len(list(read_dump(tmp_path / "a.xml.bz2", {}))) == 2


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("a.xml.bz2", lambda pages: bz2.compress(pages)[:-30]),
        ("a.xml.bz2", lambda pages: pages),
        ("a.xml.bz2", lambda pages: b""),
        ("a.xml.bz2", lambda pages: bz2.compress(pages[:-30])),
        ("a.xml", lambda pages: pages[:-30]),
        ("a.xml", lambda pages: pages.replace(b"</title>", b"</tile>")),
        ("a.xml", lambda pages: b"<html><body/></html>"),
        ("a.xml", lambda pages: b'<?xml version="1.0" encoding="foo"?>' + pages),
        ("a.xml", lambda pages: b'<?xml version="1.0" encoding="utf-7"?>' + pages),
    ],
)
def test_damaged_dumps(name: str, spoil, pages: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(spoil(pages))
    with pytest.raises(UserError, match=name) as error:
        list(read_dump(tmp_path / name, {}))
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(("; fetch it again", "; take a …-pages-articles.xml"))


def test_memory_does_not_grow_with_the_dump(tmp_path: Path) -> None:
    def peak(number: int) -> int:
        (tmp_path / "a.xml").write_bytes(dump("".join(page(f"Page {n}", ARTICLE * 5) for n in range(number))))
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_dump(tmp_path / "a.xml", {})) == number
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)
    assert peak(400) < 1.3 * peak(20)


def test_articles_come_before_the_dump_has_been_read(tmp_path: Path) -> None:
    def broken() -> Iterator[str]:
        yield "".join(page(f"Page {n}", ARTICLE * 20) for n in range(100))
        yield "<page><broken"

    (tmp_path / "a.xml").write_bytes(dump("".join(broken())))
    assert len(list(islice(read_dump(tmp_path / "a.xml", {}), 3))) == 3


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("'''Bold''' and ''italic'' words in the '''''Sentence'''''.", "Bold and italic words in the Sentence."),
        ("A [[link]], a [[target page|Shown]] one, [[plural]]s here.", "A link, a Shown one, plurals here."),
        (
            "The site [http://a.org its name] and [http://b.org] or https://c.org/x_y here.",
            "The site its name and or here.",
        ),
        (
            "Known.<ref>{{cite|title=T}} No.</ref> And<ref name='a/b' /> three known words<ref name=c>x<br/>y</ref>.",
            "Known. And three known words.",
        ),
        ("Five&nbsp;words &amp; more &ndash; in&amp;nbsp;all here.", "Five words & more – in all here."),
        (
            "When a < b and c &lt; d, then most of this stays > here.",
            "When a < b and c < d, then most of this stays > here.",
        ),
        (
            'It is <small>so</small><br />much <span class="x">smaller</span> than<!-- no\n\n --> that.',
            "It is so much smaller than that.",
        ),
        ("Let <math>n</math> be one of the numbers.<math>\\sum_{i=1}^{n}</math>", "Let n be one of the numbers."),
        (
            "Born ({{IPA|xyz}}; 1 May 1900; {{age}}) in the City of {{citation needed}} Rome.",
            "Born (1 May 1900) in the City of Rome.",
        ),
        (
            "A name ({{lang-fr|le nom}}), or ({{IPA-fr|x}}) for many people , as {{lang|la|nomen}}.",
            "A name (le nom), or for many people, as nomen.",
        ),
        (
            "It is {{convert|10|km|mi|abbr=on}} or {{convert|3|to|4|ft}} from {{nowrap|here}}{{snd}}always.",
            "It is 10 km or 3 to 4 ft from here – always.",
        ),
        (
            "It is called {{langx|de|Deutschland}} in the Language of it.",
            "It is called Deutschland in the Language of it.",
        ),
        ("__NOTOC__{{Infobox|name={{nested|x={{deep}}}}|y=[[z|w]]}}\n" + LEFT, LEFT),
        ("[[File:a b.jpg|thumb|upright=1.2|A caption with a [[link|Link]] in it.]]\n" + LEFT, LEFT),
        (f"{LEFT}\n[[Category:Things|Sort]]\n[[de:Ding]]\n[[zh-min-nan:X]]", LEFT),
        ("An episode of [[CSI: Miami]] is still one of those.", "An episode of CSI: Miami is still one of those."),
        ('{| class="wikitable"\n! Head of it all\n|-\n| A cell that has many words in it.\n|}\n' + LEFT, LEFT),
        (
            "* An item of a list that has many words.\n# Another item of a list that has words.\n; A term of it all.\n"
            f"{LEFT}\n:* An inner item of a list with words.",
            LEFT,
        ),
        ("== A heading that has words. ==\nThis is all that is left over.\n=== Another one. ===\n----", LEFT),
        ("thumb|left|A caption that was not closed here.\n" + LEFT, LEFT),
        (
            "A sentence that was\nbroken by hand here.\n\nAnother one that was\nbroken too.",
            "A sentence that was broken by hand here.\nAnother one that was broken too.",
        ),
        (f"{LEFT} It introduces the following:\n* item\n* item", LEFT),
        (f"{LEFT}\n\n:An indented quotation is a Paragraph too.", f"{LEFT}\nAn indented quotation is a Paragraph too."),
        ("<gallery>\nFile:x.jpg|A picture with words in it.\n</gallery>\n" + LEFT, LEFT),
        (
            "The signs <nowiki>{{</nowiki> and <nowiki>[[a|b]]</nowiki> are no Markup.\n\n" + LEFT,
            "The signs {{ and [[a|b]] are no Markup.\n" + LEFT,
        ),
        (LEFT + " {{Infobox|never closed\nwith a {{convert|10|km}} in it.\n\n" + LEFT, f"{LEFT}\n{LEFT}"),
        (LEFT + "{{cite|title=a {x b}} It goes on in here.\n\n" + LEFT, f"{LEFT} It goes on in here.\n{LEFT}"),
        (LEFT + "{{cite|title={a} and {b}}} It goes on in here.", f"{LEFT} It goes on in here."),
        ("This }} is all &#123;&#123; that is left over.\n\n" + LEFT, f"{LEFT}\n{LEFT}"),
        (f"[[File:a.jpg|thumb|A [[caption not closed\n\n{LEFT} It has [[links]].", f"{LEFT} It has links."),
    ],
)
def test_cleaning(markup: str, text: str) -> None:
    assert clean(markup) == text


def test_sections_without_running_text_go_with_what_is_under_them() -> None:
    markup = (
        f"{SENTENCE}\n== History ==\nThere was one history of it all.\n"
        "== See also ==\nThis is a line of the see also.\n=== Books ===\nThis is a line of the books.\n"
        "== Legacy ==\nThere was one legacy of it all.\n"
        "== References and notes ==\nThis is a line of the references.\n==External links==\nThis is one of the links."
    )
    assert clean(markup) == f"{SENTENCE}\nThere was one history of it all.\nThere was one legacy of it all."


def test_sections_that_tell_of_literature_resources_or_works_stay() -> None:
    sections = "".join(
        f"== {title} ==\n{title} are what this is about.\n* An item of a list that has many words.\n"
        for title in ("Literature", "Resources", "Works")
    )
    assert clean(sections + "== Selected works ==\nThis is a line of the works.").split("\n") == [
        "Literature are what this is about.",
        "Resources are what this is about.",
        "Works are what this is about.",
    ]


@pytest.mark.parametrize(
    "markup",
    ["[http://a " * 10_000, "{{x" + "|a" * 40_000 + "}}", "==" + " " * 40_000 + "x", "{{a " * 40_000, "{a " * 40_000],
    ids=["links", "pipes", "spaces", "templates", "braces"],
)
def test_a_long_line_of_signs_costs_itself_alone(markup: str) -> None:
    """And no more than a moment: where time grows with a power of its length, this takes minutes."""
    assert clean(f"{LEFT}\n\n{markup}") == LEFT
