import { html } from './htm-preact.js';
import { useData } from './data.js';
import { count, counted, percent, time } from './format.js';
import { Loading, Problem, RunLink, Table, Tag, Tiles } from './parts.js';

const WORST = 10;

/** Scores over time by judge, and the worst answers. */
export function EvaluationsView() {
  const { data, error } = useData('eval-runs?limit=200&sort_by=created_at&sort_order=desc', 5_000);
  // Questions and answers are those of sessions: they are for readers of sessions.
  const sessions = useData('sessions?limit=1', 60_000);
  if (!data) return html`<${Problem} error=${error} />${error ? null : html`<${Loading} />`}`;
  const evaluations = data.data.map(toJudgement);
  const passed = evaluations.filter((item) => item.passed).length;
  const judges = groupBy(evaluations, ({ judge }) => judge);
  const worst = evaluations
    .filter((item) => !item.passed || item.score !== null)
    .sort((one, other) => Number(one.passed) - Number(other.passed) || (one.score ?? 0) - (other.score ?? 0))
    .slice(0, WORST);
  return html`
    <${Problem} error=${error} />
    <${Tiles}
      tiles=${[
        { name: 'Evaluations', value: count(data.meta.total_count) },
        {
          name: `Passed, of the latest ${count(evaluations.length)}`,
          value: percent(passed, evaluations.length),
        },
      ]}
    />
    ${[...judges].map(([judge, items]) => html`<${Scores} judge=${judge} items=${items} />`)}
    ${sessions.error ? html`<p class="empty">The answers are shown to those who may read sessions.</p>` : null}
    ${sessions.data ? html`<${WorstAnswers} items=${worst} />` : null}
  `;
}

function WorstAnswers({ items }) {
  return html`
    <${Table}
      caption="The worst of these answers"
      empty="There are no evaluations. A judge is a post-hook: agentAsJudge()."
      columns=${['Time', 'Judge', 'Component', 'Result', 'Score', 'Question', 'Answer', 'Reason', 'Run']}
      rows=${items.map((item) => [
        time(item.at),
        item.judge,
        item.component,
        html`<${Tag} value=${item.passed ? 'passed' : 'failed'} />`,
        item.score ?? '–',
        html`<${LongText} name="Question" text=${item.input} />`,
        html`<${LongText} name="Answer" text=${item.output} />`,
        html`<${LongText} name="Reason" text=${item.reason} />`,
        html`<${RunLink} id=${item.runId} />`,
      ])}
    />
  `;
}

/** It scrolls if it is long, and so it can be reached with the keyboard. */
function LongText({ name, text }) {
  return html`<div class="text" role="group" aria-label=${name} tabindex="0">${text}</div>`;
}

/** A column for each evaluation, the oldest at the left; its height is the score, or full and empty for yes and no. */
function Scores({ judge, items }) {
  const shown = items.slice(0, 100).reverse();
  const passed = items.filter((item) => item.passed).length;
  return html`
    <figure class="scores">
      <figcaption>
        <strong>${judge}</strong
        >${`: ${counted(items.length, 'evaluation')}, ${percent(passed, items.length)} passed`}
      </figcaption>
      <div
        class="columns"
        role="img"
        aria-label=${`Scores of ${judge}, the oldest first: ${shown.map(scoreOf).join(', ')}`}
      >
        ${shown.map(
          (item) => html`
            <i
              class=${item.passed ? 'passed' : 'failed'}
              style=${{ height: `${10 * Math.max(0.4, heightOf(item))}%` }}
              title=${`${time(item.at)}: ${scoreOf(item)}`}
            ></i>
          `,
        )}
      </div>
      <div class="scale">
        <span>${time(shown[0].at)}</span>
        <span>a full column is 10 of 10, a striped one has failed</span>
        <span>${time(shown.at(-1).at)}</span>
      </div>
    </figure>
  `;
}

function heightOf({ score, passed }) {
  return score === null ? (passed ? 10 : 0) : score;
}

function scoreOf({ score, passed }) {
  return score === null ? (passed ? 'passed' : 'failed') : `${score} of 10`;
}

function toJudgement({
  name,
  evaluated_component_name: component,
  eval_data: data,
  eval_input: task,
  created_at: at,
}) {
  const [{ input = '', output = '', reason = '', score = null, passed = false } = {}] = data.results ?? [];
  return { judge: name, component, input, output, reason, score, passed, runId: task.run_id, at };
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
