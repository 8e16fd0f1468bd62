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
def checkpoints(
    prune: Annotated[bool, typer.Option("--prune", help="remove what the present params would not go on from")] = False,
) -> None:
    """List what killed stages would go on from: stage, place in its work, age, size, whether params.yaml uses it."""
    from tinybert.check.clean import describe_progress, find_progress, remove

    progress = list(find_progress())
    for line in describe_progress(progress):
        typer.echo(line)
    unused = [left for left in progress if not left.users]
    if prune:
        remove(unused)
    verb = "removed" if prune else "not used by params.yaml, which --prune removes"
    typer.echo(f"{len(progress)} kept, {sum(left.bytes for left in progress) / 2**20:,.1f} MiB; {len(unused)} {verb}")


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
def compare(
    first: Annotated[str, typer.Argument(help="A: a model's folder, or a git revision", metavar="A")],
    second: Annotated[str, typer.Argument(help="B: another one", metavar="B")],
    file: Annotated[Path | None, typer.Option(help="of rows with labels; else the task's test split")] = None,
    column: Annotated[list[str] | None, typer.Option(help="of the text in the file; twice for a pair")] = None,
    label: Annotated[str, typer.Option(help="the file's column with what is right")] = "label",
    student: Annotated[str | None, typer.Option(help="of revisions: which; else the first")] = None,
    show: Annotated[int, typer.Option(min=0, help="texts on which they differ")] = 10,
) -> None:
    """Compare two models, or a student at two git revisions: paired interval, McNemar's test, where they differ."""
    from tinybert.serve.compare import compare_models, compare_revisions, describe

    if Path(first).is_dir() and Path(second).is_dir():
        sides = compare_models(Path(first), Path(second), file, column or [], label)
    else:
        sides = compare_revisions(first, second, student, Path())
    for line in describe(sides, show):
        typer.echo(line)


@app.command()
def init(
    data: Annotated[Path, typer.Argument(help="labelled text: CSV, TSV, JSON lines or Parquet, in a .gz or not")],
    text: Annotated[list[str] | None, typer.Option(help="a column of texts; twice for pairs")] = None,
    label: Annotated[list[str] | None, typer.Option(help="the column of the label; several of 0 and 1")] = None,
    teacher: Annotated[Path | None, typer.Option(help="the folder of a fine-tuned model, in safetensors")] = None,
    minutes: Annotated[float | None, typer.Option(help="how long a run may take on this machine")] = None,
    params: ParamsFile = Path("params.yaml"),
    force: Annotated[bool, typer.Option("--force", help="write over edits that git doesn't have")] = False,
) -> None:
    """Look at a file of labelled text, and write params.yaml with a reason for each choice."""
    from tinybert.check.init import init as write

    for line in write(data, params, text or (), label or (), teacher, minutes, force):
        typer.echo(line)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="a model's folder, such as models/exported/students/movies-tinybert4")],
    texts: Annotated[list[str] | None, typer.Argument(help="to answer; without any, lines of standard input")] = None,
    file: Annotated[Path | None, typer.Option(help="CSV, TSV, JSON lines (each perhaps .gz) or Parquet")] = None,
    out: Annotated[Path | None, typer.Option(help="where the rows go, with their answers; in the same formats")] = None,
    column: Annotated[list[str] | None, typer.Option(help="of the text; twice for a pair")] = None,
    label: Annotated[str | None, typer.Option(help="the column with what is right, to score the model")] = None,
    separator: Annotated[str | None, typer.Option(help="between the cells of a CSV")] = None,
    pair: Annotated[bool, typer.Option("--pair", help="TEXT are two that belong together")] = False,
    every: Annotated[bool, typer.Option("--all", help="a probability for each class")] = False,
    fp32: Annotated[bool, typer.Option("--fp32", help="the ONNX file in fp32, though there is one in int8")] = False,
    threads: Annotated[int, typer.Option(min=0, help="0 is one for each core")] = 0,
) -> None:
    """Say what a model says of texts: labels with their probabilities."""
    from tinybert.serve.open import open_model
    from tinybert.serve.predict import predict_file, predict_texts

    opened = open_model(model, threads, fp32)
    if texts:
        for line in predict_texts(opened, [tuple(texts)] if pair else [(text,) for text in texts]):
            typer.echo(line)
        return
    for line in predict_file(opened, file, out, column or [], label, separator, every):
        typer.echo(line, err=True)


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
def serve(
    model: Annotated[Path, typer.Argument(help="a model's folder, such as models/exported/students/movies-tinybert4")],
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines ask")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8000,
    beside: Annotated[list[Path] | None, typer.Option(help="another model, shown beside it on the page")] = None,
    queue: Annotated[int, typer.Option(min=1, help="texts that may wait; more are refused with 429")] = 512,
    batch: Annotated[int, typer.Option(min=1, help="texts that go through the model together")] = 32,
    most_texts: Annotated[int, typer.Option(min=1, help="of one request")] = 256,
    characters: Annotated[int, typer.Option(min=1, help="of one text")] = 20_000,
    fp32: Annotated[bool, typer.Option("--fp32", help="the ONNX file in fp32, though there is one in int8")] = False,
    threads: Annotated[int, typer.Option(min=0, help="0 is one for each core")] = 0,
) -> None:
    """Answer texts over HTTP, and on a page, until Ctrl-C or SIGTERM; what was asked by then is answered."""
    try:
        from tinybert.serve.limits import Limits
        from tinybert.serve.server import run
    except ModuleNotFoundError as error:
        install = "pip install -r requirements-serve.txt -c constraints.txt"
        raise UserError(f"serve needs {error.name}, which isn't installed: `{install}`") from None

    run([model, *(beside or [])], host, port, Limits(most_texts, characters, queue, batch), threads, fp32)


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
