"""Wiki pages, dumps and texts, as they may come: read in a time that grows with them, or refused in one line."""

import bz2
import gzip
from xml.sax.saxutils import escape

from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.files import SECONDS, broken, seconds_of, seconds_to_read, texts
from tests.fuzz.test_tables import files as tables
from tinybert.corpus.documents import read_documents
from tinybert.corpus.markup import clean

SIGNS = (
    "{{", "}}", "[[", "]]", "{|", "|}", "|-\n", "\n|", "\n!", "|", "=", "\n== ", " ==\n", "'''", "''", "<!--", "-->",
    "&", "&#", "&amp;#", ";", "<nowiki>", "</nowiki>", "<ref>", "</ref>", "<ref name=a/>", "<ref ", "</ref", "<math>",
    "</math>", "<a ", "<a>", "</a>", "<a b='", "<div", "<br/>", "<li>", "<table>", "</table>", ">", "<", "/",
    "[http://a ", "[//a", "]", "[", "{", "}", "{{{", "}}}", "{{nowrap|", "{{lang|de|", "{{convert|1|", "{{formatnum:",
    "{{as of|lc=y|", "[[File:a.jpg|", "[[Category:", "[[de:", ".jpg", "\n* ", "\n# ", "\n:", "\n;", ":", ",", ", ",
    " ", "(", ")", "()", '"', ".", ". ", "\n", "\n\n", "__A", "\x0b", "。", "（", "）", "\ufeff", "a", "A word of it. ",
    "This is a sentence of some length, as pages have them.",
)  # fmt: skip
pieces = st.sampled_from(SIGNS) | texts


@st.composite
def pages(draw):
    """Markup in which some signs stand a thousand times and more."""
    parts = draw(st.lists(st.lists(pieces, min_size=1, max_size=4).map("".join) | pieces, min_size=1, max_size=6))
    return "".join((part * draw(st.sampled_from([1, 1, 1, 2, 50, 2000])))[:20_000] for part in parts)


@given(pages())
@example("<a " * 70_000)
@example("{{a|" * 70_000 + "}}" * 9)
@example("<ref></ref" * 9_000)
@example("<nowiki>" * 70_000)
@example("," * 70_000)
@example("x" + " ," * 70_000)
@example("a\n" * 200_000)
@example("<math>" + " " * 70_000)
@example("{{{a|" * 2_000 + "}}}" * 2_000)
@example("{{nowrap|" * 400 + "}}" * 400)
@example("&#" + "9" * 5_000 + ";")
@example("&amp;#" + "9" * 5_000 + ";")
def test_markup(markup):
    assert seconds_of(lambda: clean(markup)) < SECONDS


def element(name, content):
    return st.builds(lambda inner: f"<{name}>{inner}</{name}>", content)


@st.composite
def dumps(draw):
    text = pages().map(lambda page: escape(page[:3000]))
    revision = st.tuples(
        element("timestamp", st.sampled_from(["2001-01-01T00:00:00Z", "", "x"])), element("text", text)
    )
    parts = [element("title", texts.map(escape)), element("ns", st.sampled_from(["0", "1", "-1", "", "x"]))]
    parts += [st.sampled_from(["<redirect/>", ""]), element("revision", revision.map("".join)) | st.just("")]
    page = element("page", st.tuples(*parts).map("".join))
    about = st.sampled_from(["", '<siteinfo><namespaces><namespace key="6">Datei</namespace></namespaces></siteinfo>'])
    start = draw(
        st.sampled_from(["", '<?xml version="1.0" encoding="utf-8"?>', '<?xml version="1.0" encoding="x"?>', LAUGHS])
    )
    root = draw(st.sampled_from(["mediawiki", 'mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/"', "rss"]))
    pages_ = "".join(draw(st.lists(page | st.just("&e9;"), max_size=3)))
    return f"{start}<{root}>{draw(about)}{pages_}</{root.split()[0]}>".encode("utf-8", "surrogatepass")


ENTITIES = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))
LAUGHS = f"<!DOCTYPE mediawiki [<!ENTITY e0 'haha'>{ENTITIES}]>"
"""A bomb of XML's own."""
PACK = {"": bytes, ".bz2": bz2.compress, ".gz": lambda content: gzip.compress(content, mtime=0)}


@given(
    content=broken(dumps()),
    name=st.sampled_from(["a.xml", "a.xml.bz2"]),
    after=st.sampled_from([st.just, broken]),
    data=st.data(),
)
def test_dumps(content, name, after, data):
    packed = bz2.compress(content) if name.endswith("bz2") else content
    assert (
        seconds_to_read(name, data.draw(after(packed) if after is st.just else after(st.just(packed))), documents)
        < SECONDS
    )


def documents(file):
    return list(read_documents([file], {}))


@given(
    tables() | st.tuples(st.sampled_from(["a.txt", "a.txt.gz"]), broken(st.lists(texts).map("\n".join).map(str.encode)))
)
@example(("a.txt", b'<doc id="1" title="&#' + b"9" * 5000 + b';">\na\n</doc>\n'))
def test_documents(file):
    assert seconds_to_read(*file, documents) < SECONDS
