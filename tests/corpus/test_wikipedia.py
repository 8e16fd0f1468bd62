"""A dump as running text: which pages stay, what of their markup stays, and in how much memory."""

from __future__ import annotations

import bz2
import tracemalloc
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tinybert.corpus.wikipedia import read_dump
from tinybert.errors import UserError

SENTENCE = "The quick brown Fox jumps over the lazy Dog of London."
ARTICLE = " ".join([SENTENCE] * 6)

STUBS = {
    "Chinese": "村子东边有一个很小的渡口，每天只有一条木船来往。船夫早上先把水桶搬上岸。",
    "Japanese": "丘の上に古い灯台があります。番人は「明かりをつけます。」と言いました！窓は鳴りますか？",
    "Hindi": "गाँव के बीच में एक पुराना कुआँ है। सुबह लोग वहाँ पानी भरने आते हैं॥ ",
    "Urdu": "گاؤں کے بیچ میں ایک پرانا کنواں ہے۔ لوگ وہاں پانی بھرتے ہیں؟ ",
    "Armenian": "Գյուղի մեջտեղում հին ջրհոր կա։ Մարդիկ այնտեղ ջուր են վերցնում։ ",
    "Amharic": "በመንደሩ መካከል አሮጌ ጉድጓድ አለ። ሰዎች ውሃ ይቀዳሉ። ",
    "Burmese": "ရွာအလယ်မှာ ရေတွင်းဟောင်း ရှိသည်။ လူများ ရေခပ်ကြသည်။ ",
    "Tibetan": "གྲོང་གསེབ་ཀྱི་དཀྱིལ་ན་ཁྲོན་པ་རྙིང་པ་ཞིག་ཡོད། མི་རྣམས་ཆུ་ལེན་དུ་འགྲོ། ",
    "Khmer": "នៅកណ្តាលភូមិមានអណ្តូងចាស់មួយ។ មនុស្សមកដងទឹក ",
    "Thai": "กลางหมู่บ้านมีบ่อน้ำเก่า ชาวบ้านมาตักน้ำทุกเช้า ",
    "Lao": "ກາງບ້ານມີນໍ້າສ້າງເກົ່າ ຊາວບ້ານມາຕັກນໍ້າ ",
}
"""Sentences of a village, eight times an article, once a stub."""


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
        + page("Foxen", "#WEITERLEITUNG [[Fox]]")
        + page("Fox (disambiguation)", "'''Fox''' may refer to:\n" + f"* [[Fox]]. {SENTENCE}\n" * 9)
        + page("Stub", SENTENCE)
        + page("Hatnote", "{{about|the animal|other uses|Fox (disambiguation)}} " + ARTICLE)
    )


@pytest.mark.parametrize("name", ["a.xml", "a.xml.bz2", "a.xml-p1p2.bz2"])
def test_which_pages_stay(name: str, pages: bytes, tmp_path: Path) -> None:
    streams = [bz2.compress(half) for half in (pages[:999], pages[999:])]  # as in a multistream dump
    (tmp_path / name).write_bytes(b"".join(streams) if name.endswith("bz2") else pages)
    dropped: dict[str, int] = {}
    articles = list(read_dump(tmp_path / name, dropped))
    assert articles == [("Fox", f"Fox animals. {ARTICLE}\n{SENTENCE}"), ("Hatnote", ARTICLE)]
    assert dropped == {"other namespaces": 1, "redirects": 1, "stubs": 3}


def test_number_of_processes_does_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybert.corpus.wikipedia.BATCH", 1000)
    texts = ["#REDIRECT [[Fox]]", SENTENCE, f"* {ARTICLE}", ARTICLE * 20, ARTICLE]
    (tmp_path / "a.xml").write_bytes(dump("".join(page(f"Page {n}", texts[n % 5]) for n in range(100))))
    dropped: dict[int, dict[str, int]] = {1: {}, 3: {}}
    one, several = (list(read_dump(tmp_path / "a.xml", dropped[number], number)) for number in dropped)
    assert one == several
    assert len(one) == 40
    assert dropped[1] == dropped[3] == {"other namespaces": 0, "redirects": 0, "stubs": 60}


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


@pytest.mark.parametrize("text", STUBS.values(), ids=STUBS)
def test_a_script_without_spaces_or_full_stops_comes_out_whole(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(dump(page("Long", text * 8) + page("Stub", text)))
    assert list(read_dump(tmp_path / "a.xml", {})) == [("Long", (text * 8).strip())]


def test_the_newest_revision_counts_in_a_dump_without_xmlns_too(tmp_path: Path) -> None:
    revisions = "".join(
        f"<revision><timestamp>{year}-01-01T00:00:00Z</timestamp><text>{year}. {ARTICLE}</text></revision>"
        for year in (2003, 2019, 2011)
    )
    (tmp_path / "a.xml").write_bytes(
        dump(f"<page><title>Fox</title>{revisions}</page>" + page("Dog", ARTICLE)).replace(b"xmlns=", b"was=")
    )
    assert list(read_dump(tmp_path / "a.xml", {})) == [("Fox", f"2019. {ARTICLE}"), ("Dog", ARTICLE)]


@pytest.mark.parametrize("processes", [1, 2])
def test_pictures_and_categories_by_the_names_of_the_wiki(processes: int, tmp_path: Path) -> None:
    names = '<namespace key="6">Fájl</namespace><namespace key="14">Kategória</namespace>'
    markup = f"[[Fájl:A|bélyeg|{SENTENCE}]] {ARTICLE} [[Vita:B|B]] [[kategória:C]][[Kép:D.jpg|{SENTENCE}]]{SENTENCE}"
    (tmp_path / "a.xml").write_bytes(dump(f"<siteinfo><namespaces>{names}</namespaces></siteinfo>" + page("A", markup)))
    assert list(read_dump(tmp_path / "a.xml", {}, processes)) == [("A", f"{ARTICLE} B {SENTENCE}")]


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("a.xml.bz2", lambda pages: bz2.compress(pages)[:-30]),
        ("a.xml.bz2", lambda pages: b""),
        ("a.xml", lambda pages: pages[:-30]),
        ("a.xml", lambda pages: pages.replace(b"</title>", b"</tile>")),
        ("a.xml", lambda pages: b"<html><body/></html>"),
        ("a.xml", lambda pages: b'<?xml version="1.0" encoding="foo"?>' + pages),
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
