"""Talks to a running server as agno's own Python client does: python agno_client.py URL KEY

Prints a line of JSON for each check. The components are those of test/support/mock-lab.ts.
"""

import asyncio
import json
import logging
import sys
import traceback

import httpx
from agno.agent.remote import RemoteAgent
from agno.client import AgentOSClient
from agno.db.base import SessionType
from agno.media import File, Image
from agno.run.agent import RunErrorEvent, RunStatus
from agno.team.remote import RemoteTeam
from agno.workflow.remote import RemoteWorkflow

URL, KEY = sys.argv[1], sys.argv[2]
HEADERS = {"Authorization": f"Bearer {KEY}"}
client = AgentOSClient(URL)
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


def same(actual, expected):
    assert actual == expected, f"expected {expected!r}, got {actual!r}"


async def status_of(awaitable):
    try:
        await awaitable
    except Exception as error:
        cause = error if isinstance(error, httpx.HTTPStatusError) else error.__cause__
        return getattr(getattr(cause, "response", None), "status_code", getattr(error, "status_code", repr(error)))
    return 200


async def collect(stream):
    return [event async for event in stream]


def names(events):
    return [event.event for event in events]


@check
async def config():
    config = await client.aget_config(headers=HEADERS)
    same((config.os_id, config.databases), ("lab-os", ["agent-os"]))
    same(config.session.dbs[0].tables, ["agent_os_sessions"])
    assert {"plain", "tool"} <= {agent.id for agent in config.agents}


@check
async def models():
    same([(model.id, model.provider) for model in await client.get_models(headers=HEADERS)], [("mock-1", "MockProvider")])


@check
async def agents():
    agents = await client.list_agents(headers=HEADERS)
    agent = await client.aget_agent("tool", headers=HEADERS)
    assert "tool" in {item.id for item in agents}
    same((agent.name, agent.db_id, agent.model.model), ("Tool", "agent-os", "mock-1"))
    same(agent.tools["tools"][0]["name"], "add")


@check
async def teams():
    teams = await client.list_teams(headers=HEADERS)
    team = await client.aget_team("outer", headers=HEADERS)
    assert {"t1", "outer"} <= {item.id for item in teams}
    same((team.mode, [member.id for member in team.members]), ("coordinate", ["inner"]))


@check
async def workflows():
    workflows = await client.list_workflows(headers=HEADERS)
    workflow = await client.aget_workflow("w1", headers=HEADERS)
    same([item.id for item in workflows], ["w1"])
    same([step["name"] for step in workflow.steps], ["s1", "s2"])


@check
async def agent_run():
    output = await client.run_agent("tool", "hi", session_id="py-agent", user_id="ann", metadata={"tier": "pro"}, headers=HEADERS)
    same((output.status, output.content), (RunStatus.completed, "Hello from mock "))
    same([message.role for message in output.messages], ["user", "assistant", "tool", "assistant"])
    same((output.tools[0].tool_name, output.tools[0].result), ("add", "3"))
    same((output.metrics.total_tokens, output.user_id, output.metadata), (26, "ann", {"tier": "pro"}))
    same(output.input.input_content, "hi")


@check
async def agent_stream():
    events = await collect(client.run_agent_stream("tool", "hi", session_id="py-agent", headers=HEADERS))
    same(names(events)[0], "RunStarted")
    same(names(events)[-1], "RunCompleted")
    same("".join(event.content for event in events if event.event == "RunContent"), "Hello from mock ")
    tool = next(event.tool for event in events if event.event == "ToolCallCompleted")
    same((tool.tool_call_id, tool.result), ("call_1", "3"))


@check
async def team_run():
    output = await client.run_team("t1", "hi", session_id="py-team", headers=HEADERS)
    same((output.status, output.content), (RunStatus.completed, "team final "))
    same([(member.agent_id, member.content) for member in output.member_responses], [("m1", "answer of m1 ")])


@check
async def team_stream():
    events = await collect(client.run_team_stream("outer", "hi", headers=HEADERS))
    same((names(events)[0], names(events)[-1]), ("TeamRunStarted", "TeamRunCompleted"))
    inner = events[-1].member_responses[0]
    same((inner.team_id, inner.member_responses[0].agent_id), ("inner", "m5"))


@check
async def workflow_run():
    output = await client.run_workflow("w1", "hi", session_id="py-workflow", headers=HEADERS)
    same((output.status, output.content), (RunStatus.completed, "fn:step answer "))
    same([step.step_name for step in output.step_results], ["s1", "s2"])
    same([run.agent_id for run in output.step_executor_runs], ["wa"])
    same(list(output.metrics.steps), ["s1"])


@check
async def workflow_stream():
    events = await collect(client.run_workflow_stream("w1", "hi", headers=HEADERS))
    same((names(events)[0], names(events)[-1]), ("WorkflowStarted", "WorkflowCompleted"))
    same([event.step_name for event in events if event.event == "StepCompleted"], ["s1", "s2"])


@check
async def media():
    image = Image(content=b"\x89PNG\r\n\x1a\n", mime_type="image/png", format="png")
    file = File(content=b"%PDF-1.4", mime_type="application/pdf", filename="a.pdf")
    output = await client.run_agent("seer", "hi", images=[image], files=[file], headers=HEADERS)
    same((output.status, output.content), (RunStatus.completed, "image/png of 8 bytes, application/pdf of 8 bytes"))


@check
async def cancel():
    same(await client.cancel_agent_run("plain", "no-such-run", headers=HEADERS), None)
    same(await client.cancel_team_run("t1", "no-such-run", headers=HEADERS), None)
    same(await client.cancel_workflow_run("w1", "no-such-run", headers=HEADERS), None)


@check
async def sessions():
    page = await client.get_sessions(session_type=SessionType.AGENT, component_id="tool", headers=HEADERS)
    session = next(item for item in page.data if item.session_id == "py-agent")
    same((session.session_name, page.meta.page), ("hi", 1))
    detail = await client.get_session("py-agent", session_type=SessionType.AGENT, headers=HEADERS)
    same((detail.agent_id, detail.total_tokens), ("tool", 52))
    same([message["role"] for message in detail.chat_history], ["user", "assistant", "assistant"] * 2)
    runs = await client.get_session_runs("py-agent", headers=HEADERS)
    same([(run.agent_id, run.run_input, run.status) for run in runs], [("tool", "hi", "COMPLETED")] * 2)
    run = await client.get_session_run("py-agent", runs[0].run_id, headers=HEADERS)
    same(run.content, "Hello from mock ")


@check
async def other_sessions():
    team = await client.get_session("py-team", headers=HEADERS)
    workflow = await client.get_session("py-workflow", headers=HEADERS)
    same((team.team_id, workflow.workflow_id), ("t1", "w1"))
    runs = await client.get_session_runs("py-team", session_type=SessionType.TEAM, headers=HEADERS)
    same([getattr(run, "agent_id", None) or run.team_id for run in runs], ["m1", "t1"])
    (run,) = await client.get_session_runs("py-workflow", session_type=SessionType.WORKFLOW, headers=HEADERS)
    same((run.workflow_id, run.content), ("w1", "fn:step answer "))


@check
async def session_changes():
    created = await client.create_session(session_id="py-new", session_name="First", metadata={"a": 1}, agent_id="plain", headers=HEADERS)
    same((created.session_id, created.session_name, created.agent_id), ("py-new", "First", "plain"))
    same(await status_of(client.create_session(session_id="py-new", headers=HEADERS)), 409)
    same((await client.rename_session("py-new", "Second", headers=HEADERS)).session_name, "Second")
    updated = await client.update_session("py-new", metadata={"b": 2}, summary={"topic": "x"}, headers=HEADERS)
    same(updated.metadata, {"b": 2})
    same(await client.delete_session("py-new", headers=HEADERS), None)
    same(await status_of(client.get_session("py-new", headers=HEADERS)), 404)


@check
async def deleting_sessions():
    for session in ("py-a", "py-b"):
        await client.create_session(session_id=session, agent_id="plain", headers=HEADERS)
    await client.delete_sessions(["py-a", "py-b"], [SessionType.AGENT, SessionType.AGENT], headers=HEADERS)
    page = await client.get_sessions(component_id="plain", headers=HEADERS)
    assert {"py-a", "py-b"}.isdisjoint(session.session_id for session in page.data)


@check
async def evaluations():
    page = await client.list_eval_runs(agent_id="judged", headers=HEADERS)
    (evaluation,) = page.data
    same((evaluation.agent_id, evaluation.eval_type.value, evaluation.name), ("judged", "agent_as_judge", "polite"))
    found = await client.get_eval_run(evaluation.id, headers=HEADERS)
    same((found.eval_input["criteria"], found.eval_data["results"][0]["input"]), ("It is polite.", "hi"))
    renamed = await client.update_eval_run(evaluation.id, "renamed", headers=HEADERS)
    same(renamed.name, "renamed")
    same(await client.delete_eval_runs([evaluation.id], headers=HEADERS), None)
    same((await client.list_eval_runs(agent_id="judged", headers=HEADERS)).meta.total_count, 0)


@check
async def errors():
    same(await status_of(client.run_agent("guard", "bad", headers=HEADERS)), 400)
    same(await status_of(client.run_agent("fail", "x", headers=HEADERS)), 500)
    same(await status_of(client.run_agent("nobody", "x", headers=HEADERS)), 404)
    same(await status_of(client.run_agent("plain", "x")), 401)
    same(await status_of(client.get_session("nobody", headers=HEADERS)), 404)


@check
async def errors_in_streams():
    events = await collect(client.run_agent_stream("guard", "bad", headers=HEADERS))
    assert isinstance(events[-1], RunErrorEvent)
    same((events[-1].content, events[-1].error_type, events[-1].error_id), ("rejected input", "input_check_error", "prompt_injection"))


@check
async def remote_agent():
    agent = RemoteAgent(URL, "tool")
    output = await agent.arun("hi", auth_token=KEY)
    same((output.content, output.status), ("Hello from mock ", RunStatus.completed))
    events = await collect(agent.arun("hi", stream=True, stream_events=True, auth_token=KEY))
    same(names(events)[-1], "RunCompleted")


@check
async def remote_team():
    team = RemoteTeam(URL, "t1")
    output = await team.arun("hi", auth_token=KEY)
    same((output.content, output.member_responses[0].agent_id), ("team final ", "m1"))
    events = await collect(team.arun("hi", stream=True, stream_events=True, auth_token=KEY))
    same(names(events)[-1], "TeamRunCompleted")


@check
async def remote_workflow():
    workflow = RemoteWorkflow(URL, "w1")
    output = await workflow.arun("hi", auth_token=KEY)
    same(output.content, "fn:step answer ")
    events = await collect(workflow.arun("hi", stream=True, stream_events=True, auth_token=KEY))
    same(names(events)[-1], "WorkflowCompleted")


async def main():
    for function in checks:
        complaints.clear()
        problem = None
        try:
            await function()
            if complaints:
                problem = f"the client complained: {complaints}"
        except Exception:
            problem = traceback.format_exc(limit=4)
        print(json.dumps({"check": function.__name__, "problem": problem}), flush=True)


asyncio.run(main())
