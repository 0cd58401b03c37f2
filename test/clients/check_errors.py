from agno.models.response import ToolExecution
from agno.run.agent import RunErrorEvent
from agno.run.team import RunErrorEvent as TeamRunErrorEvent
from agno.run.workflow import WorkflowErrorEvent
from checks import HEADERS, check, check_if_locked, client, collect, refusal, same


@check
async def rejections():
    """reads 400 and the reason for a rejected run"""
    same(await refusal(client.run_agent("guard", "bad", headers=HEADERS)), (400, "rejected input"))
    same(await refusal(client.run_agent("guardout", "bad", headers=HEADERS)), (400, "rejected output"))
    same(await refusal(client.run_team("guardteam", "bad", headers=HEADERS)), (400, "rejected by the team"))
    same(await refusal(client.run_workflow("guardflow", "bad", headers=HEADERS)), (400, "rejected by a step"))


@check
async def failures():
    """reads 500 for a failed run, and 502 for a failure of the provider"""
    same(await refusal(client.run_agent("fail", "x", headers=HEADERS)), (500, "The run failed."))
    same((await refusal(client.run_team("failteam", "x", headers=HEADERS)))[0], 500)
    same((await refusal(client.run_workflow("failflow", "x", headers=HEADERS)))[0], 500)
    same(await refusal(client.run_agent("unreachable", "x", headers=HEADERS)), (502, "The model provider failed."))


@check
async def rejections_in_streams():
    """reads a rejection in the last event of a stream"""
    (*_, error) = await collect(client.run_agent_stream("guard", "bad", headers=HEADERS))
    assert isinstance(error, RunErrorEvent)
    same((error.content, error.error_type, error.error_id), ("rejected input", "input_check_error", "prompt_injection"))
    same(error.additional_data, {"k": 1})
    (*_, error) = await collect(client.run_agent_stream("guardout", "bad", headers=HEADERS))
    same((error.content, error.error_type), ("rejected output", "output_check_error"))
    (*_, error) = await collect(client.run_team_stream("guardteam", "bad", headers=HEADERS))
    assert isinstance(error, TeamRunErrorEvent)
    same((error.content, error.error_id), ("rejected by the team", "off_topic"))
    (*_, error) = await collect(client.run_workflow_stream("guardflow", "bad", headers=HEADERS))
    assert isinstance(error, WorkflowErrorEvent)
    same(error.error, "rejected by a step")


@check
async def failures_in_streams():
    """reads a failure in the last event of a stream"""
    (*_, error) = await collect(client.run_agent_stream("unreachable", "x", headers=HEADERS))
    assert isinstance(error, RunErrorEvent)
    same((error.content, error.error_type), ("The model provider failed.", "provider_error"))
    (*_, error) = await collect(client.run_team_stream("failteam", "x", headers=HEADERS))
    assert isinstance(error, TeamRunErrorEvent)
    (*_, error) = await collect(client.run_workflow_stream("failflow", "x", headers=HEADERS))
    assert isinstance(error, WorkflowErrorEvent)


@check
async def unknown_components():
    """reads 404 for a component that does not exist"""
    for found in (client.aget_agent, client.aget_team, client.aget_workflow):
        same((await refusal(found("nobody", headers=HEADERS)))[0], 404)
    same(await refusal(client.run_agent("nobody", "x", headers=HEADERS)), (404, "Agent not found"))
    same(await refusal(client.run_team("nobody", "x", headers=HEADERS)), (404, "Team not found"))
    same(await refusal(client.run_workflow("nobody", "x", headers=HEADERS)), (404, "Workflow not found"))
    same((await refusal(collect(client.run_agent_stream("nobody", "x", headers=HEADERS))))[0], 404)
    same((await refusal(client.cancel_team_run("nobody", "x", headers=HEADERS)))[0], 404)


@check
async def unknown_sessions():
    """reads 404 for a session or a run that does not exist"""
    await client.run_agent("plain", "hi", session_id="py-known", headers=HEADERS)
    for asked in (
        client.get_session("nobody", headers=HEADERS),
        client.get_session_runs("nobody", headers=HEADERS),
        client.get_session_run("py-known", "nobody", headers=HEADERS),
        client.rename_session("nobody", "x", headers=HEADERS),
        client.update_session("nobody", session_name="x", headers=HEADERS),
        client.get_eval_run("nobody", headers=HEADERS),
    ):
        same((await refusal(asked))[0], 404)


@check
async def invalid_input():
    """reads 422 with the missing field"""
    status, detail = await refusal(client.run_agent("plain", "", headers=HEADERS))
    same((status, detail[0]["loc"], detail[0]["type"]), (422, ["body", "message"], "missing"))
    same((await refusal(client.get_sessions(limit=0, headers=HEADERS)))[0], 422)


@check
async def continuing():
    """reads that runs do not pause, and which do not exist"""
    output = await client.run_agent("tool", "hi", session_id="py-continue", headers=HEADERS)
    tools = [ToolExecution(tool_call_id="call_1", tool_name="add", confirmed=True)]
    go_on = {"session_id": "py-continue", "headers": HEADERS}
    same((await refusal(client.continue_agent_run("tool", output.run_id, tools, **go_on)))[0], 501)
    same((await refusal(collect(client.continue_agent_run_stream("tool", output.run_id, tools, **go_on))))[0], 501)
    same((await refusal(client.continue_agent_run("tool", "nobody", tools, **go_on)))[0], 404)
    same((await refusal(client.continue_team_run("t1", "nobody", [], **go_on)))[0], 404)
    same((await refusal(client.continue_workflow_run("w1", "nobody", [], **go_on)))[0], 404)


@check_if_locked
async def missing_keys():
    """reads 401 for a missing or wrong key"""
    same(await refusal(client.run_agent("plain", "x")), (401, "Authorization header required"))
    same(await refusal(client.aget_config()), (401, "Authorization header required"))
    wrong = {"Authorization": "Bearer wrong"}
    same(await refusal(client.get_sessions(headers=wrong)), (401, "Invalid authentication token"))
    same((await refusal(collect(client.run_team_stream("t1", "x", headers=wrong))))[0], 401)
