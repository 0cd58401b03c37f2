import { html } from './htm-preact.js';
import { useData } from './data.js';
import { between, count, duration, time } from './format.js';
import { Component, Loading, Problem, RunLink, Tag, words } from './parts.js';

const ACTIVITY_NAMES = {
  attempt: 'attempt',
  'model-request': 'model request',
  'tool-call': 'tool',
  step: 'step',
};

/** A page for one run: its tree on a line of time. */
export function RunView({ id }) {
  const { data, error } = useData(`hooks/runs/${encodeURIComponent(id)}`);
  if (!data)
    return html`<p><a href="#/runs">All runs</a></p>
      <${Problem} error=${error} />${error ? null : html`<${Loading} />`}`;
  return html`
    <p><a href="#/runs">All runs</a></p>
    <${Facts} run=${data.run} />
    <${Problem} error=${error} />
    <${Timeline} timeline=${data} />
  `;
}

function Facts({ run }) {
  const { input_tokens: input, output_tokens: output } = run.usage ?? {};
  return html`
    <dl class="facts">
      <div>
        <dt>Component</dt>
        <dd><${Component} component=${run.component} /></dd>
      </div>
      <div>
        <dt>Outcome</dt>
        <dd><${Tag} value=${run.outcome ?? 'running'} /></dd>
      </div>
      <div>
        <dt>Started</dt>
        <dd>${time(run.started_at)}</dd>
      </div>
      <div>
        <dt>Duration</dt>
        <dd>${duration(between(run.started_at, run.settled_at))}</dd>
      </div>
      ${
        input === undefined && output === undefined
          ? null
          : html`<div>
              <dt>Tokens</dt>
              <dd>${input ?? 0} in, ${output ?? 0} out</dd>
            </div>`
      }
      ${
        run.parent_run_id === undefined
          ? html`<div>
              <dt>Response</dt>
              <dd>${responseOf(run)}</dd>
            </div>`
          : html`<div>
              <dt>Part of</dt>
              <dd><${RunLink} id=${run.parent_run_id}>another run<//></dd>
            </div>`
      }
      <div>
        <dt>Run</dt>
        <dd><code>${run.run_id}</code></dd>
      </div>
      <div>
        <dt>Session</dt>
        <dd><code>${run.session_id}</code></dd>
      </div>
    </dl>
  `;
}

function responseOf({ response_closed_at: closed, delivered, state }) {
  if (closed === undefined) return state === 'running' ? 'open' : 'none, or still open';
  return `closed at ${time(closed)}${delivered ? '' : ', the client had left'}`;
}

/**
 * The rows of a run tree over one scale of time, with a line where the response has closed. Its roles are written out, since on a
 * narrow screen its rows are grids.
 */
export function Timeline({ timeline }) {
  const rows = rowsOf(timeline);
  const scale = scaleOf(timeline);
  const closed = timeline.run.response_closed_at;
  return html`
    <figure class="timeline">
      <figcaption>
        ${duration(scale.length)} in all.
        ${timeline.omitted > 0 ? `${count(timeline.omitted)} more parts, activities and hooks are not shown.` : null}
        <span class="legend"><i class="box inline"></i> inline: the run waits</span>
        <span class="legend"><i class="box background"></i> background: after the response</span>
        <span class="legend"><i class="box wait"></i> waits to start</span>
        ${closed === undefined ? null : html`<span class="legend"><i class="closed-key"></i> response closed</span>`}
      </figcaption>
      <div class="scroll" role="region" aria-label="Timeline of the run" tabindex="0">
        <table role="table">
          <caption class="hidden">
            Timeline of the run and its hooks, in the order of time
          </caption>
          <thead role="rowgroup">
            <tr role="row">
              <th scope="col" role="columnheader">What</th>
              <th scope="col" role="columnheader">When</th>
              <th scope="col" role="columnheader">Took</th>
              <th scope="col" role="columnheader">
                ${closed === undefined ? 'Time' : `Time; the response closed after ${duration(between(timeline.run.started_at, closed))}`}
              </th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            ${rows.map((row) => html`<${Row} row=${row} scale=${scale} closed=${closed} />`)}
          </tbody>
        </table>
      </div>
    </figure>
  `;
}

function Row({ row, scale, closed }) {
  const { depth, label, note, mode, state, start, begin, end, isRun } = row;
  const title = `${label}${note ? ` (${note})` : ''}: ${duration(between(begin ?? start, end))}`;
  return html`
    <tr class=${isRun ? 'run' : ''} role="row">
      <th scope="row" role="rowheader" style=${{ paddingLeft: `${0.5 + depth}rem` }}>
        ${words([
          label,
          note && html`<span class="kind">${note}</span>`,
          state && html`<${Tag} value=${state} />`,
        ])}
      </th>
      <td class="number" role="cell">+${duration(Date.parse(start) - scale.start)}</td>
      <td class="number" role="cell">
        ${begin === undefined && mode === 'background' ? 'waits' : duration(between(begin ?? start, end))}
      </td>
      <td class="track" role="cell">
        <div class="line" title=${title}>
          ${closed === undefined ? null : html`<i class="closed" style=${{ left: scale.percent(closed) }}></i>`}
          ${mode === 'background' ? html`<${Box} kind="wait" from=${start} to=${begin ?? end} scale=${scale} />` : null}
          ${
            begin === undefined && mode === 'background'
              ? null
              : html`<${Box}
                  kind=${mode}
                  isFailed=${row.isFailed}
                  from=${begin ?? start}
                  to=${end}
                  scale=${scale}
                />`
          }
        </div>
      </td>
    </tr>
  `;
}

function Box({ kind, isFailed = false, from, to, scale }) {
  const style = { left: scale.percent(from), width: scale.width(from, to) };
  return html`<i class=${`box ${kind}${isFailed ? ' failed' : ''}`} style=${style}></i>`;
}

function scaleOf({ run, parts, activities, executions }) {
  const start = Date.parse(run.started_at);
  const isOpen =
    [run, ...parts].some(({ state }) => state === 'running') || executions.some(({ ended_at: end }) => !end);
  const times = [...parts.map((part) => part.settled_at), ...executions.map(({ ended_at: end }) => end)]
    .concat(
      run.settled_at,
      run.response_closed_at,
      activities.map(({ ended_at: end }) => end),
    )
    .filter((at) => at !== undefined)
    .map((at) => Date.parse(at));
  const end = Math.max(start + 1, ...times, ...(isOpen ? [Date.now()] : []));
  const length = end - start;
  const share = (iso) => Math.min(1, Math.max(0, (Date.parse(iso) - start) / length));
  return {
    start,
    length,
    percent: (iso) => `${100 * share(iso)}%`,
    width: (from, to) => `${100 * ((to === undefined ? 1 : share(to)) - share(from))}%`,
  };
}

/** The run, and below it in the order of time: hooks, activities and the runs of its parts with theirs. */
function rowsOf({ run, parts, activities, executions }) {
  const rows = [];
  const addRun = (current, depth) => {
    rows.push({
      isRun: true,
      depth,
      label: current.component.name,
      note: current.component.kind,
      mode: 'whole',
      state: current.outcome ?? 'running',
      isFailed: current.outcome === 'failed',
      start: current.started_at,
      end: current.settled_at,
    });
    const own = ({ run_id: id }) => id === current.run_id;
    const inner = [
      ...executions
        .filter(own)
        .map((execution) => ({ at: execution.started_at ?? execution.scheduled_at, execution })),
      ...activities.filter(own).map((activity) => ({ at: activity.started_at, activity })),
      ...parts
        .filter(({ parent_run_id: parent }) => parent === current.run_id)
        .map((part) => ({ at: part.started_at, part })),
    ].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
    for (const { execution, activity, part } of inner) {
      if (part) addRun(part, depth + 1);
      else rows.push({ depth: depth + 1, ...(execution ? hookRow(execution) : activityRow(activity)) });
    }
  };
  addRun(run, 0);
  return rows;
}

function hookRow(execution) {
  const { attempts, reason, error_name: error } = execution;
  const notes = [`${execution.phase}-hook`, execution.mode];
  if (attempts > 1) notes.push(`${attempts} attempts`);
  if (error) notes.push(error);
  if (reason) notes.push(reason);
  return {
    label: execution.hook,
    note: notes.join(', '),
    mode: execution.mode,
    state: execution.state,
    isFailed: execution.state === 'failed' || execution.state === 'timed_out',
    start: execution.scheduled_at,
    begin: execution.started_at,
    end: execution.ended_at,
  };
}

function activityRow({ kind, name, started_at: start, ended_at: end, failed }) {
  return {
    label: name ?? ACTIVITY_NAMES[kind],
    note: name === undefined ? undefined : ACTIVITY_NAMES[kind],
    mode: 'work',
    state: failed ? 'failed' : undefined,
    isFailed: failed,
    start,
    end,
  };
}
