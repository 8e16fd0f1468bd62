"""What a stage that trains is told besides its settings and its inputs, and where it leaves its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tinybert.models import precision as precisions
from tinybert.params.table import Optimisation, Run, Table
from tinybert.running.lineage import write_lineage


@dataclass(frozen=True)
class Job:
    """One run of a stage that trains."""

    stage: str  # `stage@key`
    run: Run  # its seed and its precision
    max_length: int  # tokens of an example, special ones among them
    folder: Path  # gets the model
    curves: Path  # gets the learning curves

    @property
    def dtype(self) -> torch.dtype:
        """What matrix products are computed in."""
        return precisions.choose(self.run.precision)

    def seed(self, settings: Optimisation) -> int:
        """The entry's own seed where it has one, else the run's."""
        return settings.seed if settings.seed is not None else self.run.seed

    def write_lineage(
        self, settings: Table, training: Optimisation, inputs: Mapping[str, Path], facts: Mapping[str, Any]
    ) -> None:
        """Beside the model: what it was made of (see `tinybert.running.lineage`), and in which precision.

        Args:
            settings: the entry, or the part of it that the stage reads.
            training: what of it has the seed; often the same.
        """
        of_run = {"seed": self.seed(training), "precision": self.run.precision, "max_length": self.max_length}
        params = settings.model_dump(by_alias=True) | of_run
        write_lineage(self.folder, self.stage, params, inputs, {"precision": precisions.name(self.dtype)} | dict(facts))
