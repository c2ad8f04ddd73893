from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from backhaul.settings import PREFIX, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [n for n in os.environ if n.startswith("BACKHAUL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_need_nothing(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.database_url is None
    assert settings.data_dir == tmp_path / ".backhaul"
    assert settings.key_file == tmp_path / ".backhaul" / "master.key"
    assert settings.base_url == "http://127.0.0.1:8480"


def test_environment_and_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BACKHAUL_PORT", "9000")
    monkeypatch.setenv("BACKHAUL_HOST", "0.0.0.0")
    monkeypatch.setenv("BACKHAUL_DATA_DIR", "there")
    monkeypatch.setenv("BACKHAUL_LOG_LEVEL", "")
    assert load_settings().base_url == "http://localhost:9000"
    assert load_settings(port=1, host=None).port == 1
    assert load_settings().data_dir == tmp_path / "there"
    assert load_settings().log_level == "info"
    monkeypatch.setenv("BACKHAUL_PUBLIC_URL", "https://returns.example.com/")
    assert load_settings().base_url == "https://returns.example.com"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("BACKHAUL_PORT", "http", "BACKHAUL_PORT: input should be a valid integer"),
        ("BACKHAUL_PORT", "70000", "BACKHAUL_PORT: input should be less than or equal to 65535 (it is '70000')"),
        ("BACKHAUL_LOG_LEVEL", "loud", "BACKHAUL_LOG_LEVEL: input should be 'debug', 'info'"),
        ("BACKHAUL_PUBLIC_URL", "returns.example.com", "BACKHAUL_PUBLIC_URL: must look like https://"),
        ("BACKHAUL_PROT", "1", "BACKHAUL_PROT: there is no such setting; did you mean BACKHAUL_PORT?"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).startswith(text)
    assert "\n" not in str(raised.value)


def test_a_wrong_argument_is_named_as_such() -> None:
    with pytest.raises(SettingsError, match=r"^--port: "):
        load_settings(port=-1)


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKHAUL_DATABASE_URL", "mysql://me:hunter2@host/db")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value) == "BACKHAUL_DATABASE_URL: must begin with postgresql://"
    monkeypatch.setenv("BACKHAUL_DATABASE_URL", "postgresql://me:hunter2@host/db")
    assert "hunter2" not in repr(load_settings())


def test_the_docs_name_every_setting() -> None:
    page = (Path(__file__).parents[1] / "docs/how-to/operate.md").read_text(encoding="utf-8")
    table = "".join(line for line in page.splitlines() if line.startswith("| `BACKHAUL_"))
    assert sorted(re.findall(r"BACKHAUL_\w+", table)) == sorted(PREFIX + name.upper() for name in Settings.model_fields)
