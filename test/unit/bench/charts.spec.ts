import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { figuresOf } from '../../../bench/charts/figures.mjs';
import { formatNumber, lineChart, logarithmicScale } from '../../../bench/charts/line-chart.mjs';
import type { PeerResults, Summary } from '../../../bench/charts/results.d.mts';
import { sectionOf, withSection } from '../../../bench/charts/section.mjs';

const BENCH = join(import.meta.dirname, '../../../bench');

function measured(median: number): Summary {
  return { median, low: median * 0.9, high: median * 1.1 };
}

/** Two subjects by the number of hooks; the second has none and is measured at 0 only, and a third is missing. */
const RESULTS: PeerResults = {
  measuredAt: '2026-11-29T10:00:00.000Z',
  quick: false,
  tookSeconds: 1_500,
  machine: {
    processor: 'Example',
    cores: 2,
    memoryGigabytes: 24,
    node: 'v24.21.0',
    loadAverageBefore: 0.1,
    packages: { agno: '3.1.10', ai: '6.0.326' },
  },
  subjects: { agentOs: 'nestjs-agentos', mastra: 'Mastra, AI SDK', agno: 'agno' },
  missing: { agno: 'pip has no network' },
  scenarios: {
    hooks: {
      axis: 'background hooks',
      points: [
        {
          value: 0,
          metrics: {
            agentOs: { requestsPerSecond: measured(3_000) },
            mastra: { requestsPerSecond: measured(280) },
          },
          failures: {},
        },
        {
          value: 10,
          metrics: { agentOs: { requestsPerSecond: measured(2_000) } },
          failures: { mastra: 'It answered 500.' },
        },
      ],
    },
  },
};

const CHART = {
  title: 'Requests <per> second',
  notes: ['Example'],
  xLabel: 'hooks',
  yLabel: 'per second',
  xs: [0, 10],
};

describe('A line chart', () => {
  it('has a line for each series, a stroke from the lowest to the highest reading, and its names', () => {
    const series = [
      { name: 'one', points: [0, 10].map((x) => ({ x, ...measured(100) })) },
      { name: 'other', points: [{ x: 0, ...measured(50) }] },
    ];
    const svg = lineChart({ ...CHART, series });
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg.match(/<circle/g)).toHaveLength(3);
    expect(svg).toContain('>one</text>');
    expect(svg).toContain('>other</text>');
    expect(svg).toContain('<title>Requests &lt;per&gt; second</title>');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('leaves out readings that have no logarithm', () => {
    const points = [
      { x: 0, median: 1, low: -1, high: 2 },
      { x: 10, ...measured(5) },
    ];
    const svg = lineChart({ ...CHART, series: [{ name: 'one', points }] });
    expect(svg.match(/<circle/g)).toHaveLength(1);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it('without any reading has its axis and no line', () => {
    const svg = lineChart({ ...CHART, series: [{ name: 'one', points: [] }] });
    expect(svg).toContain('>hooks</text>');
    expect(svg).not.toMatch(/NaN|Infinity|<polyline/);
  });

  it('moves the names of series apart that end at the same height', () => {
    const series = ['one', 'other'].map((name) => ({ name, points: [{ x: 0, ...measured(100) }] }));
    const heights = [...lineChart({ ...CHART, series }).matchAll(/y="([\d.]+)"[^>]*>(?:one|other)</g)];
    expect(heights).toHaveLength(2);
    expect(Math.abs(Number(heights[0]?.[1]) - Number(heights[1]?.[1]))).toBeGreaterThanOrEqual(12);
  });
});

describe('A logarithmic scale', () => {
  it('puts larger values higher, at the same distance for the same factor', () => {
    const { yOf } = logarithmicScale([1, 100]);
    expect(yOf(1)).toBeGreaterThan(yOf(10));
    expect(yOf(1) - yOf(10)).toBeCloseTo(yOf(10) - yOf(100), 0);
  });

  it('has ticks at 1, 2 and 5 times powers of ten, and at the powers alone over many of them', () => {
    expect(logarithmicScale([10, 100]).ticks).toEqual([10, 20, 50, 100]);
    expect(logarithmicScale([0.01, 10_000]).ticks).toEqual([0.01, 0.1, 1, 10, 100, 1_000, 10_000]);
  });

  it('has a tick format with three digits', () => {
    expect([12_345, 1.5, 0.0312].map(formatNumber)).toEqual(['12,300', '1.5', '0.0312']);
  });
});

describe('The figures of the results', () => {
  it('are those that were measured, with medians and ranges, and a dash where a subject was not', () => {
    const [figure, ...others] = figuresOf(RESULTS).filter(({ table }) => table.includes('3,000'));
    expect(others).toEqual([]);
    expect(figure?.name).toBe('hooks-requestsPerSecond');
    expect(figure?.table.split('\n')).toEqual([
      '| per second, by background hooks | 0 | 10 |',
      '|---|---|---|',
      '| nestjs-agentos | 3,000 (2,700 to 3,300) | 2,000 (1,800 to 2,200) |',
      '| Mastra, AI SDK | 280 (252 to 308) | – |',
    ]);
  });

  it('name the machine, the day and the versions in the chart', () => {
    const chart = figuresOf(RESULTS)[0]?.chart;
    expect(chart).toContain('>2026-11-29 · 2 cores of Example, 24 GB</text>');
    expect(chart).toContain('>Node v24.21.0 · agno 3.1.10 · ai 6.0.326</text>');
  });

  it('leave out a metric that no subject has', () => {
    expect(figuresOf(RESULTS).map(({ name }) => name)).toEqual(['hooks-requestsPerSecond']);
  });
});

describe('The section of README.md', () => {
  it('names what was not measured and what failed, with the reason', () => {
    const section = sectionOf(RESULTS);
    expect(section).toContain('- agno was not measured: pip has no network');
    expect(section).toContain('- Mastra, AI SDK failed in hooks at 10: It answered 500.');
  });

  it('replaces what stands between its two marks, and nothing else', () => {
    const marks = ['begin', 'end'].map((mark) => `<!-- made by \`npm run bench:charts\`: ${mark} -->`);
    const text = ['before', marks[0], 'old', marks[1], 'after'].join('\n');
    expect(withSection(text, 'new')).toBe(['before', marks[0], '', 'new', '', marks[1], 'after'].join('\n'));
    expect(() => withSection('no marks', 'new')).toThrow('Expected the line');
  });

  it('and the charts are those of the results', () => {
    const read = (...path: string[]): string => readFileSync(join(BENCH, ...path), 'utf8');
    const results = JSON.parse(read('results', 'peers.json')) as PeerResults;
    const readme = read('README.md');
    expect(withSection(readme, sectionOf(results))).toBe(readme);
    for (const { name, chart } of figuresOf(results)) expect(read('results', `${name}.svg`)).toBe(chart);
  });
});
