"""The server of agno on uvicorn, with a model that answers at once.

It speaks with the benchmark over the channel that Node gives to its child processes: lines of JSON.
"""

import asyncio
import gc
import json
import os
import resource
import socket
import sys
import threading

import uvicorn
from agno.agent import Agent
from agno.hooks import hook
from agno.models.base import Model
from agno.models.response import ModelResponse
from agno.os import AgentOS
from agno.team import Team
from agno.workflow import Step, Workflow

SENTENCE = 'Open the account page, choose "Security", then "Reset password", and follow the link we send. '
FORM = {"content-type": "application/x-www-form-urlencoded"}
MESSAGE = "message=How+do+I+reset+my+password%3F"
SLEEP_SECONDS = 0.05

configuration = json.loads(sys.argv[1])
answer = (SENTENCE * (configuration["size"] // len(SENTENCE) + 1))[: configuration["size"]]
piece_length = -(-len(answer) // configuration["tokens"])
pieces = [answer[start : start + piece_length] for start in range(0, len(answer), piece_length)]
gate = asyncio.Event()
ended_hooks = 0
characters_read = 0


class InstantModel(Model):
    """Answers at once, token by token if it streams."""

    async def ainvoke(self, *args, **kwargs):
        return ModelResponse(role="assistant", content=answer)

    async def ainvoke_stream(self, *args, **kwargs):
        for piece in pieces:
            # A turn of its own of the event loop for each piece, as if it had come over the network.
            await asyncio.sleep(0)
            yield ModelResponse(role="assistant", content=piece)

    def invoke(self, *args, **kwargs):
        raise NotImplementedError

    invoke_stream = _parse_provider_response = _parse_provider_response_delta = invoke


class LeadingModel(InstantModel):
    """Delegates to all members at once, and answers when it has their results."""

    async def ainvoke(self, messages, *args, **kwargs):
        if messages[-1].role == "tool":
            return ModelResponse(role="assistant", content=answer)
        calls = []
        for index in range(1, configuration["members"] + 1):
            arguments = json.dumps({"member_id": f"member{index}", "task": "Answer the question."})
            function = {"name": "delegate_task_to_member", "arguments": arguments}
            calls.append({"id": f"call-{index}", "type": "function", "function": function})
        return ModelResponse(role="assistant", tool_calls=calls)


async def read(run_output):
    global characters_read
    characters_read += len(run_output.content)


async def sleep(run_output):
    await asyncio.sleep(SLEEP_SECONDS)


async def held(run_output):
    await gate.wait()


KINDS = {"read": read, "sleep": sleep, "held": held}


def create_hook(index):
    run = KINDS[configuration["hook"]]

    async def counted(run_output):
        global ended_hooks
        await run(run_output)
        ended_hooks += 1

    counted.__name__ = f"hook{index}"
    return hook(run_in_background=True)(counted)


def create_agent(name, post_hooks=None):
    return Agent(id=name, name=name, model=InstantModel(id="instant"), post_hooks=post_hooks, telemetry=False)


def create_app():
    hooks = [create_hook(index) for index in range(1, configuration["hookCount"] + 1)]
    agents = [create_agent("bench", hooks or None), create_agent("plain")]
    teams = []
    if configuration["members"] > 0:
        members = [create_agent(f"member{index}") for index in range(1, configuration["members"] + 1)]
        leader = LeadingModel(id="leading")
        teams.append(Team(id="team", name="team", model=leader, members=members, telemetry=False))
    workflows = []
    if configuration["steps"] > 0:
        names = [f"step{index}" for index in range(1, configuration["steps"] + 1)]
        steps = [Step(name=name, agent=create_agent(name)) for name in names]
        workflows.append(Workflow(id="workflow", name="workflow", steps=steps, telemetry=False))
    return AgentOS(agents=agents, teams=teams, workflows=workflows, telemetry=False).get_app()


def state():
    if configuration["memory"]:
        gc.collect()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    with open("/proc/self/statm") as statm:
        resident_pages = int(statm.read().split()[1])
    return {
        "processorMicros": round((usage.ru_utime + usage.ru_stime) * 1_000_000),
        "residentBytes": resident_pages * resource.getpagesize(),
        "endedHooks": ended_hooks,
    }


class Channel:
    def __init__(self):
        self.socket = socket.socket(fileno=int(os.environ.pop("NODE_CHANNEL_FD")))
        self.lines = self.socket.makefile()

    def send(self, message):
        self.socket.sendall(f"{json.dumps(message)}\n".encode())

    def answer(self):
        """Answers every message with the state of the process; ends the process when the benchmark has gone."""
        for _ in self.lines:
            self.send(state())
        os._exit(0)


def greeting(port):
    def request(path, stream="false"):
        return {"url": f"http://127.0.0.1:{port}{path}", "headers": FORM, "body": f"{MESSAGE}&stream={stream}"}

    requests = {
        "run": request("/agents/bench/runs"),
        "plain": request("/agents/plain/runs"),
        "stream": request("/agents/bench/runs", "true"),
        "team": request("/teams/team/runs"),
        "workflow": request("/workflows/workflow/runs"),
    }
    return {"requests": requests, "token": "event: RunContent\n"}


async def main():
    channel = Channel()
    listening = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="error", access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.001)
    channel.send(greeting(listening.getsockname()[1]))
    threading.Thread(target=channel.answer, daemon=True).start()
    await serving


asyncio.run(main())
