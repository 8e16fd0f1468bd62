"""The routes, asked in this process."""

import json
import re

import pytest
from fastapi.testclient import TestClient

from tests.serve.fake_model import FakeModel
from tinybert.serve.app import PAGE, create_app
from tinybert.serve.limits import Limits

TEXTS = ["sunny", "wet", "sunny and mild"]


@pytest.fixture
def client():
    limits = Limits(texts=8, characters=50, queue=8, batch=2)
    with TestClient(create_app([FakeModel(), FakeModel()], limits, 1)) as client:
        yield client


def test_answers_are_the_models(client):
    expected = [
        {"label": one.label, "probabilities": one.probabilities}
        for one in FakeModel().answer([(text,) for text in TEXTS])
    ]
    found = client.post("/predict", json={"texts": TEXTS}).json()
    assert found["answers"] == expected
    one = client.post("/predict", json={"text": TEXTS[0]}).json()
    assert one.pop("milliseconds") > 0
    assert one == expected[0]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"texts": ["wet"] * 9}, 422, "at most 8 in a request, found 9"),
        ({"text": "x" * 51}, 422, "at most 50 characters, found 51"),
        ({"text": "x" * 6000}, 413, "at most 4,800 bytes"),
        ({"text": "half \ud800"}, 422, "half a character"),
        ({"text": "broken"}, 422, "can't be read"),
        ({"texts": []}, 422, "texts"),
        ({"tekst": "wet"}, 422, "one.text: Field required"),
        ({"texts": [["a", "b", "c"]]}, 422, "found 3 together"),
        (["wet"], 422, "valid dictionary"),
    ],
)
def test_what_is_refused_is_told(client, body, status, says):
    reply = client.post("/predict", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert reply.status_code == status
    assert says in reply.json()["detail"]
    assert client.post("/predict", json={"text": "wet"}).status_code == 200


def test_explain_has_the_words_of_each_model(client):
    found = client.post("/explain", json={"text": "a <b>sunny</b> day"}).json()
    assert len(found) == 2
    for answer in found:
        assert [part["text"] for part in answer["parts"] if part["flips"]] == ["sunny"]
        assert "".join(part["text"] for part in answer["parts"]) == "a <b>sunny</b> day"


def test_health_and_metrics(client):
    assert client.get("/health").json()["labels"] == FakeModel.labels
    client.post("/predict", json={"texts": TEXTS})
    client.get("/made-up/by/a/client")
    text = client.get("/metrics").text
    assert 'tinybert_requests_total{path="/predict",status="200"} 1.0' in text
    assert "tinybert_texts_total 3.0" in text
    assert "made-up" not in text


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_nothing_from_elsewhere(client, path):
    reply = client.get(path)
    assert re.findall(r"https?:|[\"'(]//", reply.text) == []
    for asset in re.findall(r'(?:src|href)="(/[^"]+)"', reply.text):
        assert client.get(asset).status_code == 200
    if path == "/docs":
        assert '"validatorUrl": null' in reply.text  # which is a server elsewhere


def test_the_page_makes_no_markup_of_what_it_is_told():
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", PAGE.read_text()) == []
