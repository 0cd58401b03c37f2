import { formatNumber, lineChart } from './line-chart.mjs';

/** What is shown of the results, in this order: a chart and a table for each figure. */
const FIGURES = [
  ['hooks', 'requestsPerSecond', 'Requests per second, by background hooks'],
  ['hooks', 'p50Millis', 'Median response time at the same rate for all, by background hooks'],
  [
    'hooks',
    'p99Millis',
    '99th percentile of the response time at the same rate for all, by background hooks',
  ],
  ['hooks', 'processorMicros', 'Processor time per request with its hooks, by background hooks'],
  ['sizes', 'requestsPerSecond', 'Requests per second without hooks, by size of the answer'],
  [
    'sizesWithHooks',
    'requestsPerSecond',
    'Requests per second with 10 background hooks, by size of the answer',
  ],
  ['slowHooks', 'requestsPerSecond', 'Requests per second with background hooks of 50 ms'],
  ['slowHooks', 'p99Millis', '99th percentile at the same rate for all, with background hooks of 50 ms'],
  ['team', 'requestsPerSecond', 'Runs of a team per second, by members'],
  ['steps', 'requestsPerSecond', 'Runs of a workflow per second, by steps'],
  ['streams', 'tokensPerSecond', 'Tokens per second of all streams together, by streams at a time'],
  ['streams', 'firstTokenP50Millis', 'Median time to the first token, by streams at a time'],
  ['streams', 'firstTokenP99Millis', '99th percentile of the time to the first token, by streams at a time'],
  ['backlog', 'p99Ratio', '99th percentile of other requests while hooks wait, divided by that without them'],
  ['backlog', 'residentBytesPerHook', 'Memory of the process for each hook that waits'],
  ['backlog', 'heapBytesPerHook', 'Heap for each hook that waits'],
  ['startUp', 'startMillis', 'Time from the start of the process to its first answer'],
  ['startUp', 'residentMegabytes', 'Memory of the process after its first answer'],
];

const UNITS = {
  requestsPerSecond: 'per second',
  tokensPerSecond: 'tokens per second',
  p50Millis: 'milliseconds',
  p99Millis: 'milliseconds',
  firstTokenP50Millis: 'milliseconds',
  firstTokenP99Millis: 'milliseconds',
  processorMicros: 'microseconds of processor time',
  p99Ratio: 'ratio',
  residentBytesPerHook: 'bytes',
  heapBytesPerHook: 'bytes',
  startMillis: 'milliseconds',
  residentMegabytes: 'megabytes (2^20 bytes)',
};

/** The figures of which the results have readings, each with its chart and its table. */
export function figuresOf(results) {
  return FIGURES.flatMap(([scenario, metric, title]) => {
    const { axis, points } = results.scenarios[scenario] ?? { points: [] };
    const series = seriesOf(points, metric, results.subjects);
    if (series.length === 0) return [];
    const xs = points.map(({ value }) => value);
    const unit = UNITS[metric];
    const chart = lineChart({
      title,
      notes: circumstances(results),
      xLabel: axis,
      yLabel: unit,
      xs,
      series,
    });
    return [{ name: `${scenario}-${metric}`, title, chart, table: tableOf({ axis, unit, xs, series }) }];
  });
}

/** When and where the results were measured, and with which versions: two lines. */
export function circumstances({ measuredAt, quick, machine }) {
  const { processor, cores, memoryGigabytes, node, packages } = machine;
  const versions = ['agno', 'Python', '@mastra/core', '@nestjs/core', 'ai']
    .filter((name) => packages[name] !== undefined)
    .map((name) => `${name} ${packages[name]}`);
  const place = `${cores} cores of ${processor}, ${memoryGigabytes} GB`;
  const kind = quick ? ' (a quick look, not a measurement)' : '';
  return [[measuredAt.slice(0, 10) + kind, place].join(' · '), [`Node ${node}`, ...versions].join(' · ')];
}

function seriesOf(points, metric, subjects) {
  return Object.entries(subjects)
    .map(([variant, name]) => ({
      name,
      dashed: name.endsWith('AI SDK'),
      points: points
        .filter(({ metrics }) => metrics[variant]?.[metric] !== undefined)
        .map(({ value, metrics }) => ({ x: value, ...metrics[variant][metric] })),
    }))
    .filter((one) => one.points.length > 0);
}

/** Medians with their ranges, in Markdown: a row for each subject, a column for each value. */
function tableOf({ axis, unit, xs, series }) {
  const cell = ({ points }, x) => {
    const point = points.find((one) => one.x === x);
    if (point === undefined) return '–';
    const { median, low, high } = point;
    if (low === high) return formatNumber(median);
    return `${formatNumber(median)} (${formatNumber(low)} to ${formatNumber(high)})`;
  };
  return [
    `| ${unit}, by ${axis} | ${xs.map((x) => x.toLocaleString('en-US')).join(' | ')} |`,
    `|---|${'---|'.repeat(xs.length)}`,
    ...series.map((one) => `| ${one.name} | ${xs.map((x) => cell(one, x)).join(' | ')} |`),
  ].join('\n');
}
