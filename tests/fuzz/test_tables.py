"""Labelled text of every format, as it may come: read, or refused in one line."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.files import SECONDS, broken, mostly, seconds_to_read, texts
from tinybert.serve.streams import read_rows
from tinybert.tables.read import read_table

pytestmark = pytest.mark.filterwarnings("ignore")
headers = mostly(
    st.permutations(["text", "label", "tags"]),
    st.lists(st.sampled_from(["text", "label", "id", "text_pair"]) | texts, min_size=1, max_size=4),
)


COLUMNS = ["text", "label", "tags", "id"]


@st.composite
def delimited(draw):
    separator = draw(mostly(st.sampled_from(",\t"), st.sampled_from(";|")))
    stream = io.StringIO()
    if draw(mostly(st.just(False), st.just(True))):
        stream.write(draw(st.sampled_from(["sep=;\n", '"sep=\t"\r\n', "sep=\0\n", "\ufeff"])))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    try:
        writer = csv.writer(stream, delimiter=separator, quoting=quoting, lineterminator=end, escapechar="\\")
        writer.writerow(names := draw(headers))
        writer.writerows(draw(st.lists(st.lists(texts, min_size=len(names), max_size=len(names)), max_size=5)))
    except csv.Error:
        pass
    encodings = mostly(st.just("utf-8"), st.sampled_from(["utf-8-sig", "utf-8-sig", "utf-16", "latin-1"]))
    return separator, stream.getvalue().encode(draw(encodings), "replace")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
objects = mostly(
    st.fixed_dictionaries({"text": texts, "label": texts | st.integers(0, 3)}, optional={"tags": st.lists(texts)}),
    st.dictionaries(st.sampled_from(["text", "label", "id"]) | texts, values, max_size=4),
)


@st.composite
def json_rows(draw):
    rows = draw(st.lists(objects, min_size=1, max_size=4))
    content = json.dumps(rows) if draw(st.booleans()) else "\n".join(map(json.dumps, rows))
    return content.encode("utf-8", "surrogatepass")


@st.composite
def parquet(draw):
    size = draw(st.integers(0, 4))
    columns = {}
    for name in draw(
        mostly(st.permutations(COLUMNS), st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4, unique=True))
    ):
        kind, cells = draw(
            mostly(
                st.just((pa.string(), st.text(max_size=5))),
                st.sampled_from(
                    [
                        (pa.string(), st.text(max_size=5)),
                        (pa.int64(), st.integers(-5, 5)),
                        (pa.float32(), st.floats(width=32)),
                        (pa.list_(pa.string()), st.lists(st.text(max_size=3), max_size=3)),
                        (pa.bool_(), st.booleans()),
                        (pa.binary(), st.binary(max_size=3)),
                        (pa.struct([("a", pa.int8())]), st.fixed_dictionaries({"a": st.integers(-3, 3)})),
                        (pa.timestamp("ns"), st.integers(0, 2**62)),
                        (pa.null(), st.none()),
                    ]
                ),
            )
        )
        columns[name] = pa.array(draw(st.lists(cells | st.none(), min_size=size, max_size=size)), kind)
    about = draw(st.none() | st.sampled_from(['{"info": {"features": {"label": {"names": ["a"]}}}}', "[" * 3000, "{}"]))
    table = pa.table(columns).replace_schema_metadata(about and {"huggingface": about})
    pq.write_table(table, stream := io.BytesIO(), compression=draw(st.sampled_from(["zstd", "snappy", "none"])))
    return stream.getvalue()


SUFFIX = {",": "t.csv", "\t": "t.tsv", ";": "t.csv", "|": "t.txt"}
DELIMITED, JSON = ("t.csv", "t.tsv", "t.txt"), ("t.jsonl", "t.json", "t.ndjson")


@st.composite
def files(draw):
    """A name and what is under it, mostly of the form that the name says."""
    match draw(st.sampled_from(["cells", "JSON", "Parquet"])):
        case "cells":
            separator, content = draw(delimited())
            name = SUFFIX[separator]
        case "JSON":
            name, content = draw(st.sampled_from(JSON)), draw(json_rows())
        case "Parquet":
            name, content = "t.parquet", draw(parquet())
    if draw(st.integers(0, 19)) == 0:
        name = draw(st.sampled_from([*DELIMITED, *JSON, "t.parquet"]))
    content = draw(broken(st.just(content)))
    if not name.endswith("parquet") and draw(st.integers(0, 4)) == 0:
        packed = gzip.compress(content, mtime=0)
        return f"{name}.gz", draw(st.just(packed) | broken(st.just(packed)))
    return name, content


forms = st.tuples(
    st.none() | st.just(["text", "label"]), st.none() | st.sampled_from(";|\0 é"), st.none() | st.booleans()
)


@given(
    file=files(),
    needed=st.sampled_from([["text", "label"], ["text"], ["tags"]]),
    lists=st.sampled_from([["tags"], ["tags"], ()]),
    skips=st.booleans(),
    form=mostly(st.just((None, None, None)), forms),
)
@example(("t.csv", b'text\r""\r'), ["text", "label"], (), False, (None, None, None))
@example(("t.csv", b'"a\nb",label\n1,2\n'), ["text", "label"], (), False, (None, None, None))
@example(("t.csv", b"sep=\0\ntext\0label\na\0b\n"), ["text", "label"], (), False, (None, None, None))
@example(("t.json", b"[" * 100_000), ["text", "label"], (), False, (None, None, None))
def test_tables(file, needed, lists, skips, form):
    columns, separator, quotes = form
    dropped = {} if skips else None
    assert (
        seconds_to_read(*file, lambda path: read_table(path, columns, needed, lists, dropped, separator, quotes))
        < SECONDS
    )


@given(file=files(), separator=mostly(st.none(), st.sampled_from([";", "|", "\t"])))
@example(("t.jsonl", b'{"text": ' + b"[" * 100_000), None)
@example(("t.csv.gz", gzip.compress(b"text\n" + bytes(range(256)) * 99)[:-900] + b"\xff" * 900), None)
@example(("t.parquet", b"PAR1\x15\x04" + b"x" * 99 + b"PAR1"), None)
def test_rows_to_predict(file, separator):
    assert seconds_to_read(*file, lambda path: list(read_rows(path, separator))) < SECONDS
