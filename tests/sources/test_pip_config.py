"""pip's configuration is ours: files, environment variables, and what outdoes what."""

from pathlib import Path

import pytest

from tinybert.errors import UserError
from tinybert.sources.pip_config import PYPI, parse_pip_settings, read_pip_settings


def test_lists_and_precedence():
    assert parse_pip_settings({}).index_urls == (PYPI,)
    settings = parse_pip_settings(
        {
            "global.index-url": "https://global/simple",
            "install.extra-index-url": "https://a/simple\nhttps://b/simple",
            "global.find-links": "/wheels  /more",
            ":env:.index-url": "https://env/simple",
            "global.trusted-host": "a b:8080",
            "global.timeout": "60",
        }
    )
    assert settings.index_urls == ("https://env/simple", "https://a/simple", "https://b/simple")
    assert settings.find_links == ("/wheels", "/more")
    assert settings.trusted_hosts == ("a", "b:8080")
    assert settings.timeout == 60


@pytest.mark.parametrize("value", ["1", "y", "T", "yes", "True", "on"])
def test_no_index_leaves_only_the_links(value):
    settings = parse_pip_settings({":env:.no-index": value, "global.extra-index-url": "https://a/simple"})
    assert settings.index_urls == ()


def test_reads_pips_own_files_and_variables(monkeypatch):
    Path("pip.conf").write_text("[global]\nindex-url = https://from-file/simple\ncert = /a b/ca.pem\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", "pip.conf")
    monkeypatch.delenv("PIP_CERT", raising=False)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://from-env/simple")
    settings = read_pip_settings()
    assert settings.index_urls == ("https://from-file/simple", "https://from-env/simple")
    assert settings.cert == "/a b/ca.pem"


def test_malformed_file_is_named(monkeypatch):
    Path("pip.conf").write_text("[global\nindex-url = x\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", "pip.conf")
    with pytest.raises(UserError, match=r"^pip's configuration.*$"):
        read_pip_settings()
