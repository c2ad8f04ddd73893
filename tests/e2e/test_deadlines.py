"""The channel's clock never waits: what happens when nobody, or nothing, answers in time."""

from __future__ import annotations

from tests.e2e.books import check_books, decisions
from tests.e2e.conftest import Opener

HOUR = 3600


async def test_a_worker_that_is_dead_until_ten_minutes_before_and_a_vendor_that_fails_for_five(opener: Opener) -> None:
    async with opener(rate=40.0) as stage:
        case = await stage.ask()
        row = await case.asked()
        await stage.stop_workers()
        deadline = (await case.state())["deadline"]
        assert row.deadline == deadline
        now = (await stage.control.clock())["now"]
        await stage.step(deadline - 600 - now)
        for vendor in ("tiktok", "shopify"):
            await stage.control.add_mood("unavailable", vendor=vendor)
        stage.start_worker()

        async def five_minutes() -> bool:
            return bool((await stage.control.clock())["now"] >= deadline - 300)

        await stage.until(five_minutes, 15.0, "five minutes of failures")
        assert decisions(await case.books()) == []
        await stage.control.clear_moods()
        books = await case.until_books(lambda books: books["decisions"], "a decision", 12.0)
        assert decisions(books) == ["APPROVE_RETURN"], "the channel decided, not the policy"
        assert books["decisions"][0]["at"] < deadline
        await check_books(stage)


async def test_warnings_come_before_the_deadline_and_the_policy_answers_an_hour_ahead(opener: Opener) -> None:
    async with opener(rate=20.0) as stage:
        case = await stage.ask()
        row = await case.asked()
        deadline = (await case.state())["deadline"]
        for hours in (24, 12, 4):
            now = (await stage.control.clock())["now"]
            await stage.step(deadline - hours * HOUR - now + 5)
            await case.until(lambda row, hours=hours: len(row.seen.warned) > {24: 0, 12: 1, 4: 2}[hours], f"{hours} h")  # type: ignore[misc]
            assert decisions(await case.books()) == []
        now = (await stage.control.clock())["now"]
        await stage.step(deadline - HOUR - now + 5)
        books = await case.until_books(lambda books: books["decisions"], "the policy's answer")
        assert decisions(books) == ["APPROVE_RETURN"]
        texts = await stage.hub.pool.fetch(
            "select text from history where case_id = $1 and what = 'deadline.warning' order by id", row.id
        )
        assert [each["text"].split(" h ")[0].rpartition(" ")[2] for each in texts][:3] == ["24", "12", "4"]
