"""What one would write instead: the record of a task from Redis with FastAPI, and the same payload without Redis. BENCH_SOCKET is
Redis' socket, BENCH_PAYLOAD a file with the payload of /constant."""

import json
import os
import pathlib

import redis.asyncio
from fastapi import FastAPI, HTTPException

app = FastAPI()
client = redis.asyncio.Redis(unix_socket_path=os.environ["BENCH_SOCKET"])
payload = json.loads(pathlib.Path(os.environ["BENCH_PAYLOAD"]).read_text())


@app.get("/v1/tasks/{task_id}")
async def task(task_id: str):
    record = await client.hgetall(f"task:{task_id}")
    if not record:
        raise HTTPException(404)
    return {name.decode(): json.loads(value) for name, value in record.items()}


@app.get("/constant")
async def constant():
    return payload
