from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.kit import toml

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = texts | st.integers(-(2**53), 2**53) | st.booleans()
tables: st.SearchStrategy[dict[str, Any]] = st.dictionaries(texts, scalars | st.lists(scalars, max_size=3), max_size=4)


@given(
    st.dictionaries(texts, tables | scalars | st.lists(tables, min_size=1, max_size=3) | st.lists(scalars), max_size=4)
)
def test_what_is_written_is_read_as_it_was(values: dict[str, Any]) -> None:
    assert tomllib.loads(toml.write(values)) == values


def test_what_toml_has_no_word_for() -> None:
    with pytest.raises(TypeError):
        toml.write({"a": None})
