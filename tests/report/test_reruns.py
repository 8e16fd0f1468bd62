"""CONTRIBUTING.md says of each stage which edits re-run it, as dvc.yaml has it."""

from tests.import_closure import ROOT
from tinybert.report.reruns import reruns


def test_contributing_has_the_table():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("<!-- reruns -->\n")[2].partition("\n<!-- /reruns -->")[0]
    assert section == reruns(ROOT / "dvc.yaml"), "put the output of tinybert.report.reruns between the markers"
