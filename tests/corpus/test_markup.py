"""Markup as running text: what of it is a sentence, and what goes."""

from __future__ import annotations

import pytest

from tinybert.corpus.markup import clean

LEFT = "This is all that is left over."


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
            "It is {{convert|10|km|mi|abbr=on}}, {{cvt|3|to(-)|4|ft|m}}, {{cvt|5|ft|6|in}} {{nowrap|away}}{{snd}}so.",
            "It is 10 km, 3 to 4 ft, 5 ft 6 in away – so.",
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
        (f"{LEFT} [[Datei:a.jpg|mini|Ein Bild.]][[Fichier:b.svg|vignette|Une image [[c]].]]", LEFT),
        (f"{LEFT} He met President Lyndon B. [[Johnson]] and said:\n* item", LEFT),
        (
            "It remains {{as of|2014|lc=y}}, {{formatnum: 3003}}, {{date|1|mai|2001}}, up[on] <code>x = 1</code>.",
            "It remains as of 2014, 3003, 1 mai 2001, upon x = 1.",
        ),
        (f"<ul><li>An item of a list that has words.</li></ul>\n<ref name=a/>{LEFT}", LEFT),
        ("渡口（{{lang-en|ferry}}，{{IPA|x}}）在村子的东边。", "渡口（ferry）在村子的东边。"),
        ("This }} is all &#123;&#123; that is left over.\n\n" + LEFT, f"{LEFT}\n{LEFT}"),
        (f"[[File:a.jpg|thumb|A [[caption not closed\n\n{LEFT} It has [[links]].", f"{LEFT} It has links."),
    ],
)
def test_cleaning(markup: str, text: str) -> None:
    assert clean(markup) == text


@pytest.mark.parametrize(
    "markup",
    ["[http://a " * 1000, "{{x" + "|a" * 4000 + "}}", "==" + " " * 40_000 + "x", "{{a " * 40_000, "{a " * 40_000],
    ids=["links", "pipes", "spaces", "templates", "braces"],
)
def test_a_long_line_of_signs_costs_itself_alone(markup: str) -> None:
    """And no more than a moment."""
    assert clean(f"{LEFT}\n\n{markup}") == LEFT
