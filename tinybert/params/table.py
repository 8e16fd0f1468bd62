"""The common ground of all tables of params.yaml: strict types, unknown keys refused, errors that name the key."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from ruamel.yaml import YAML, YAMLError

from tinybert.errors import UserError, one_line, suggest
from tinybert.params import defaults

NO_YAML = (YAMLError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""What the parser raises of a text that is none: of `!!bool x` a KeyError, of brackets by the thousand the last."""

KEY = re.compile(r"[a-z][a-z0-9_-]*")

Seed = Annotated[int, Field(ge=0, lt=2**32)]  # which numpy's generators take too
Rate = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]  # of a loss; 0 turns it off
Name = Annotated[str, Field(pattern=f"^{KEY.pattern}$")]  # part of paths
Reference = Name  # a key of another table

CHECKPOINT_MINUTES = 10.0
PLAIN = "python -m"
"""Of what decides no byte, and so stands here: what is in `defaults` runs everything anew when it changes."""

PATH = re.compile(r"([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*): ")
"""A validator of a whole table starts its message with the key that is wrong: `metric: expected …`."""


class Table(BaseModel):
    """A mapping of params.yaml with known keys. Types are strict: `epochs: "3"` is refused, not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def refuse(table: Table, keys: Iterable[str], why: str) -> None:
    """Raise a ValueError for the first of these dotted keys that has a value."""
    for key in keys:
        if attrgetter(key)(table) not in (None, []):
            raise ValueError(f"{key}: {why}; remove it")


def differ(key: str, values: Sequence[object] | None) -> None:
    """Raise a ValueError where one of the values stands there twice."""
    if values is not None and len(set(values)) != len(values):
        raise ValueError(f"{key}: expected values that differ from each other, found {values}")


def matching(pattern: str, words: str) -> AfterValidator:
    """Of text: the whole of it has to match the pattern."""

    def match(value: str) -> str:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(f"expected {words}, found {value!r}")
        return value

    return AfterValidator(match)


def expected(words: str) -> WrapValidator:
    """Of a union: one line in place of those that pydantic has for each of its types."""

    def check(value: Any, validate: Callable[[Any], Any]) -> Any:
        try:
            return validate(value)
        except ValidationError:
            raise ValueError(f"expected {words}, found {shown(value)}") from None

    return WrapValidator(check)


def shown(value: object) -> str:
    """A value of any size in a few words."""
    try:
        return reprlib.repr(value)
    except ValueError:  # of over 4,300 digits, which YAML can write as 0xfff…
        return "a very long number"


class Optimisation(Table):
    """How any model of the pipeline is trained: AdamW, linear warm-up, linear decay."""

    batch_size: int = Field(defaults.BATCH_SIZE, ge=1, description="examples in a step")
    learning_rate: float = Field(gt=0, lt=1, description="the highest, reached at the end of the warm-up")
    warmup: Rate = Field(defaults.WARMUP, description="the fraction of all steps in which the learning rate rises")
    weight_decay: Rate = Field(defaults.WEIGHT_DECAY, description="AdamW's, on all weights but biases and layer norms")
    dropout: Rate | None = Field(None, description="while it trains; null keeps the model's own")
    seed: Seed | None = Field(None, description="this run's own seed, in place of the one at the top")


class Run(Table):
    """The keys at the top of params.yaml that every training stage reads."""

    seed: Seed
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        description="of matrix products; auto: bf16 where it is computed natively, else fp32"
    )


class Named(Table):
    """What the experiment is called."""

    name: Name = Field(description="the folder of its own under evaluation/, and results/<name>.json")


class Watch(Table):
    """The keys at the top that decide no byte: no stage's identity has them."""

    checkpoint_minutes: float = Field(
        CHECKPOINT_MINUTES, ge=0, allow_inf_nan=False,
        description="how often a stage keeps its progress, to go on there once it was killed; 0 is never",
    )  # fmt: skip
    launch: Annotated[str, matching(r"\S.* -m", "a command that ends in -m, as 'torchrun --nproc_per_node 2 -m'")] = (
        Field(PLAIN, description="starts a stage that trains, maybe in several processes")
    )


Schema = TypeVar("Schema", bound=Table)


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in a YAML 1.2 file, read by the parser that DVC uses (so `1e-4` is a number here as there).

    Raises:
        UserError: the file is missing, is no UTF-8, is no YAML or holds no mapping.
    """
    try:
        content = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{file}: there is no such file; run this in the project's folder") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except NO_YAML as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        hint = "; indent with spaces" if "'\\t'" in problem else ""
        raise UserError(f"{file}: {line}not valid YAML: {problem}{hint}") from None
    if not isinstance(content, dict):
        found = "an empty file; take a preset" if content is None else shown(content)
        raise UserError(f"{file}: expected a mapping of keys, found {found}")
    return content


def mistakes(schema: type[Table], content: Any, place: str) -> Iterator[str]:
    """One line for each way in which `content` departs from `schema`; `place` is the dotted path to it."""
    try:
        schema.model_validate(content)
    except ValidationError as error:
        for detail in error.errors():
            yield one_line(_line(schema, detail, place))


def parse(schema: type[Schema], content: Any, place: str) -> Schema:
    """`content` as a `schema`.

    Raises:
        UserError: naming the first key that is wrong, with its full path.
    """
    for line in mistakes(schema, content, place):
        raise UserError(line)
    return schema.model_validate(content)


def find_entry(file: Path, table: str, key: str) -> Any:
    """One entry of one of the five tables, such as `general.tinybert4`, as it stands there.

    Raises:
        UserError: there is none; the known ones are named.
    """
    entries = read_yaml(file).get(table) or {}
    if not isinstance(entries, dict):
        raise UserError(f"{file}: {table}: expected a mapping of keys, found {shown(entries)}")
    if key not in entries:
        raise UserError(f"{file}: {table}.{key}: there is no such entry{suggest(key, map(str, entries))}")
    return entries[key]


def load_entry(file: Path, table: str, key: str, schema: type[Schema]) -> Schema:
    """One entry of one of the five tables, typed; the other entries are not looked at.

    Raises:
        UserError: there is no such entry, or a key of it is wrong.
    """
    return parse(schema, find_entry(file, table, key), f"{file}: {table}.{key}")


def load_run(file: Path) -> Run:
    """The seed and the precision at the top of the file."""
    return _load_top(file, Run)


def load_watch(file: Path) -> Watch:
    """What decides no byte."""
    return _load_top(file, Watch)


def load_name(file: Path) -> str:
    """What the experiment is called: the folder under `evaluation/` that is its own."""
    return _load_top(file, Named).name


def _load_top(file: Path, schema: type[Schema]) -> Schema:
    content = read_yaml(file)
    return parse(schema, {key: content[key] for key in schema.model_fields if key in content}, f"{file}")


def _line(schema: type[Table], detail: Any, place: str) -> str:
    location = [str(part) for part in detail["loc"] if part != "[key]"]
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error" and (match := PATH.match(message)):
        location, message = [*location, match[1]], message[match.end() :]
    path = f"{place}{'.' if ': ' in place else ': '}{'.'.join(location)}" if location else place
    match detail["type"]:
        case "value_error":
            return f"{path}: {message}"
        case "missing":
            return f"{path}: this key is missing; add it"
        case "extra_forbidden":
            return f"{path}: unknown key{suggest(location[-1], _keys(schema, location[:-1]))}"
        case "model_type":
            message = "expected a mapping of keys"
        case "dict_type":
            message = "expected a mapping of keys (an empty one is {})"
        case "string_type" if isinstance(detail["input"], int | float | date):
            message = "expected text, in quotes"
    expectation = re.sub(r"^\w+ should (be|have|match)", "expected", message).partition(" after validation")[0]
    return f"{path}: {expectation}, found {shown(detail['input'])}"


def _keys(schema: Any, location: list[str]) -> list[str]:
    """The keys that the mapping at `location` inside `schema` may have."""
    for part in location:
        if get_origin(schema) in (dict, list):
            schema = get_args(schema)[-1]
        else:
            fields = schema.model_fields.items()
            schema = next(field.annotation for name, field in fields if part in (name, field.alias))
    return [field.alias or name for name, field in schema.model_fields.items()]
