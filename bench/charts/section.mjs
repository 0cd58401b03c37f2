import { circumstances, figuresOf } from './figures.mjs';

const BEGIN = '<!-- made by `npm run bench:charts`: begin -->';
const END = '<!-- made by `npm run bench:charts`: end -->';

/** The figures in Markdown: where they come from, then a chart and its table for each, then what is missing. */
export function sectionOf(results) {
  const figures = figuresOf(results).flatMap(({ name, title, table }) => [
    `![${title}](results/${name}.svg)`,
    `<details><summary>${title}: medians and ranges</summary>\n\n${table}\n\n</details>`,
  ]);
  return [
    `${circumstances(results).join(' · ')}. The run took ${Math.round(results.tookSeconds / 60)} minutes; the load average before it was ${results.machine.loadAverageBefore}.`,
    ...figures,
    ...missingOf(results),
  ].join('\n\n');
}

/** The text with the section between its two marks replaced. */
export function withSection(text, section) {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`Expected the line ${BEGIN} and, after it, ${END}.`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${text.slice(end)}`;
}

function missingOf({ missing, scenarios, subjects }) {
  const peers = Object.entries(missing).map(([peer, reason]) => `- ${peer} was not measured: ${reason}`);
  const failures = Object.entries(scenarios).flatMap(([scenario, { points }]) =>
    points.flatMap(({ value, failures: failed }) =>
      Object.entries(failed).map(
        ([variant, reason]) => `- ${subjects[variant]} failed in ${scenario} at ${value}: ${reason}`,
      ),
    ),
  );
  const lines = [...peers, ...failures];
  return lines.length === 0 ? [] : [lines.join('\n')];
}
