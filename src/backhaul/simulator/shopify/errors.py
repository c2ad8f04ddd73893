"""The two layers in which the vendor says no: top-level errors and userErrors of a mutation."""

from __future__ import annotations

from dataclasses import dataclass

from graphql import GraphQLError


@dataclass(slots=True)
class UserError:
    """One entry of ``userErrors``; types without a ``code`` field simply never ask for it."""

    field: list[str] | None
    message: str
    code: str | None = None


class Refusal(Exception):
    """A mutation that is refused as a whole, with what goes into its ``userErrors``."""

    def __init__(self, *errors: UserError) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = list(errors)


def refuse(field: list[str] | None, message: str, code: str | None = None) -> Refusal:
    return Refusal(UserError(field, message, code))


def top_level(message: str, code: str, **more: object) -> GraphQLError:
    """An entry of the top-level ``errors`` with ``extensions.code``."""
    return GraphQLError(message, extensions={"code": code, **more})
