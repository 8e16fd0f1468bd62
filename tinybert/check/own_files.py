"""What the first stages would say of files of one's own: they are run on them, in a folder that is removed.

It is remembered until the file, its entry or the code is another, so that a look at a large table is paid for once.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tinybert
from tinybert.errors import UserError
from tinybert.params.sources import File
from tinybert.params.tasks import Task
from tinybert.running.caches import CACHE, cache_entry
from tinybert.running.digests import digest
from tinybert.running.outputs import whole_file
from tinybert.running.tracked import stamps

FIRST_WORDS = 1000
"""Of word vectors, how many are read."""
NOT_ROWS = {"teacher", "mlm", "augment", "export", "above_chance"}
"""Keys of a task that its rows don't depend on."""
CODE = Path(tinybert.__file__).parent


def look_at(file: File, task: Task | None = None) -> tuple[str | None, dict[str, Any]]:
    """The mistake in a file or, with `task`, in the task's rows of it; and the summary of those that prepare them.

    Of a model nothing but its being whole is looked at, of vectors the first.
    """
    entries = [
        file.model_dump(),
        task and task.model_dump(exclude=NOT_ROWS),
    ]
    states = {str(path): stamp for path, stamp in stamps(Path(file.path)).items()}
    memory = cache_entry(CACHE / "check", [states, entries, digest(CODE)], ".json")
    try:
        mistake, summary = json.loads(memory.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, TypeError):  # nothing is remembered, or something else
        mistake, summary = _look_at(file, task)
        with whole_file(memory) as partial:
            partial.write_text(json.dumps([mistake, summary]), encoding="utf-8")
    return mistake, summary


def _look_at(file: File, task: Task | None) -> tuple[str | None, dict[str, Any]]:
    from tinybert.corpus.documents import write_corpus
    from tinybert.questions import prepare as questions
    from tinybert.sources.kinds import store_file
    from tinybert.tasks import prepare as tasks

    path, summary = Path(file.path), {}
    words = min(file.words or FIRST_WORDS, FIRST_WORDS) if file.kind == "vectors" else None
    with TemporaryDirectory() as scratch:
        source, folder = Path(scratch) / "source", Path(scratch) / "task"
        folder.mkdir()
        try:
            store_file(file.model_copy(update={"words": words}), source, write_corpus)
            if task is not None:
                summary = (questions if task.type == "span" else tasks).prepare(source, task, folder)
        except UserError as error:
            return str(error).replace(str(source / path.name), str(path)).replace(str(source), str(path)), {}
    return None, summary
