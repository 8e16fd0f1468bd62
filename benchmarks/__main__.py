"""`python -m benchmarks` lists the benchmarks, and `python -m benchmarks NAME` runs one; each answers `--help`."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import typer

app = typer.Typer(help="What is measured apart from a run.", no_args_is_help=True, add_completion=False)
ITS_OWN = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def run(context: typer.Context) -> None:
    """The benchmark parses what stands behind its name itself: the list of all needs no torch."""
    benchmark = typer.Typer(add_completion=False)
    benchmark.command()(import_module(f"benchmarks.{context.info_name}").main)
    benchmark(context.args, prog_name=context.command_path)


for file in sorted(Path(__file__).parent.glob("[!_]*.py")):
    line = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    app.command(file.stem, help=line, context_settings=ITS_OWN)(run)

if __name__ == "__main__":
    app()
