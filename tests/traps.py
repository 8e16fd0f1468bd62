"""Files that would run code if they were unpickled, imported or rendered: each leaves a mark."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import joblib
import numpy as np
import torch

AUTOS = ("AutoConfig", "AutoModel", "AutoModelForSequenceClassification", "AutoModelForMaskedLM", "AutoTokenizer")
FILES = (
    "configuration_trap",
    "modeling_trap",
    "tokenization_trap",
    "pipeline_trap",
    "custom_generate/generate",
    "setup",
)
"""Code beside a model, where transformers, or whoever unpacks an archive, could look for some."""
BESIDE = ("pytorch_model.bin", "training_args.bin", "adapter_model.bin", "model.bin", "optimizer.pt", "vocab.pkl")


class Trap:
    """Touches a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark.absolute(),)


def pickles(mark: Path) -> dict[str, bytes]:
    """By the library that wrote it."""
    found = {"pickle": pickle.dumps({"weight": Trap(mark)})}
    array = np.array([Trap(mark)], dtype=object)
    for name, write in {
        "torch": lambda stream: torch.save({"weight": Trap(mark)}, stream),
        "numpy": lambda stream: np.save(stream, array, allow_pickle=True),
        "npz": lambda stream: np.savez(stream, arr_0=array),
        "joblib": lambda stream: joblib.dump({"weight": Trap(mark)}, stream),
    }.items():
        stream = io.BytesIO()
        write(stream)
        found[name] = stream.getvalue()
    return found


def code(mark: Path) -> str:
    """A module that touches the file when it is imported, and has whatever class is asked of it."""
    return (
        f"from pathlib import Path\nPath({str(mark.absolute())!r}).touch()\n"
        "def __getattr__(name):\n    return type(name, (), {})\n"
    )


def template(mark: Path) -> str:
    """A chat template that touches the file when it is rendered without a sandbox."""
    return f"{{{{ cycler.__init__.__globals__.os.system('touch {mark.absolute()}') }}}}"


def plant(folder: Path, mark: Path) -> None:
    """Pickles, code and templates beside the files of a model; none of them is one that it needs."""
    for name in BESIDE:
        (folder / name).write_bytes(pickles(mark)["torch"])
    for name in FILES:
        file = folder / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(code(mark))
    (folder / "chat_template.jinja").write_text(template(mark))


def edit(file: Path, **keys: object) -> None:
    """Set keys of an object in JSON."""
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))
