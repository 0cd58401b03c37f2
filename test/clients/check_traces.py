from agno.os.routers.metrics.schemas import DayAggregatedMetrics
from agno.os.routers.traces.schemas import TraceSearchGroupBy
from checks import HEADERS, check, client, refusal, same


def equals(key, value):
    return {"op": "EQ", "key": key, "value": value}


@check
async def listing_traces():
    """lists traces, and shows one, and one span of it"""
    run = await client.run_team("t1", "hi", session_id="traced", headers=HEADERS)
    page = await client.get_traces(run_id=run.run_id, headers=HEADERS)
    same([(trace.team_id, trace.session_id, trace.status) for trace in page.data], [("t1", "traced", "OK")])
    trace = await client.get_trace(page.data[0].trace_id, headers=HEADERS)
    same([(node.type, node.status) for node in trace.tree], [("TEAM", "OK")])
    inner = trace.tree[0].spans[0]
    span = await client.get_trace(trace.trace_id, span_id=inner.id, headers=HEADERS)
    same((span.id, span.name, span.spans), (inner.id, inner.name, None))
    same((await refusal(client.get_trace("nope", headers=HEADERS)))[0], 404)


@check
async def searching_traces():
    """searches traces with filters, whole or by session"""
    run = await client.run_agent("plain", "hi", session_id="searched", headers=HEADERS)
    mine = {"op": "AND", "conditions": [equals("run_id", run.run_id), {"op": "NOT", "condition": equals("status", "ERROR")}]}
    page = await client.search_traces(mine, headers=HEADERS)
    same([(trace.run_id, trace.tree[0].type) for trace in page.data], [(run.run_id, "AGENT")])
    page = await client.search_traces(mine, group_by=TraceSearchGroupBy.SESSION, headers=HEADERS)
    same([(found.session_id, found.agent_id, found.total_traces) for found in page.data], [("searched", "plain", 1)])
    assert (await client.search_traces(limit=1, headers=HEADERS)).meta.total_count > 0
    status, detail = await refusal(client.search_traces(equals("input", "hi"), headers=HEADERS))
    same((status, detail.split(":")[0]), (400, "Invalid filter expression"))


@check
async def counting_traces():
    """counts the traces of sessions"""
    for _ in range(2):
        await client.run_agent("plain", "hi", session_id="counted", headers=HEADERS)
    page = await client.get_trace_session_stats(agent_id="plain", headers=HEADERS)
    (counted,) = [found for found in page.data if found.session_id == "counted"]
    same((counted.agent_id, counted.total_traces), ("plain", 2))
    assert counted.first_trace_at <= counted.last_trace_at
    later = {"start_time": "2999-01-01T00:00:00Z", "headers": HEADERS}
    same((await client.get_trace_session_stats(**later)).meta.total_count, 0)


@check
async def refreshing_metrics():
    """reads and refreshes metrics, at once and in the background"""
    await client.run_agent("plain", "hi", headers=HEADERS)
    metrics = (await client.get_metrics(headers=HEADERS)).metrics
    assert metrics[-1].agent_runs_count > 0
    refreshed = await client.refresh_metrics(headers=HEADERS)
    assert isinstance(refreshed[-1], DayAggregatedMetrics)
    same([day.id for day in refreshed], [day.id for day in metrics])
    same((await client.refresh_metrics(background=True, headers=HEADERS)).status, "started")
    same((await client.get_metrics_refresh_status(headers=HEADERS)).status, "completed")
