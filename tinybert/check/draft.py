"""The experiment that `init` writes, as far as the file and the teacher decide it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinybert.check.columns import Roles, find_roles
from tinybert.check.kinds_of_label import Kind, find_kind
from tinybert.check.layout import Layout, lay_out
from tinybert.check.own_files import look_at
from tinybert.check.scripts import find_writing
from tinybert.errors import UserError
from tinybert.params.sources import File
from tinybert.params.table import Run, read_yaml
from tinybert.params.tasks import Task
from tinybert.tables.summary import kept, left_out
from tinybert.tasks.prepare import BREAKS

SAMPLE = 2000
"""Texts that are tokenised to know how long they are."""
COVERED = 0.99
"""The share of texts that max_length leaves whole."""
CAREFUL = 5e-5
"""The learning rate of a teacher that isn't known, the highest that BERT's authors tried."""
MOST_TESTED, MOST_VALIDATED = 10_000, 5_000
"""Rows: more would cost time, and tell no more."""


class Draft:
    """An experiment on one file. Its steps follow each other: `read`, `take_teacher`, `look`.

    Attributes:
        files, general, task, student: entries of params.yaml, by key or each the only one of its table.
        why: comments, by dotted path from an entry's key on.
        said: lines for the console.
    """

    def __init__(self, preset: Path, data: Path, key: str, general_teacher: Path) -> None:
        self.preset, self.data, self.general_teacher = preset, data, general_teacher
        content = copy.deepcopy(read_yaml(preset))
        (self.general_key, self.general), *_ = content["general"].items()
        (self.task,), (self.student,) = content["tasks"].values(), content["students"].values()
        self.run = Run.model_validate({name: content[name] for name in ("seed", "precision")})
        taken = content["downloads"].keys() | content["files"].keys() - {self.task["source"]}
        self.key = f"{key}-data" if key in taken else key
        self.files: dict[str, Any] = {
            name: file for name, file in content["files"].items() if name != self.task["source"]
        }
        self.files[self.key] = {"path": _path(data)}
        self.teacher = general_teacher
        self.own_general = False
        self.why: dict[str, str] = {}
        self.said: list[str] = []
        self.student["task"] = self.key

    def read(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        """How the file is laid out, and what its columns are."""
        self.layout = layout = lay_out(self.data)
        self.roles = roles = find_roles(layout.frame, texts, labels, self.data)
        self.kind = kind = find_kind(layout.frame, roles.label, self.data)
        self.task |= {"source": self.key, "type": kind.type, "columns": layout.columns, "text": roles.text}
        self.task |= {"label": kind.label, "metric": kind.metric}
        rows = len(layout.frame)
        for part, most in (("test", MOST_TESTED), ("validation", MOST_VALIDATED)):
            self.task["split"][part] = min(self.task["split"][part], float(f"{most / rows:.2g}"))
        self.task["split"] |= layout.split
        self._explain(layout, roles, kind)
        sides = " and ".join(map(repr, roles.text))
        label = ", ".join(map(repr, roles.label[:5])) + (", …" if len(roles.label) > 5 else "")
        self.said.append(f"{self.data}: {rows:,} rows; text in {sides}; {kind.type} by {label}: {kind.about_type}")

    def _explain(self, layout: Layout, roles: Roles, kind: Kind) -> None:
        others = [f"or {name}" for name in roles.other_labels[:3]]
        if len(roles.text) == 2:
            about_text = "two columns are read as pairs; one alone reads that one"
        else:
            about_text = "".join(f"or {name}, or both as a pair; " for name in roles.other_texts[:1])
            about_text = about_text.removesuffix("; ")
        split = [f"{layout.broken:,} lines with too few or too many cells are left out"] if layout.broken else []
        split += ["the drawn rows are enough to tell models apart"] if self.task["split"]["test"] < 0.2 else []
        reasons = {
            "type": kind.about_type,
            "columns": "made up, since the first line is no header" if layout.columns else "as in the file itself",
            "text": about_text,
            "label": "; ".join(filter(None, (kind.about_label, *others))),
            "split": "; ".join(split),
            "metric": kind.about_metric,
        }
        self.why |= {f"{self.key}.{name}": reason for name, reason in reasons.items() if reason}

    def take_teacher(self, teacher: Path | None) -> None:
        """A fine-tuned one, or the default's; how long the texts are in its tokens, and whether it can read them."""
        rows = self.layout.frame[self.roles.text]
        self.sample = rows.sample(min(len(rows), SAMPLE), random_state=0)
        writing = find_writing(" ".join(row) for row in self.sample.to_numpy())
        if teacher is not None:
            self._take(teacher, writing.english)
        if not writing.english:
            copies = "copies are made by English models"
            self.why[f"{self.key}.augment"] = f"none: the texts are in {writing.script} script, and {copies}"
            if writing.script == "Latin":
                self.why[f"{self.key}.augment"] = f"none: the texts seem not to be English, and {copies}"
        self.english = writing.english
        if teacher is None and not writing.english:
            language = f"{writing.share:.0%} of the letters are {writing.script}"
            if writing.script == "Latin":
                language = "the texts have many accents, as hardly in English"
            advice = f"give one that reads them by --teacher, fine-tuned or not, such as {writing.model}"
            self.why[f"{self.key}.teacher"] = f"of English: {language}; {advice}"
            self.said.append(f"warning: {language}, and the default's teacher is English, uncased; {advice}")
        self._measure_texts()

    def _take(self, teacher: Path, english: bool) -> None:
        from tinybert.check.own_teacher import general_of, is_tuned, shares_general_student

        if not teacher.is_dir():
            raise UserError(f"{teacher}: expected the folder of a model, found no such folder")
        key = "teacher" if self.key != "teacher" else "own-teacher"
        entry = {"path": _path(teacher), "kind": "model"}
        if mistake := look_at(File.model_validate(entry))[0]:
            raise UserError(mistake)
        self.files[key] = entry
        self.teacher = teacher
        self.task["teacher"]["from"] = key
        if is_tuned(teacher):
            self.task["teacher"]["epochs"] = 0
            self.why[f"{self.key}.teacher"] = "fine-tuned already; epochs above 0 would train it further"
        else:
            self.task["teacher"]["learning_rate"] = CAREFUL
            self.why[f"{self.key}.teacher"] = "not fine-tuned yet, since its config.json tells of no classes"
        if not shares_general_student(teacher, self.general_teacher):
            self.general = general_of(self.general, key, teacher, english)
            self.general_key = self.student["general"] = f"{self.key}-general"
            self.own_general = True
            self.general_teacher = teacher
            why = "student and teachers need one tokenizer, and one width: it starts from your teacher"
            self.why[f"{self.general_key}.teacher"] = why
            if not self.general["train"]["epochs"]:
                self.why[f"{self.general_key}.train"] = "epochs 0: the corpus is English, and the texts are not"

    def _measure_texts(self) -> None:
        from tinybert.check.own_teacher import positions
        from tinybert.models.loading import load_tokenizer

        texts = self.sample.map(lambda text: BREAKS.sub(" ", text).strip())
        texts = texts[(texts != "").all(axis=1)]
        if texts.empty:
            raise UserError(f"{self.data}: no row has text in {' and '.join(self.roles.text)}; name another by --text")
        tokenizer = load_tokenizer(self.teacher)
        encoded = tokenizer(*(texts[column].tolist() for column in texts))["input_ids"]
        lengths = np.array([len(ids) for ids in encoded])
        longest, most = int(np.quantile(lengths, COVERED)), positions(self.teacher)
        multiple = 8 if longest <= 64 else 16
        self.max_length = min(most, max(16, -(-longest // multiple) * multiple))
        self.task["max_length"] = self.max_length
        whole = (lengths <= self.max_length).mean()
        median = int(np.median(lengths))
        self.why[f"{self.key}.max_length"] = f"in tokens: {whole:.1%} of the texts fit, and half have {median} or fewer"
        self.lengths = np.minimum(lengths, self.max_length)
        self.words = float(np.mean([len(" ".join(row).split()) for row in texts.to_numpy()]))
        unknown = sum(ids.count(tokenizer.unk_token_id) for ids in encoded) / lengths.sum()
        if unknown > 0.01:
            self.said.append(f"warning: {unknown:.1%} of the tokens are unknown to {self.teacher.name}'s tokenizer")

    def look(self) -> None:
        """Prepare the rows as the run will, to know their number, and what is odd about them."""
        task = Task.model_validate(self.task)
        mistake, self.summary = look_at(File.model_validate(self.files[self.key]), task)
        if mistake:
            raise UserError(mistake)
        self._name_outputs()
        notes = left_out(self.summary) + kept(self.summary)
        notes = [note for note in notes if not note.startswith("0 ")]
        if notes:
            self.said.append(f"rows: {'; '.join(notes)}")
            self.why[f"{self.key}.source"] = "; ".join(notes)

    def _name_outputs(self) -> None:
        """Where a fine-tuned teacher doesn't say what its outputs mean, they are in the order of the data's classes."""
        from tinybert.check.own_teacher import are_unnamed

        names, teacher = self.summary["names"], self.task["teacher"]
        if names and teacher["epochs"] == 0 and are_unnamed(self.teacher, len(names)):
            teacher["labels"] = names
            why = "labels: its config.json doesn't name its outputs; in the data's order, or as you know it"
            self.why[f"{self.key}.teacher"] = f"fine-tuned already; {why}"


def _path(path: Path) -> str:
    """From the project's folder, where it is in it."""
    path = path.absolute()
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.as_posix()
