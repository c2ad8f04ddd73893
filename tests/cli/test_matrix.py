"""The table of connectors in the docs is the one the code prints."""

from backhaul.cli.matrix import matrix
from tests.conftest import REPOSITORY


def test_the_docs_show_what_the_connectors_declare() -> None:
    shown = (REPOSITORY / "docs/connectors/README.md").read_text(encoding="utf-8")
    assert shown == matrix(), "run: backhaul connectors > docs/connectors/README.md"
