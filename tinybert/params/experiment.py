"""The whole of params.yaml: the five tables together, and what one says of another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from tinybert.errors import UserError, one_line, suggest
from tinybert.params.architectures import layer_map_misfit, relations_misfit
from tinybert.params.general import General
from tinybert.params.sources import Download, File
from tinybert.params.students import Student
from tinybert.params.table import KEY, Named, Run, Watch, matching, mistakes, read_yaml
from tinybert.params.tasks import Task

Key = Annotated[str, matching(KEY.pattern, "a key made of a-z, 0-9, '_' and '-' that starts with a letter")]


class Experiment(Run, Named, Watch):
    """Everything that a run is made of."""

    downloads: dict[Key, Download]
    files: dict[Key, File]
    general: dict[Key, General]
    tasks: dict[Key, Task]
    students: dict[Key, Student]


def load_experiment(file: Path) -> Experiment:
    """The whole experiment.

    Raises:
        UserError: the first mistake of `find_mistakes`.
    """
    for line in find_mistakes(file):
        raise UserError(line)
    return Experiment.model_validate(read_yaml(file))


def find_mistakes(file: Path) -> Iterator[str]:
    """One line for each mistake that can be known from the file alone; where entries are sound, of their references."""
    try:
        content = read_yaml(file)
    except UserError as error:
        yield str(error)
        return
    lines = list(mistakes(Experiment, content, str(file)))
    yield from lines
    if not lines:
        experiment = Experiment.model_validate(content)
        for line in (*_sources(experiment), *_students(experiment), *_seeds(experiment)):
            yield one_line(f"{file}: {line}")


def _sources(experiment: Experiment) -> Iterator[str]:
    """References to downloads and files that aren't there, or are of another kind."""
    for key in sorted(experiment.files.keys() & experiment.downloads.keys()):
        yield f"files.{key}: downloads has an entry of that name too; rename one"
    sources = experiment.downloads | experiment.files
    references = []
    for name, general in experiment.general.items():
        place = f"general.{name}"
        references += [(f"{place}.corpus", general.corpus, "corpus"), (f"{place}.teacher", general.teacher, "model")]
        if general.initialise == "start":
            references.append((f"{place}.start", general.start, "model"))
        elif general.start != general.teacher and general.teacher in sources:
            yield (
                f"{place}.start: expected {general.teacher!r}, the teacher, found {general.start!r}; "
                f"to take the first weights from {general.start!r}, set initialise: start"
            )
    for name, task in experiment.tasks.items():
        references += [
            (f"tasks.{name}.source", task.source, "table"),
            (f"tasks.{name}.teacher.from", task.teacher.source, "model"),
            (f"tasks.{name}.mlm.from", task.mlm.source, "model"),
            (f"tasks.{name}.mlm.corpus", task.mlm.corpus, "corpus"),
            (f"tasks.{name}.augment.vectors", task.augment.vectors, "vectors"),
        ]
    for place, key, kind in references:
        if key not in sources:
            yield f"{place}: there is no {key!r} in downloads or files{suggest(key, sources)}"
        elif sources[key].kind != kind:
            yield f"{place}: {key!r} is of kind {sources[key].kind}, expected one of kind {kind}"


def _students(experiment: Experiment) -> Iterator[str]:
    """References to tasks and general students that aren't there, and what doesn't fit a student's architecture."""
    for key, general in experiment.general.items():
        if problem := layer_map_misfit(general.layer_map, general.architecture.layers):
            yield f"general.{key}.layer_map: {problem}"
    for key, student in experiment.students.items():
        if student.task not in experiment.tasks:
            yield f"students.{key}.task: there is no {student.task!r} in tasks{suggest(student.task, experiment.tasks)}"
        if student.general not in experiment.general:
            known = suggest(student.general, experiment.general)
            yield f"students.{key}.general: there is no {student.general!r} in general{known}"
            continue
        architecture = experiment.general[student.general].architecture
        for name, phase in (("intermediate", student.intermediate), ("prediction", student.prediction)):
            if problem := layer_map_misfit(phase.layer_map, architecture.layers):
                yield f"students.{key}.{name}.layer_map: {problem}"
            if phase.losses.relations and (problem := relations_misfit(phase.relation_heads, architecture.hidden)):
                yield f"students.{key}.{name}.relation_heads: {problem}"


def _seeds(experiment: Experiment) -> Iterator[str]:
    """Students of one task and variant that have the same seeds: the report takes them for seeds and averages them."""
    first: dict[tuple[str, str, str], str] = {}
    for key, student in experiment.students.items():
        phases = (student.intermediate, student.prediction)
        seeds = ", ".join(str(experiment.seed if phase.seed is None else phase.seed) for phase in phases)
        if student.variant and (other := first.setdefault((student.task, student.variant, seeds), key)) != key:
            yield (
                f"students.{key}.variant: students.{other} is {student.variant!r} of {student.task!r} too, with the "
                f"same seeds ({seeds}), and the report averages over seeds; give one of them another variant, or other "
                "seeds in intermediate and prediction"
            )
