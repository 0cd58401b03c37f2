from agno.db.base import SessionType
from agno.os.schema import TeamSessionDetailSchema, WorkflowSessionDetailSchema
from checks import HEADERS, check, check_if_latest, check_if_locked, check_if_open, client, refusal, same


@check
async def listing_sessions():
    """lists sessions by component, user and name, page by page"""
    for number in (1, 2, 3):
        await client.run_agent("plain", f"question {number}", session_id=f"py-list-{number}", user_id="lister", headers=HEADERS)
    page = await client.get_sessions(session_type=SessionType.AGENT, component_id="plain", user_id="lister", headers=HEADERS)
    same([session.session_name for session in page.data], ["question 3", "question 2", "question 1"])
    same({(session.agent_id, session.user_id, session.session_type) for session in page.data}, {("plain", "lister", "agent")})
    assert all(session.created_at and session.updated_at for session in page.data)
    page = await client.get_sessions(user_id="lister", limit=2, page=2, sort_order="asc", headers=HEADERS)
    same([session.session_id for session in page.data], ["py-list-3"])
    same((page.meta.page, page.meta.limit, page.meta.total_pages, page.meta.total_count), (2, 2, 2, 3))
    page = await client.get_sessions(session_name="tion 2", user_id="lister", headers=HEADERS)
    same([session.session_id for session in page.data], ["py-list-2"])
    same((await client.get_sessions(user_id="nobody", headers=HEADERS)).data, [])


@check
async def agent_sessions():
    """shows an agent's session with its history and runs"""
    for _ in range(2):
        await client.run_agent("tool", "hi", session_id="py-agent", headers=HEADERS)
    for kind in (None, SessionType.AGENT):
        detail = await client.get_session("py-agent", session_type=kind, headers=HEADERS)
        same((detail.agent_id, detail.total_tokens, detail.session_name), ("tool", 52, "hi"))
        same([message["role"] for message in detail.chat_history], ["user", "assistant", "assistant"] * 2)
    runs = await client.get_session_runs("py-agent", headers=HEADERS)
    same([(run.agent_id, run.run_input, run.status) for run in runs], [("tool", "hi", "COMPLETED")] * 2)
    run = await client.get_session_run("py-agent", runs[0].run_id, headers=HEADERS)
    same((run.run_id, run.content, run.tools[0]["tool_name"]), (runs[0].run_id, "Hello from mock ", "add"))
    same(await client.get_session_runs("py-agent", created_after=4_000_000_000, headers=HEADERS), [])
    same(len(await client.get_session_runs("py-agent", created_before=4_000_000_000, headers=HEADERS)), 2)


@check_if_latest
async def run_previews():
    """lists the runs of a session in short, by status"""
    await client.run_agent("tool", "hi", session_id="py-previews", user_id="previewer", headers=HEADERS)
    await refusal(client.run_agent("fail", "hi", session_id="py-previews", user_id="previewer", headers=HEADERS))
    runs = await client.aget_session_run_previews("py-previews", headers=HEADERS)
    same([(run.agent_id, run.user_id, run.status) for run in runs], [("tool", "previewer", "COMPLETED"), ("fail", "previewer", "ERROR")])
    same((runs[0].run_input, runs[0].content_preview, runs[0].created_at is not None), ("hi", "Hello from mock ", True))
    failed = client.get_session_run_previews("py-previews", status=["error", "CANCELLED"], headers=HEADERS)
    same([run.run_id for run in failed], [runs[1].run_id])
    same(await client.aget_session_run_previews("py-previews", created_after=4_000_000_000, headers=HEADERS), [])
    same((await refusal(client.aget_session_run_previews("nope", headers=HEADERS)))[0], 404)


@check
async def team_sessions():
    """shows a team's session with the runs of its members"""
    await client.run_team("t1", "hi", session_id="py-team", headers=HEADERS)
    for kind in (None, SessionType.TEAM):
        detail = await client.get_session("py-team", session_type=kind, headers=HEADERS)
        assert isinstance(detail, TeamSessionDetailSchema)
        same(detail.team_id, "t1")
        member, leader = await client.get_session_runs("py-team", session_type=kind, headers=HEADERS)
        same((member.agent_id, member.parent_run_id), ("m1", leader.run_id))
        same((leader.team_id, leader.content), ("t1", "team final "))
    run = await client.get_session_run("py-team", leader.run_id, headers=HEADERS)
    same((run.team_id, run.run_input), ("t1", "hi"))


@check
async def workflow_sessions():
    """shows a workflow's session"""
    await client.run_workflow("w1", "hi", session_id="py-workflow", headers=HEADERS)
    for kind in (None, SessionType.WORKFLOW):
        detail = await client.get_session("py-workflow", session_type=kind, headers=HEADERS)
        assert isinstance(detail, WorkflowSessionDetailSchema)
        same((detail.workflow_id, detail.session_name), ("w1", "hi"))
        (run,) = await client.get_session_runs("py-workflow", session_type=kind, headers=HEADERS)
        same((run.workflow_id, run.content, len(run.step_results)), ("w1", "fn:step answer ", 2))
    run = await client.get_session_run("py-workflow", run.run_id, headers=HEADERS)
    same((run.workflow_id, run.status), ("w1", "COMPLETED"))


@check
async def streamed_sessions():
    """finds the events of streamed runs in their session"""
    async for _ in client.run_team_stream("t1", "hi", session_id="py-events", headers=HEADERS):
        pass
    member, leader = await client.get_session_runs("py-events", headers=HEADERS)
    same([run.events[-1]["event"] for run in (member, leader)], ["RunCompleted", "TeamRunCompleted"])


@check
async def failed_sessions():
    """finds rejected and failed runs in their session, without the input that a guardrail refused"""
    for agent, stored in (("guard", "[message withheld]"), ("fail", "x")):
        await refusal(client.run_agent(agent, "x", session_id=f"py-{agent}", headers=HEADERS))
        (run,) = await client.get_session_runs(f"py-{agent}", headers=HEADERS)
        same((run.status, run.agent_id, run.run_input), ("ERROR", agent, stored))


@check
async def creating_sessions():
    """creates sessions of agents, teams and workflows"""
    created = await client.create_session(
        session_id="py-new", session_name="First", metadata={"a": 1}, user_id="ann", agent_id="plain", headers=HEADERS
    )
    same((created.session_id, created.session_name, created.agent_id), ("py-new", "First", "plain"))
    same((created.user_id, created.metadata), ("ann", {"a": 1}))
    same((await refusal(client.create_session(session_id="py-new", headers=HEADERS)))[0], 409)
    team = await client.create_session(SessionType.TEAM, team_id="t1", headers=HEADERS)
    same((team.team_id, (await client.get_session(team.session_id, headers=HEADERS)).team_id), ("t1", "t1"))
    workflow = await client.create_session(SessionType.WORKFLOW, workflow_id="w1", headers=HEADERS)
    same((await client.get_session(workflow.session_id, headers=HEADERS)).workflow_id, "w1")
    same((await client.run_agent("plain", "hi", session_id="py-new", user_id="ann", headers=HEADERS)).session_id, "py-new")
    same((await client.get_session("py-new", headers=HEADERS)).session_name, "First")


@check
async def changing_sessions():
    """renames and changes sessions of agents, teams and workflows"""
    await client.run_agent("plain", "hi", session_id="py-change-agent", headers=HEADERS)
    await client.run_team("t1", "hi", session_id="py-change-team", headers=HEADERS)
    await client.run_workflow("w1", "hi", session_id="py-change-workflow", headers=HEADERS)
    for kind in SessionType:
        session = f"py-change-{kind.value}"
        same((await client.rename_session(session, "Second", headers=HEADERS)).session_name, "Second")
        same((await client.rename_session(session, "Third", session_type=kind, headers=HEADERS)).session_name, "Third")
        changed = await client.update_session(session, metadata={"b": 2}, summary={"topic": "x"}, headers=HEADERS)
        same((changed.session_name, changed.metadata), ("Third", {"b": 2}))
        changed = await client.update_session(session, session_type=kind, session_name="Fourth", headers=HEADERS)
        same((changed.session_name, changed.metadata), ("Fourth", {"b": 2}))
        assert len(await client.get_session_runs(session, headers=HEADERS)) > 0


async def states_of_session(session):
    """What becomes of the states that the client sends: when it creates a session, changes it, and runs an agent."""
    created = await client.create_session(session_id=session, session_state={"s": 1}, agent_id="plain", headers=HEADERS)
    changed = await client.update_session(session, session_state={"s": 2}, headers=HEADERS)
    await client.run_agent("plain", "hi", session_id=session, session_state={"t": 3}, headers=HEADERS)
    return created.session_state, changed.session_state, (await client.get_session(session, headers=HEADERS)).session_state


@check_if_open
async def session_states():
    """sets the state of sessions where clients may"""
    same(await states_of_session("py-state"), ({"s": 1}, {"s": 2}, {"s": 2, "t": 3}))


@check_if_locked
async def ignored_session_states():
    """sets no state of sessions where clients may not"""
    same([state or {} for state in await states_of_session("py-state")], [{}, {}, {}])


@check
async def deleting_sessions():
    """deletes one session, and several of several kinds"""
    kinds = [SessionType.AGENT, SessionType.TEAM, SessionType.WORKFLOW]
    ids = [f"py-delete-{kind.value}" for kind in kinds]
    components = [{"agent_id": "plain"}, {"team_id": "t1"}, {"workflow_id": "w1"}]
    for kind, session, component in zip(kinds, ids, components):
        await client.create_session(kind, session_id=session, headers=HEADERS, **component)
    await client.create_session(session_id="py-delete-one", agent_id="plain", headers=HEADERS)
    same(await client.delete_session("py-delete-one", headers=HEADERS), None)
    same(await client.delete_session("py-delete-one", headers=HEADERS), None)
    same(await client.delete_sessions(ids, kinds, headers=HEADERS), None)
    for session in ("py-delete-one", *ids):
        same((await refusal(client.get_session(session, headers=HEADERS)))[0], 404)
