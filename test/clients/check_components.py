from checks import HEADERS, check, check_if_earlier, client, same


@check
async def configuration():
    """reads the configuration"""
    for config in (await client.aget_config(headers=HEADERS), client.get_config(headers=HEADERS)):
        same((config.os_id, config.databases), ("lab-os", ["agent-os"]))
        same(config.session.dbs[0].tables, ["agent_os_sessions"])
        assert {"plain", "tool"} <= {agent.id for agent in config.agents}
        assert {"t1", "outer"} <= {team.id for team in config.teams}
        assert "w1" in {workflow.id for workflow in config.workflows}


@check_if_earlier
async def models():
    """lists the models"""
    models = await client.get_models(headers=HEADERS)
    same([(model.id, model.provider) for model in models], [("mock-1", "MockProvider")])


@check
async def agents():
    """lists agents, and shows one with its model and tools"""
    assert {"plain", "tool"} <= {agent.id for agent in await client.list_agents(headers=HEADERS)}
    for agent in (await client.aget_agent("tool", headers=HEADERS), client.get_agent("tool", headers=HEADERS)):
        same((agent.name, agent.db_id, agent.model.model), ("Tool", "agent-os", "mock-1"))
        same(agent.tools["tools"][0]["name"], "add")


@check
async def teams():
    """lists teams, and shows one with its members"""
    assert {"t1", "outer"} <= {team.id for team in await client.list_teams(headers=HEADERS)}
    for team in (await client.aget_team("outer", headers=HEADERS), client.get_team("outer", headers=HEADERS)):
        same((team.mode, [member.id for member in team.members]), ("coordinate", ["inner"]))
        same([member.id for member in team.members[0].members], ["m5"])


@check
async def workflows():
    """lists workflows, and shows one with its steps"""
    assert "w1" in {workflow.id for workflow in await client.list_workflows(headers=HEADERS)}
    for workflow in (await client.aget_workflow("w1", headers=HEADERS), client.get_workflow("w1", headers=HEADERS)):
        same((workflow.name, workflow.db_id), ("Flow One", "agent-os"))
        same([step["name"] for step in workflow.steps], ["s1", "s2"])
