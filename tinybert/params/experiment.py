"""The whole of params.yaml: the five tables together, and what one says of another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tinybert.errors import UserError, suggest
from tinybert.params.architectures import layer_map_misfit, relations_misfit
from tinybert.params.general import General
from tinybert.params.sources import Download, File
from tinybert.params.students import Student
from tinybert.params.table import KEY, NO_KEY, Named, Run, Table, mistakes, parse, read_yaml
from tinybert.params.tasks import Task

TABLES: dict[str, type[Table]] = {
    "downloads": Download,
    "files": File,
    "general": General,
    "tasks": Task,
    "students": Student,
}


class Experiment(Run, Named):
    """Everything that a run is made of."""

    downloads: dict[str, Download]
    files: dict[str, File]
    general: dict[str, General]
    tasks: dict[str, Task]
    students: dict[str, Student]


def load_experiment(file: Path) -> Experiment:
    """The whole experiment.

    Raises:
        UserError: the first mistake of `find_mistakes`.
    """
    for line in find_mistakes(file):
        raise UserError(line)
    return parse(Experiment, read_yaml(file), str(file))


def find_mistakes(file: Path) -> Iterator[str]:
    """One line for each mistake that can be known from the file alone: keys, types, ranges, cross-references."""
    try:
        content = read_yaml(file)
    except UserError as error:
        yield str(error)
        return
    yield from _top_level(content, file)
    sound: dict[str, dict[str, Any]] = {}
    for table, schema in TABLES.items():
        entries = content.get(table)
        sound[table] = {}
        for key, entry in entries.items() if isinstance(entries, dict) else ():
            place = f"{file}: {table}.{key}"
            lines = [] if isinstance(key, str) and KEY.fullmatch(key) else [f"{place}: {NO_KEY}"]
            lines += mistakes(schema, entry, place)
            yield from lines
            if not lines:
                sound[table][key] = schema.model_validate(entry)
    if all(isinstance(content.get(table), dict) for table in TABLES):
        yield from _references(sound, content, file)
    yield from _seeds(sound["students"], content.get("seed"), file)


def _top_level(content: dict[str, Any], file: Path) -> Iterator[str]:
    for table in TABLES:
        if table not in content:
            yield f"{file}: {table}: this table is missing; add it (an empty one is {{}})"
        elif not isinstance(content[table], dict):
            yield f"{file}: {table}: expected a table of entries (an empty one is {{}}), found {content[table]!r}"
    yield from mistakes(Experiment, content | {table: {} for table in TABLES}, str(file))


def _references(sound: dict[str, dict[str, Any]], content: dict[str, Any], file: Path) -> Iterator[str]:
    """Names of entries that are not there, or are there with another kind of content."""
    names = {table: {str(key) for key in content[table]} for table in TABLES}
    for key in sorted(names["files"] & names["downloads"]):
        yield f"{file}: files.{key}: downloads has an entry of that name too; rename one"
    sources = names["downloads"] | names["files"]

    def source(place: str, key: str, kind: str) -> Iterator[str]:
        if key not in sources:
            yield f"{file}: {place}: there is no {key!r} in downloads or files{suggest(key, sources)}"
            return
        entry = sound["downloads"].get(key) or sound["files"].get(key)
        if entry is not None and entry.kind != kind:
            yield f"{file}: {place}: {key!r} is of kind {entry.kind}, expected one of kind {kind}"

    for key, general in sound["general"].items():
        yield from source(f"general.{key}.corpus", general.corpus, "corpus")
        yield from source(f"general.{key}.teacher", general.teacher, "model")
        if general.initialise == "start":
            yield from source(f"general.{key}.start", general.start, "model")
        elif general.start != general.teacher and general.teacher in sources:
            yield (
                f"{file}: general.{key}.start: expected {general.teacher!r}, the teacher, found {general.start!r}; "
                f"to take the first weights from {general.start!r}, set initialise: start"
            )
        if problem := layer_map_misfit(general.layer_map, general.architecture.layers):
            yield f"{file}: general.{key}.layer_map: {problem}"
    for key, task in sound["tasks"].items():
        yield from source(f"tasks.{key}.source", task.source, "table")
        yield from source(f"tasks.{key}.teacher.from", task.teacher.source, "model")
        yield from source(f"tasks.{key}.mlm.from", task.mlm.source, "model")
        yield from source(f"tasks.{key}.mlm.corpus", task.mlm.corpus, "corpus")
        yield from source(f"tasks.{key}.augment.vectors", task.augment.vectors, "vectors")
    for key, student in sound["students"].items():
        for table, name in (("tasks", student.task), ("general", student.general)):
            if name not in names[table]:
                field = table.removesuffix("s")
                yield f"{file}: students.{key}.{field}: there is no {name!r} in {table}{suggest(name, names[table])}"
        if student.general in sound["general"]:
            architecture = sound["general"][student.general].architecture
            for name, phase in (("intermediate", student.intermediate), ("prediction", student.prediction)):
                place = f"{file}: students.{key}.{name}"
                if problem := layer_map_misfit(phase.layer_map, architecture.layers):
                    yield f"{place}.layer_map: {problem}"
                if phase.losses.relations and (problem := relations_misfit(phase.relation_heads, architecture.hidden)):
                    yield f"{place}.relation_heads: {problem}"


def _seeds(students: dict[str, Student], seed: Any, file: Path) -> Iterator[str]:
    """Students of one task and variant that have the same seeds: the report takes them for seeds and averages them."""
    first: dict[tuple[str, ...], str] = {}
    for key, student in students.items():
        if student.variant is None:
            continue
        seeds = [
            str(seed if phase.seed is None else phase.seed) for phase in (student.intermediate, student.prediction)
        ]
        other = first.setdefault((student.task, student.variant, *seeds), key)
        if other != key:
            yield (
                f"{file}: students.{key}.variant: students.{other} is {student.variant!r} of {student.task!r} too, "
                f"with the same seeds ({', '.join(seeds)}), and the report averages over seeds; give one of them "
                "another variant, or other seeds in intermediate and prediction"
            )
