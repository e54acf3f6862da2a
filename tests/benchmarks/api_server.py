"""Airflow's API server with our plugin, one worker, and a trivial handler beside it: `api_server PORT`."""

import sys

import uvicorn
from airflow.api_fastapi.app import create_app
from fastapi import FastAPI, Request
from starlette.routing import Mount

trivial = FastAPI()


@trivial.post("/trivial")
async def answer(request: Request) -> dict[str, bool]:
    """Read a body and answer."""
    await request.body()
    return {"duplicate": False}


if __name__ == "__main__":
    app = create_app(apps="core")
    app.router.routes.insert(0, Mount("/bench", trivial))
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")
