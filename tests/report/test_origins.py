"""What a student was made of: as data/README.md says it, and no more than it has use for."""

import re

import pytest

from tests.evaluate.made_up import experiment, phase, student
from tests.import_closure import ROOT
from tinybert.params.students import Student
from tinybert.report.origins import KNOWN, origins

COMMIT = "0" * 40


def found(entry=None, distilled=True, general=None, **tables):
    """Origins of a student in the experiment of params.yaml, with other downloads or files, by key."""
    entry = entry or student()
    made = experiment({"s": entry})
    content = made.model_dump(by_alias=True) | tables
    content["general"]["tinybert4"] |= general or {}
    return {
        each.key: each for each in origins(Student.model_validate(entry), type(made).model_validate(content), distilled)
    }


def test_data_readme_says_the_same():
    lines = (ROOT / "data/README.md").read_text(encoding="utf-8").splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    said = {cells[1].split()[0].strip("`"): cells[3] for cells in table if len(cells) == 4}
    assert len(said) >= 4
    assert {place: KNOWN[place].licence for place in said} == said


def test_each_is_named_once_with_all_that_it_was_for():
    made = found()
    assert list(made) == ["movies", "minilm", "wikipedia", "glove"]
    assert made["minilm"].parts == ["teacher", "first weights", "words of augmentation"]
    assert made["minilm"].hub == "sentence-transformers/all-MiniLM-L6-v2"
    assert made["movies"].place == "vaderSentiment==3.3.2"


def test_what_was_not_used_is_not_named():
    plain = student(distilled=False)
    assert list(found(plain, distilled=False)) == ["movies", "minilm"]  # whose layers it starts from
    original = plain | {"general": "tinybert4", "prediction": phase("original", logits=1.0)}
    assert list(found(original)) == ["movies", "minilm", "wikipedia"]


def test_files_of_ones_own_keep_their_path():
    downloads = experiment({"s": student()}).model_dump(by_alias=True)["downloads"]
    del downloads["movies"]
    made = found(downloads=downloads, files={"movies": {"path": "/home/me/secret.csv", "kind": "table"}})["movies"]
    assert (made.place, made.hub) == ("", None)
    assert "secret" not in str(made)


@pytest.mark.parametrize(
    ("entry", "place", "hub"),
    [
        ({"hub": "nyu-mll/glue", "revision": COMMIT}, "nyu-mll/glue", "nyu-mll/glue"),
        ({"hub": "me/mine", "revision": COMMIT}, "me/mine", "me/mine"),
        ({"url": "https://a:b@host.org/x/rows.csv?token=c", "sha256": "0" * 64}, "host.org/x/rows.csv", None),
    ],
)
def test_other_places(entry, place, hub):
    downloads = experiment({"s": student()}).model_dump(by_alias=True, exclude_none=True)["downloads"]
    made = found(downloads=downloads | {"movies": {"kind": "table"} | entry})["movies"]
    assert (made.place, made.hub) == (place, hub)
    assert bool(re.search("not known here", made.known.licence)) is (place not in KNOWN)
