"""What the checks have in common."""

import json
import logging
import sys
import traceback
from importlib.metadata import version

import httpx
from agno.client import AgentOSClient

URL = sys.argv[1]
KEY = sys.argv[2] if len(sys.argv) > 2 else None
HEADERS = {"Authorization": f"Bearer {KEY}"} if KEY else {}
client = AgentOSClient(URL)
IS_EARLIER = version("agno").startswith("2.")
checks = []

# What the client cannot read it only logs: here that is a failure.
complaints = []


class Complaints(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            complaints.append(record.getMessage())


for name in ("agno", "agno-team", "agno-workflow"):
    logging.getLogger(name).addHandler(Complaints())


def check(function):
    checks.append(function)
    return function


def check_if_open(function):
    """What the client asks without a key, even if it has one."""
    return function if KEY else check(function)


def check_if_locked(function):
    return check(function) if KEY else function


def check_if_latest(function):
    """What only clients of agno 3.1 ask."""
    return function if IS_EARLIER else check(function)


def check_if_earlier(function):
    """What clients of agno 3.1 no longer ask."""
    return check(function) if IS_EARLIER else function


def same(actual, expected):
    assert actual == expected, f"expected {expected!r}, got {actual!r}"


async def collect(stream):
    return [event async for event in stream]


async def refusal(awaitable):
    """The status and the detail of the error that the client raises. Of a stream it has not read the detail."""
    try:
        result = await awaitable
    except httpx.HTTPStatusError as error:
        response = error.response
        return response.status_code, response.json()["detail"] if hasattr(response, "_content") else None
    raise AssertionError(f"expected an error, got {result!r}")


def names(events):
    return [event.event for event in events]


def text(events, name="RunContent"):
    return "".join(event.content for event in events if event.event == name)


async def run_checks():
    problems = 0
    for function in checks:
        complaints.clear()
        problem = None
        try:
            await function()
            if complaints:
                problem = f"the client complained: {complaints}"
        except Exception:
            problem = traceback.format_exc(limit=-4)
        problems += problem is not None
        print(json.dumps({"check": function.__name__, "problem": problem}), flush=True)
    return 1 if problems else 0
