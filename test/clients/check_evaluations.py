from agno.db.schemas.evals import EvalFilterType, EvalType
from checks import HEADERS, check, client, refusal, same


async def evaluate():
    """The evaluation of a run. It is made after the answer has left, so it may not be there yet."""
    before = {item.id for item in (await client.list_eval_runs(agent_id="judged", headers=HEADERS)).data}
    await client.run_agent("judged", "hi", headers=HEADERS)
    for _ in range(1000):
        page = await client.list_eval_runs(agent_id="judged", headers=HEADERS)
        for evaluation in page.data:
            if evaluation.id not in before:
                return evaluation
    raise AssertionError("the evaluation is not listed")


@check
async def listing_evaluations():
    """lists evaluations, and shows one"""
    evaluation = await evaluate()
    same((evaluation.agent_id, evaluation.eval_type, evaluation.name), ("judged", EvalType.AGENT_AS_JUDGE, "polite"))
    found = await client.get_eval_run(evaluation.id, headers=HEADERS)
    same((found.eval_input["criteria"], found.eval_data["results"][0]["input"]), ("It is polite.", "hi"))
    assert found.created_at and found.updated_at


@check
async def filtering_evaluations():
    """lists evaluations by component, kind and type, page by page"""
    ids = {(await evaluate()).id, (await evaluate()).id}
    judged = {"filter_type": EvalFilterType.AGENT, "eval_types": [EvalType.AGENT_AS_JUDGE], "headers": HEADERS}
    assert ids <= {item.id for item in (await client.list_eval_runs(**judged)).data}
    page = await client.list_eval_runs(**judged, limit=1, page=2)
    same((len(page.data), page.meta.page, page.meta.limit), (1, 2, 1))
    for others in ({"team_id": "t1"}, {"eval_types": [EvalType.ACCURACY]}, {"agent_id": "plain"}, {"workflow_id": "w1"}):
        page = await client.list_eval_runs(**others, headers=HEADERS)
        same((page.data, page.meta.total_count), ([], 0))


@check
async def changing_evaluations():
    """renames and deletes evaluations"""
    evaluation = await evaluate()
    same((await client.update_eval_run(evaluation.id, "renamed", headers=HEADERS)).name, "renamed")
    same((await client.get_eval_run(evaluation.id, headers=HEADERS)).name, "renamed")
    same(await client.delete_eval_runs([evaluation.id], headers=HEADERS), None)
    same((await refusal(client.get_eval_run(evaluation.id, headers=HEADERS)))[0], 404)
    same((await refusal(client.update_eval_run(evaluation.id, "again", headers=HEADERS)))[0], 404)


@check
async def starting_evaluations():
    """reads that it cannot start evaluations"""
    run = client.run_eval(EvalType.ACCURACY, "hi", agent_id="plain", expected_output="Hello", headers=HEADERS)
    same((await refusal(run))[0], 501)
