from agno.media import File, Image
from agno.run.agent import RunStatus
from agno.run.team import TeamRunOutput
from agno.run.workflow import WorkflowRunOutput
from checks import HEADERS, check, client, collect, complaints, names, same, text

AWKWARD = ['{"event":"RunError"', "}", '"{{"\\', '\r\ndata: {"a":1}\n\n', " ", "👋 \u2028\u2029\u0085", '\\"}']


@check
async def agent_run():
    """runs an agent, and gets its output with messages, tools and metrics"""
    run = client.run_agent("tool", "hi", session_id="py-run", user_id="ann", metadata={"tier": "pro"}, headers=HEADERS)
    output = await run
    same((output.status, output.content, output.session_id), (RunStatus.completed, "Hello from mock ", "py-run"))
    same((output.agent_id, output.agent_name, output.model), ("tool", "Tool", "mock-1"))
    same([message.role for message in output.messages], ["user", "assistant", "tool", "assistant"])
    same((output.tools[0].tool_name, output.tools[0].result), ("add", "3"))
    same((output.metrics.total_tokens, output.user_id, output.metadata), (26, "ann", {"tier": "pro"}))
    same(output.input.input_content, "hi")
    assert isinstance(output.created_at, int)


@check
async def agent_stream():
    """streams an agent's run"""
    events = await collect(client.run_agent_stream("tool", "hi", session_id="py-stream", headers=HEADERS))
    same((names(events)[0], names(events)[-1]), ("RunStarted", "RunCompleted"))
    same((text(events), events[-1].content), ("Hello from mock ", "Hello from mock "))
    same({(event.session_id, event.agent_id, event.run_id) for event in events}, {("py-stream", "tool", events[0].run_id)})
    tool = next(event.tool for event in events if event.event == "ToolCallCompleted")
    same((tool.tool_call_id, tool.result), ("call_1", "3"))
    same(events[-1].metrics.total_tokens, 26)


@check
async def hooks_in_streams():
    """streams the events of inline hooks"""
    events = await collect(client.run_agent_stream("hooked", "hi", headers=HEADERS))
    same([event.pre_hook_name for event in events if event.event.startswith("PreHook")], ["before", "before"])
    same([event.post_hook_name for event in events if event.event.startswith("PostHook")], ["after", "after"])
    before = next(event for event in events if event.event == "PreHookCompleted")
    same((before.run_input, events[-1].content), (None, "Hello"))


@check
async def failed_tools():
    """reads the errors of failed tools"""
    events = await collect(client.run_agent_stream("brokentool", "hi", headers=HEADERS))
    error = next(event for event in events if event.event == "ToolCallError")
    same((error.tool.tool_name, error.tool.tool_call_error, error.error), ("add", True, "b is missing"))
    output = await client.run_agent("brokentool", "hi", headers=HEADERS)
    same((output.tools[0].tool_call_error, output.content), (True, "I cannot add."))


@check
async def awkward_text():
    """gets every text unchanged"""
    events = await collect(client.run_agent_stream("awkward", "hi", headers=HEADERS))
    same([event.content for event in events if event.event == "RunContent"], AWKWARD)
    output = await client.run_agent("awkward", "".join(AWKWARD), headers=HEADERS)
    same((output.content, output.input.input_content), ("".join(AWKWARD), "".join(AWKWARD)))


@check
async def structured_answers():
    """gets structured answers as objects"""
    output = await client.run_agent("structured", "hi", headers=HEADERS)
    same(output.content, {"city": "Bern"})
    events = await collect(client.run_agent_stream("structured", "hi", headers=HEADERS))
    same(events[-1].content, {"city": "Bern"})


@check
async def essential_events():
    """streams only the answer if it asks for no other events"""
    events = await collect(client.run_agent_stream("tool", "hi", stream_events=False, headers=HEADERS))
    same((set(names(events)), text(events)), ({"RunContent"}, "Hello from mock "))
    events = await collect(client.run_team_stream("t1", "hi", stream_events=False, headers=HEADERS))
    same(text(events, "TeamRunContent"), "team final ")


@check
async def run_settings():
    """may send every setting that it knows"""
    settings = {
        "session_state": {"a": 1},
        "dependencies": {"b": 2},
        "knowledge_filters": {"c": 3},
        "output_schema": {"type": "object"},
        "retries": 2,
        "add_history_to_context": True,
        "add_session_state_to_context": False,
    }
    for run in (client.run_agent("plain", "hi", headers=HEADERS, **settings), client.run_team("t1", "hi", headers=HEADERS, **settings)):
        same((await run).status, RunStatus.completed)


@check
async def team_run():
    """runs a team, and gets the answers of its members"""
    output = await client.run_team("t1", "hi", session_id="py-team-run", headers=HEADERS)
    same((output.status, output.content, output.team_id), (RunStatus.completed, "team final ", "t1"))
    same([(member.agent_id, member.content) for member in output.member_responses], [("m1", "answer of m1 ")])
    same(output.member_responses[0].parent_run_id, output.run_id)


@check
async def team_stream():
    """streams the run of a team in a team"""
    events = await collect(client.run_team_stream("outer", "hi", headers=HEADERS))
    same((names(events)[0], names(events)[-1]), ("TeamRunStarted", "TeamRunCompleted"))
    inner = events[-1].member_responses[0]
    assert isinstance(inner, TeamRunOutput)
    same((inner.team_id, inner.member_responses[0].agent_id), ("inner", "m5"))
    member = next(event for event in events if event.event == "RunStarted")
    same((member.agent_id, member.parent_run_id), ("m5", inner.run_id))


@check
async def workflow_run():
    """runs a workflow, and gets the results of its steps"""
    output = await client.run_workflow("w1", "hi", session_id="py-workflow-run", headers=HEADERS)
    same((output.status, output.content, output.workflow_id), (RunStatus.completed, "fn:step answer ", "w1"))
    same([step.step_name for step in output.step_results], ["s1", "s2"])
    same([run.agent_id for run in output.step_executor_runs], ["wa"])
    same(list(output.metrics.steps), ["s1"])
    same(output.input, "hi")


@check
async def workflow_stream():
    """streams a workflow's run"""
    events = await collect(client.run_workflow_stream("w1", "hi", headers=HEADERS))
    same((names(events)[0], names(events)[-1]), ("WorkflowStarted", "WorkflowCompleted"))
    same([event.step_name for event in events if event.event == "StepCompleted"], ["s1", "s2"])
    agent = next(event for event in events if event.event == "RunContent")
    same((agent.step_name, agent.workflow_run_id), ("s1", events[0].run_id))
    same(events[-1].content, "fn:step answer ")


@check
async def workflow_blocks():
    """runs and streams every kind of block, and a workflow in a workflow"""
    output = await client.run_workflow("blocks", "hi", headers=HEADERS)
    same((output.status, output.content), (RunStatus.completed, "from the deep"))
    same([step.step_name for step in output.step_results], ["both", "if", "twice", "one", "inner-flow"])
    (nested,) = output.step_executor_runs
    assert isinstance(nested, WorkflowRunOutput)
    same((nested.parent_run_id, nested.step_executor_runs[0].agent_id), (output.run_id, "deep"))
    events = await collect(client.run_workflow_stream("blocks", "hi", headers=HEADERS))
    for block in ("Parallel", "Condition", "Loop", "Router"):
        assert {f"{block}ExecutionStarted", f"{block}ExecutionCompleted"} <= set(names(events)), block
    same(names(events).count("LoopIterationCompleted"), 2)
    ends = {event.event.removesuffix("ExecutionCompleted"): event for event in events if event.event.endswith("ExecutionCompleted")}
    same((ends["Loop"].total_iterations, ends["Loop"].max_iterations), (2, 2))
    same([len(iteration) for iteration in ends["Loop"].all_results], [1, 1])
    same((ends["Condition"].branch, ends["Condition"].executed_steps, ends["Parallel"].parallel_step_count), ("if", 1, 2))
    same((ends["Router"].selected_steps, ends["Router"].executed_steps), (["this"], 1))
    same([event.nested_depth for event in events if event.event == "WorkflowStarted"], [0, 1])


@check
async def workflow_members():
    """runs and streams a team that has a workflow for a member"""
    output = await client.run_team("flowteam", "hi", headers=HEADERS)
    same((output.content, output.member_responses[0].content), ("from the deep", "from the deep"))
    events = await collect(client.run_team_stream("flowteam", "hi", headers=HEADERS))
    same((names(events)[-1], events[-1].content), ("TeamRunCompleted", "from the deep"))
    # In the stream of a team it knows no events of workflows: it says so, and skips them.
    assert all("Unknown event type" in complaint and '"inner-flow"' in complaint for complaint in complaints)
    complaints.clear()


@check
async def media():
    """sends images and files"""
    image = Image(content=b"\x89PNG\r\n\x1a\n", mime_type="image/png", format="png")
    file = File(content=b"%PDF-1.4", mime_type="application/pdf", filename="a.pdf")
    output = await client.run_agent("seer", "hi", images=[image], files=[file], headers=HEADERS)
    same((output.status, output.content), (RunStatus.completed, "image/png of 8 bytes, application/pdf of 8 bytes"))
    events = await collect(client.run_agent_stream("seer", "hi", images=[image], headers=HEADERS))
    same(text(events), "image/png of 8 bytes")


async def cancel_while_running(stream, cancel, reached):
    """Cancels once the run has said something, and gives the events."""
    events = []
    async for event in stream:
        events.append(event)
        if event.event == reached:
            same(await cancel(events[0].run_id), None)
    return events


@check
async def cancelling_agents():
    """cancels an agent's run"""
    stream = client.run_agent_stream("slow", "hi", session_id="py-cancel", headers=HEADERS)
    events = await cancel_while_running(stream, lambda run: client.cancel_agent_run("slow", run, headers=HEADERS), "RunContent")
    same(names(events)[-2:], ["RunCancelled", "RunCompleted"])
    same((events[-2].reason, events[-1].content), (f"Run {events[0].run_id} was cancelled", "partial "))
    (run,) = await client.get_session_runs("py-cancel", headers=HEADERS)
    same((run.status, run.content), ("CANCELLED", "partial "))


@check
async def cancelling_teams():
    """cancels a team's run, and with it its member's"""
    stream = client.run_team_stream("slowteam", "hi", headers=HEADERS)
    events = await cancel_while_running(stream, lambda run: client.cancel_team_run("slowteam", run, headers=HEADERS), "RunContent")
    same(names(events)[-4:], ["RunCancelled", "RunCompleted", "TeamRunCancelled", "TeamRunCompleted"])


@check
async def cancelling_workflows():
    """cancels a workflow's run, and with it its step's"""
    stream = client.run_workflow_stream("slowflow", "hi", headers=HEADERS)
    events = await cancel_while_running(stream, lambda run: client.cancel_workflow_run("slowflow", run, headers=HEADERS), "RunContent")
    same(names(events)[-2:], ["WorkflowCancelled", "WorkflowCompleted"])
    assert "RunCancelled" in names(events)


@check
async def cancelling_nothing():
    """cancels runs that do not exist, without an error"""
    same(await client.cancel_agent_run("plain", "no-such-run", headers=HEADERS), None)
    same(await client.cancel_team_run("t1", "no-such-run", headers=HEADERS), None)
    same(await client.cancel_workflow_run("w1", "no-such-run", headers=HEADERS), None)
