"""What the machine can do at all, measured in the same run."""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp
import asyncpg

SECONDS = 3.0

SERVER = """
import asyncio, sys
from aiohttp import web
async def answer(request):
    await request.read()
    return web.Response(text='{"code":0}', content_type='application/json')
async def main():
    app = web.Application(); app.router.add_post('/', answer)
    runner = web.AppRunner(app, access_log=None); await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0); await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""


async def pg_insert_tps_32(dsn: str) -> float:
    """Rows a second that 32 connections insert and commit one by one, durably."""
    connections = [await asyncpg.connect(dsn) for _ in range(32)]
    await connections[0].execute("drop table if exists bench_limit; create table bench_limit (id bigserial, body text)")
    done = 0
    end = time.perf_counter() + SECONDS

    async def insert(connection: asyncpg.Connection[asyncpg.Record]) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await connection.execute("insert into bench_limit (body) values ($1)", "x" * 500)
            done += 1

    begun = time.perf_counter()
    await asyncio.gather(*(insert(connection) for connection in connections))
    rate = done / (time.perf_counter() - begun)
    await connections[0].execute("drop table bench_limit")
    for connection in connections:
        await connection.close()
    return rate


async def http_calls_per_s() -> float:
    """Calls a second of one aiohttp client against a trivial aiohttp server in another process."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    assert server.stdin is not None
    url = f"http://127.0.0.1:{int(await server.stdout.readline())}/"
    done = 0
    end = time.perf_counter() + SECONDS
    async with aiohttp.ClientSession() as session:

        async def call() -> None:
            nonlocal done
            while time.perf_counter() < end:
                async with session.post(url, data=b'{"page_size":"10"}') as response:
                    await response.read()
                done += 1

        begun = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(16)))
        rate = done / (time.perf_counter() - begun)
    server.stdin.close()
    await server.wait()
    return rate
