/**
 * A line for each series over evenly spaced values, with a logarithmic scale and a stroke from the lowest to the highest
 * reading at each point. Returns the text of an SVG.
 */
const WIDTH = 880;
const HEIGHT = 420;
const PLOT = { left: 76, right: 640, top: 90, bottom: 356 };
const LABEL_DISTANCE = 17;
/** Between the strokes of two series at the same value. */
const SHIFT = 5;
/** Colors that people with color blindness can tell apart. */
const COLORS = ['#0072b2', '#d55e00', '#009e73', '#56b4e9', '#e69f00', '#cc79a7'];
const FONT = 'font-family="system-ui, sans-serif"';

export function lineChart({ title, notes, xLabel, yLabel, xs, series }) {
  const drawn = series
    .map((one, index) => ({ ...one, index, points: one.points.filter(isPositive) }))
    .filter(({ points }) => points.length > 0);
  const scale = logarithmicScale(
    drawn.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high])),
  );
  const xOf = (value) => PLOT.left + (PLOT.right - PLOT.left) * ((xs.indexOf(value) + 0.5) / xs.length);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" ${FONT}>`,
    `<title>${escape(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(16, 28, title, { size: 18, weight: 600 }),
    ...notes.map((note, index) => text(16, 46 + index * 15, note, { size: 11, fill: '#57606a' })),
    text(PLOT.left, 82, yLabel, { size: 12, fill: '#57606a' }),
    ...scale.ticks.flatMap((tick) => horizontal(scale.yOf(tick), formatNumber(tick))),
    ...xs.map((value) =>
      text(xOf(value), PLOT.bottom + 20, value.toLocaleString('en-US'), { anchor: 'middle' }),
    ),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 42, xLabel, { anchor: 'middle', fill: '#57606a' }),
    ...drawn.flatMap((one) => line(one, xOf, scale, series.length)),
    ...labels(drawn, scale),
    '</svg>',
    '',
  ].join('\n');
}

/** A scale around the values, with ticks at 1, 2 and 5 times the powers of ten, or at these powers if those are many. */
export function logarithmicScale(values) {
  if (values.length === 0) return { ticks: [], yOf: () => PLOT.bottom };
  const low = Math.log10(Math.min(...values) * 0.8);
  const high = Math.log10(Math.max(...values) * 1.25);
  const share = (value) => (Math.log10(value) - low) / (high - low);
  const yOf = (value) => round(PLOT.bottom - (PLOT.bottom - PLOT.top) * share(value));
  const steps = high - low > 3 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let exponent = Math.floor(low); exponent <= high; exponent++)
    for (const step of steps) {
      const tick = Number(`${step}e${exponent}`);
      if (share(tick) >= 0 && share(tick) <= 1) ticks.push(tick);
    }
  return { ticks, yOf };
}

/** A number for people: 12,400, 1.5 or 0.03. */
export function formatNumber(value) {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}

/** Only these have a logarithm. */
function isPositive({ low, median, high }) {
  return [low, median, high].every((value) => Number.isFinite(value) && value > 0);
}

function horizontal(y, label) {
  return [
    `<line x1="${PLOT.left}" y1="${y}" x2="${PLOT.right}" y2="${y}" stroke="#d0d7de" stroke-width="0.7"/>`,
    text(PLOT.left - 8, y + 4, label, { anchor: 'end' }),
  ];
}

function line({ index, dashed, points }, xOf, scale, count) {
  const color = COLORS[index % COLORS.length];
  const shift = (index - (count - 1) / 2) * SHIFT;
  const at = points.map(({ x, median, low, high }) => ({
    x: round(xOf(x) + shift),
    y: scale.yOf(median),
    low: scale.yOf(low),
    high: scale.yOf(high),
  }));
  const path = at.map(({ x, y }) => `${x},${y}`).join(' ');
  const dash = dashed ? ' stroke-dasharray="5 4"' : '';
  return [
    `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"${dash}/>`,
    ...at.flatMap(({ x, y, low, high }) => [
      `<line x1="${x}" y1="${low}" x2="${x}" y2="${high}" stroke="${color}" stroke-width="1.2"/>`,
      `<circle cx="${x}" cy="${y}" r="3.5" fill="${dashed ? '#ffffff' : color}" stroke="${color}" stroke-width="1.5"/>`,
    ]),
  ];
}

/** The names beside the last points, moved apart where they would touch. */
function labels(drawn, scale) {
  const ordered = drawn
    .map(({ name, index, points }) => ({ name, index, y: scale.yOf(points.at(-1).median) + 4 }))
    .sort((one, other) => one.y - other.y);
  for (let at = 1; at < ordered.length; at++)
    ordered[at].y = Math.max(ordered[at].y, ordered[at - 1].y + LABEL_DISTANCE);
  return ordered.map(({ name, index, y }) =>
    text(PLOT.right + 12, round(y), name, { fill: COLORS[index % COLORS.length], weight: 600 }),
  );
}

function text(x, y, content, { size = 12, weight = 400, anchor = 'start', fill = '#1f2328' } = {}) {
  const attributes = `x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}"`;
  return `<text ${attributes} fill="${fill}">${escape(content)}</text>`;
}

function escape(content) {
  return content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function round(value) {
  return Math.round(value * 10) / 10;
}
