"""What is no mistake in a task's rows, and good to know before a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tinybert.metrics.scores import title
from tinybert.params.tasks import Task
from tinybert.tables.summary import kept


def find_oddities(task: Task, summary: Mapping[str, Any]) -> Iterator[str]:
    """A line for each.

    Args:
        summary: of the task's rows (see `tinybert.tasks.prepare.prepare`), empty where they can't be read.
    """
    if not summary:
        return
    yield from kept(summary)
    names, called = summary["names"], title(task.metric, summary["names"])
    if called != task.metric and task.label.names is None:
        yield f"metric is {called}, the second class of the data; for the other, label.names: [{names[1]}, {names[0]}]"
