"""`python -m tinybert`: what goes beside the pipeline's own stages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tinybert.errors import UserError


class Commands(TyperGroup):
    """A mistake, or what the system refused, becomes one line and exit code 1."""

    def invoke(self, context: Any) -> Any:
        from tinybert.running.outputs import explain

        try:
            return super().invoke(context)
        except Exception as error:
            if (line := explain(error)) is None:
                raise
            typer.echo(f"error: {line}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=Commands,
    help="Distill a BERT-like classifier into one several times smaller, by TinyBERT's method.",
    no_args_is_help=True,
    add_completion=False,
)

ParamsFile = Annotated[Path, typer.Option("--params", readable=False, help="the experiment")]
"""Whether it can be read is seen where it is read; Typer's own check ends with 2."""


@app.command()
def check(params: ParamsFile = Path("params.yaml")) -> None:
    """Validate params.yaml, and everything else that can be known before a run; exit 1 with one line per mistake."""
    from tinybert.check.mistakes import find_all_mistakes, find_notes

    mistakes = list(find_all_mistakes(params))
    for line in mistakes:
        typer.echo(f"error: {line}", err=True)
    if mistakes:
        raise typer.Exit(1)
    for line in find_notes(params):
        typer.echo(f"note: {line}")
    typer.echo(f"{params}: no mistake found")


@app.command()
def clean(yes: Annotated[bool, typer.Option("--yes", help="remove without asking")] = False) -> None:
    """Show what caches, kept work and killed runs left here, and remove what params.yaml doesn't use."""
    from tinybert.check.clean import describe_leftovers, find_leftovers, remove

    leftovers = list(find_leftovers())
    for line in describe_leftovers(leftovers):
        typer.echo(line)
    unused = [left for left in leftovers if not left.users]
    what = f"{len(unused)}, {sum(left.bytes for left in unused) / 2**20:,.1f} MiB"
    if not unused:
        typer.echo("nothing to remove")
    elif yes or typer.confirm(f"remove what is not used ({what})?"):
        remove(unused)
        typer.echo(f"removed {what}")


@app.command()
def push(
    model: Annotated[Path, typer.Argument(readable=False, help="such as models/exported/students/<student>")],
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="of the repository, made where there is none")],
    public: Annotated[bool, typer.Option("--public", help="for everybody to see")] = False,
    message: Annotated[str | None, typer.Option(help="of the commit")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be pushed")] = False,
) -> None:
    """Push an exported model with its card and scores to the Hugging Face hub, or to the one in HF_ENDPOINT."""
    from tinybert.serve.push import push

    for line in push(model, name, public, message, dry_run):
        typer.echo(line)


@app.command()
def times(params: ParamsFile = Path("params.yaml")) -> None:
    """Print how long each stage of params.yaml took when it last ran here, and its memory."""
    from tinybert.running.times import print_times

    print_times(params)


@app.command()
def result(params: ParamsFile = Path("params.yaml")) -> None:
    """Print in five lines what the last run made: how good, how fast, where it is, what to type next."""
    from tinybert.params.experiment import load_experiment
    from tinybert.report.headline import five_lines

    for line in five_lines(load_experiment(params), params.parent):
        typer.echo(line)


@app.command()
def readme(
    check: Annotated[bool, typer.Option("--check", help="only say whether they are up to date")] = False,
) -> None:
    """Write results, graph and stages into README.md, CONTRIBUTING.md and docs/, from what the repository says."""
    from tinybert.report.readme import refresh

    changed = {file: text for file, text in refresh(Path()).items() if text != file.read_text(encoding="utf-8")}
    if changed and check:
        raise UserError(f"{', '.join(map(str, changed))}: not up to date; run `python -m tinybert readme`")
    for file, text in changed.items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    app()
