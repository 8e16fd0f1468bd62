"""Texts, labels and names with markup, script or templates in them do nothing in a browser: not in the report, not in
the cards, not on the server's page."""

from __future__ import annotations

import json
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
import uvicorn
from markdown_it import MarkdownIt
from transformers import BertConfig

from tests.evaluate.made_up import experiment, make_lineage, student, write_augmentation, write_evidence
from tests.examples.browser import BROWSER, page
from tests.serve.fake_model import FakeModel
from tinybert.models.card import write_card
from tinybert.report.cards import render_card
from tinybert.report.gather import gather
from tinybert.report.write import write_report
from tinybert.serve.app import create_app
from tinybert.serve.limits import Limits
from tinybert.serve.server import bind

in_a_browser = pytest.mark.skipif(not BROWSER, reason="needs chromium")
HOSTILE = (
    "<script>top.ran=1</script>",
    "</title></style></textarea></svg><script>top.ran=1</script>",
    "<img src=x onerror=top.ran=1>",
    '"><svg onload=top.ran=1>',
    "' autofocus onfocus='top.ran=1",
    "<details open ontoggle=top.ran=1>",
    '<iframe srcdoc="<script>top.ran=1</script>"></iframe>',
    '<a href="javascript:top.ran=1">a</a> javascript:top.ran=1',
    '[a](javascript:top.ran=1) ![a](x"onerror="top.ran=1) <javascript:top.ran=1>',
    "`<script>top.ran=1</script>` ``` --> ]]> \\<script>top.ran=1\\</script>",
    "{{ 7 * 191 }} {% raw %} ${7 * 191} {{ cycler.__init__.__globals__.os.system('touch ran') }}",
    "&lt;script&gt;top.ran=1&lt;/script&gt;",
)
LOOK = """new Promise(done => setTimeout(() => {
    for (const each of document.querySelectorAll("details, a, b, svg, td"))
        for (const event of ["focus", "mouseover", "toggle"]) each.dispatchEvent(new Event(event));
    const links = [...document.querySelectorAll("a, area, form, iframe, object, embed")];
    const to = links.map(each => each.href || each.action || each.src || "").filter(to => /script:/.test(to));
    setTimeout(() => done({ran: window.ran || null, to, text: document.body.textContent, title: document.title}), 300);
}, 300))"""
"""What is run late, an image that isn't there for one, has half a second."""


def look(url, folder, before="document.body"):
    """What there is to see at an address: whether something of the hostile texts ran, and where links of script lead.

    Args:
        before: a condition to wait for, as JavaScript.
    """
    with page(BROWSER, url, folder / "profile", seconds=60) as evaluate:
        end = monotonic() + 30
        while not evaluate(f"location != 'about:blank' && document.readyState == 'complete' && !!({before})"):
            assert monotonic() < end, before
            sleep(0.05)
        return SimpleNamespace(**evaluate(LOOK))


def write_hostile(root):
    """All that the report reads of a student, with hostile texts wherever there is room for some."""
    folder = write_evidence(root, "movies-tinybert4", names=list(HOSTILE), texts=HOSTILE, variant=HOSTILE[0])
    write_augmentation(folder, " ".join(HOSTILE), f"{HOSTILE[2]} {' '.join(HOSTILE)}")
    lineage = hostile_lineage()
    (folder / "lineage.json").write_text(json.dumps(make_lineage("tiny") | lineage))
    return {"movies-tinybert4": student()}


def hostile_lineage():
    """As a model that was imported may bring one along."""
    texts = " ".join(HOSTILE)
    before = {"stage": texts, "params": {texts: texts}, "inputs": {}, "facts": {}}
    return {"inputs": {texts: {"path": texts, "sha256": texts, "lineage": before}}, "libraries": {texts: texts}}


@in_a_browser
def test_the_browser_sees_what_runs(tmp_path):
    """Else the tests below would hold of any page."""
    for number, text in enumerate(HOSTILE[:6]):
        (tmp_path / "a.html").write_text(f"<!doctype html><title>a</title><input value='{text}'>{text}")
        assert look((tmp_path / "a.html").as_uri(), tmp_path / str(number)).ran == 1, text


@in_a_browser
def test_the_report_shows_it(tmp_path):
    write_report(experiment(write_hostile(tmp_path)), tmp_path)
    seen = look((tmp_path / "reports/index.html").as_uri(), tmp_path)
    assert (seen.ran, seen.to, seen.title) == (None, [], "tinybert · made-up")
    for text in HOSTILE:
        assert text in seen.text


class Hostile(FakeModel):
    """Its name is as hostile as that of a folder can be."""

    name, labels = HOSTILE[2], list(HOSTILE)

    def one(self, text):
        shares = {label: 1 / len(HOSTILE) for label in HOSTILE}
        return SimpleNamespace(label=HOSTILE[len(text) % 2], probabilities=shares, logits=[0.0, len(text) / 99])


@contextmanager
def served(model):
    listening = bind("127.0.0.1", 0)
    app = create_app([model, model], Limits(texts=8, characters=5000, queue=512, batch=8), 1)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


@in_a_browser
def test_the_servers_page_shows_it(tmp_path):
    """The text comes by a link, as from somebody else."""
    texts = " ".join(HOSTILE)
    with served(Hostile()) as address:
        seen = look(f"{address}/?{urlencode({'text': texts})}", tmp_path, "document.querySelector('article')")
        assert (seen.ran, seen.to, seen.title) == (None, [], HOSTILE[2])
        assert texts in seen.text
        for label in HOSTILE[:8]:  # as many bars as the page has
            assert label in seen.text
        refused = look(
            f"{address}/?{urlencode({'text': texts * 9})}",
            tmp_path / "long",
            "document.querySelector('#trouble')?.textContent",
        )
        assert (refused.ran, refused.to) == (None, [])
        docs = look(f"{address}/docs", tmp_path / "docs", "document.querySelector('.info')")
        assert (docs.ran, docs.to) == (None, [])


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.links, self.words = set(), [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        self.links += [value for name, value in attrs if name not in ("class", "style")]

    def handle_data(self, data):
        self.words += data


OF_A_CARD = {"h1", "h2", "p", "pre", "code", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}


def rendered(card):
    """As a page that lets HTML through would show it, which the hub is not."""
    return Tags(MarkdownIt("commonmark", {"html": True}).enable("table").render(card.partition("\n---\n")[2]))


def test_cards_show_it(tmp_path):
    (evidence,) = gather(experiment(write_hostile(tmp_path)), tmp_path / "evaluation/made-up")
    text = render_card(evidence)
    card = rendered(text)
    assert (card.found - OF_A_CARD, card.links) == (set(), [])
    for each in HOSTILE:
        assert " ".join(each.split()) in card.words


def test_the_card_beside_a_model_shows_it(tmp_path):
    names = dict(enumerate(HOSTILE))
    config = BertConfig(id2label=names, label2id={name: number for number, name in names.items()})
    config.architectures = ["BertForSequenceClassification"]
    (tmp_path / "lineage.json").write_text(json.dumps(make_lineage("tiny") | hostile_lineage()))
    write_card(tmp_path, config, Path("models/students/tiny"), "movies", 64)
    card = rendered((tmp_path / "README.md").read_text())
    assert (card.found - OF_A_CARD, card.links) == (set(), [])
    for each in HOSTILE:
        assert each in card.words
