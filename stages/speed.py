"""speed: how fast a student is beside its teacher, a twin, the alternatives, and a model of BERT-base's shape."""

from pathlib import Path
from typing import Annotated

import typer

from tinybert.params.students import Student
from tinybert.params.table import load_entry, load_name
from tinybert.params.tasks import Task
from tinybert.running.outputs import whole_file
from tinybert.running.stage import PARAMS, stage


def main(student: Annotated[str, typer.Argument(help="a key of the table `students` in params.yaml")]) -> None:
    """Time one student: its numbers of speed.json, the only ones that two runs on one machine don't agree on."""
    with stage(f"speed@{student}", Path("evaluation")) as reads:
        settings = load_entry(PARAMS, "students", student, Student)
        task = load_entry(PARAMS, "tasks", settings.task, Task)
        teacher, folder, *exported, alternatives, data = reads(
            Path("models/teachers") / settings.task,
            Path("models/students") / student,
            Path("models/exported/teachers") / settings.task,
            Path("models/exported/students") / student,
            Path("models/alternatives") / settings.task,
            Path("data/original") / settings.task / "test.parquet",
        )
        from tinybert.evaluate.contenders import Contenders
        from tinybert.evaluate.speed import measure_speed

        with whole_file(Path("evaluation") / load_name(PARAMS) / "speed" / f"{student}.json") as file:
            measure_speed(Contenders(teacher, folder, exported, alternatives, data, task.max_length), file)


if __name__ == "__main__":
    typer.run(main)
