"""Who may use the dashboard and the API: one-time sign-in links, sessions, API tokens. Only hashes are stored."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import msgspec

from backhaul.kit.ids import secret_token
from backhaul.store.db import Pool

ROLES = ("owner", "admin", "operator", "warehouse", "finance", "read-only")
SESSION = timedelta(days=30)
IDLE = timedelta(days=7)


class Person(msgspec.Struct, frozen=True):
    """Who asks. ``csrf`` is what a page's form must send back; empty for API tokens."""

    name: str
    role: str
    csrf: str = ""


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _known(role: str) -> str:
    if role not in ROLES:
        raise ValueError(f"{role!r} is no role; one of {', '.join(ROLES)}")
    return role


async def make_link(pool: Pool, name: str, role: str = "owner", lasts: timedelta = timedelta(minutes=15)) -> str:
    """The secret word of a one-time sign-in link; its address is ``<base>/signin/<word>``."""
    token = secret_token()
    await pool.execute(
        "insert into signin_link (hash, name, role, expires_at) values ($1, $2, $3, now() + $4)",
        _hash(token),
        name,
        _known(role),
        lasts,
    )
    return token


async def link_open(pool: Pool, token: str) -> str | None:
    """Whom a link that can still be used would sign in."""
    found = await pool.fetchval(
        "select name from signin_link where hash = $1 and used_at is null and expires_at > now()", _hash(token)
    )
    return str(found) if found is not None else None


async def ever_signed_in(pool: Pool) -> bool:
    """Whether anybody has ever used a link."""
    return bool(await pool.fetchval("select exists (select from signin_link where used_at is not null)"))


async def sign_in(pool: Pool, link: str) -> tuple[str, Person] | None:
    """Use a link up: the word for the session cookie and whose it is; None when it is used, over or unknown."""
    token, csrf = secret_token(), secret_token()
    row = await pool.fetchrow(
        """
        with used as (
            update signin_link set used_at = now() where hash = $1 and used_at is null and expires_at > now()
            returning name, role
        )
        insert into session (hash, name, role, csrf, expires_at) select $2, name, role, $3, now() + $4 from used
        returning name, role
        """,
        _hash(link),
        _hash(token),
        csrf,
        SESSION,
    )
    return (token, Person(row["name"], row["role"], csrf)) if row else None


async def session(pool: Pool, token: str) -> Person | None:
    """Whose session this is. It ends a month after sign-in, or after a week without use."""
    row = await pool.fetchrow(
        "select name, role, csrf, seen_at < now() - interval '5 minutes' as stale from session "
        "where hash = $1 and expires_at > now() and seen_at > now() - $2::interval",
        _hash(token),
        IDLE,
    )
    if row is None:
        return None
    if row["stale"]:
        await pool.execute("update session set seen_at = now() where hash = $1", _hash(token))
    return Person(row["name"], row["role"], row["csrf"])


async def sign_out(pool: Pool, token: str) -> None:
    """End a session."""
    await pool.execute("delete from session where hash = $1", _hash(token))


async def make_token(pool: Pool, name: str, role: str, lasts: timedelta | None = None) -> str:
    """A bearer token for the API, shown this once."""
    token = f"bh_{secret_token()}"
    await pool.execute(
        "insert into api_token (hash, name, role, expires_at) values ($1, $2, $3, now() + $4::interval)",
        _hash(token),
        name,
        _known(role),
        lasts,
    )
    return token


async def token_owner(pool: Pool, token: str) -> Person | None:
    """Whose API token this is."""
    row = await pool.fetchrow(
        "select name, role, coalesce(used_at < now() - interval '5 minutes', true) as stale from api_token "
        "where hash = $1 and (expires_at is null or expires_at > now())",
        _hash(token),
    )
    if row is None:
        return None
    if row["stale"]:
        await pool.execute("update api_token set used_at = now() where hash = $1", _hash(token))
    return Person(row["name"], row["role"])


async def revoke_tokens(pool: Pool, name: str) -> int:
    """Take back every API token of this name; how many there were."""
    done: str = await pool.execute("delete from api_token where name = $1", name)
    return int(done.rsplit(" ", 1)[-1])
