from agno.agent.remote import RemoteAgent
from agno.media import Image
from agno.run.agent import RunStatus
from agno.team.remote import RemoteTeam
from agno.workflow.remote import RemoteWorkflow
from checks import IS_EARLIER, KEY, URL, check, check_if_open, collect, names, refusal, same, text


@check
async def remote_agents():
    """runs an agent as if it were a local one"""
    agent = RemoteAgent(URL, "tool")
    output = await agent.arun("hi", session_id="py-remote", user_id="ann", metadata={"a": 1}, session_state={"b": 2}, auth_token=KEY)
    same((output.content, output.status, output.user_id), ("Hello from mock ", RunStatus.completed, "ann"))
    events = await collect(agent.arun("hi", stream=True, stream_events=True, auth_token=KEY))
    same((names(events)[0], names(events)[-1], text(events)), ("RunStarted", "RunCompleted", "Hello from mock "))
    image = Image(content=b"\x89PNG\r\n\x1a\n", mime_type="image/png")
    same((await RemoteAgent(URL, "seer").arun("hi", images=[image], auth_token=KEY)).content, "image/png of 8 bytes")


@check
async def remote_teams():
    """runs a team as if it were a local one"""
    team = RemoteTeam(URL, "t1")
    output = await team.arun("hi", auth_token=KEY)
    same((output.content, output.member_responses[0].agent_id), ("team final ", "m1"))
    events = await collect(team.arun("hi", stream=True, stream_events=True, auth_token=KEY))
    same((names(events)[-1], text(events, "TeamRunContent")), ("TeamRunCompleted", "team final "))


@check
async def remote_workflows():
    """runs a workflow as if it were a local one, with a run id of the server's"""
    workflow = RemoteWorkflow(URL, "w1")
    output = await workflow.arun("hi", run_id="mine", additional_data={"a": 1}, auth_token=KEY)
    same(output.content, "fn:step answer ")
    assert output.run_id != "mine"
    events = await collect(workflow.arun("hi", stream=True, stream_events=True, auth_token=KEY))
    same((names(events)[-1], events[-1].content), ("WorkflowCompleted", "fn:step answer "))


@check
async def remote_errors():
    """reads the outcome of remote runs"""
    same(await refusal(RemoteAgent(URL, "guard").arun("bad", auth_token=KEY)), (400, "rejected input"))
    same(await refusal(RemoteTeam(URL, "guardteam").arun("bad", auth_token=KEY)), (400, "rejected by the team"))
    same(await refusal(RemoteWorkflow(URL, "guardflow").arun("bad", auth_token=KEY)), (400, "rejected by a step"))
    events = await collect(RemoteAgent(URL, "guard").arun("bad", stream=True, auth_token=KEY))
    same((names(events)[-1], events[-1].content), ("RunError", "rejected input"))


@check
async def remote_cancelling():
    """cancels remote runs"""
    agent = RemoteAgent(URL, "slow")
    events = []
    async for event in agent.arun("hi", stream=True, auth_token=KEY):
        events.append(event)
        if event.event == "RunContent":
            same(await agent.acancel_run(event.run_id, auth_token=KEY), True)
    same(names(events)[-2:], ["RunCancelled", "RunCompleted"])
    same(await RemoteTeam(URL, "t1").acancel_run("no-such-run", auth_token=KEY), True)
    same(await RemoteWorkflow(URL, "nobody").acancel_run("no-such-run", auth_token=KEY), False)


@check_if_open
async def remote_descriptions():
    """reads name, description and role of remote components"""
    agent, team, workflow = RemoteAgent(URL, "tool"), RemoteTeam(URL, "t1"), RemoteWorkflow(URL, "w1")
    role = agent.role() if IS_EARLIER else agent.role
    same((agent.id, agent.name, agent.description, role), ("tool", "Tool", None, None))
    same((team.id, team.name, team.description), ("t1", "Team One", None))
    same((workflow.id, workflow.name, workflow.description), ("w1", "Flow One", None))
    for remote in (agent, team, workflow):
        await remote.refresh_config()
        same((await remote.refresh_os_config()).os_id, "lab-os")
        same(remote.db.session_table_name, "agent_os_sessions")


@check_if_open
async def remote_databases():
    """reads sessions and evaluations through the database of a remote component"""
    agent = RemoteAgent(URL, "plain")
    await agent.arun("hi", session_id="py-remote-db")
    db = agent.db
    same((db.id, db.eval_table_name is not None), ("agent-os", True))
    page = await db.get_sessions(component_id="plain", db_id=db.id, table=db.session_table_name)
    assert "py-remote-db" in {session.session_id for session in page.data}
    same((await db.get_session("py-remote-db", db_id=db.id)).agent_id, "plain")
    same([run.content for run in await db.get_session_runs("py-remote-db", db_id=db.id)], ["Hello from mock "])
    same((await db.get_eval_runs(agent_id="plain", db_id=db.id)).data, [])
