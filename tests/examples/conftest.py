"""A random model of the weather, exported."""

from pathlib import Path

import pytest
import torch

from tests.tiny import tiny_bert, weather_rows
from tinybert.export.folder import export_model
from tinybert.models.loading import head_config, load_classifier
from tinybert.params.export import Export

MAX_LENGTH = 16


@pytest.fixture(scope="session")
def exported(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("exported")
    data, model, folder = root / "data/weather", root / "model", root / "models/exported/students/weather-tiny"
    for place in (data, folder):
        place.mkdir(parents=True)
    for split in ("train", "validation"):
        weather_rows(40).to_parquet(data / f"{split}.parquet")
    torch.manual_seed(1)
    load_classifier(tiny_bert(model), new_head=head_config(["bad", "good"])).save_pretrained(model)
    export_model(
        model, data, folder, Path("models/exported/students/weather-tiny"),
        Export(max_loss=1.0), "accuracy", MAX_LENGTH, "export@weather-tiny",
    )  # fmt: skip
    return folder
