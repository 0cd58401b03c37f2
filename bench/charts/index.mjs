/** `npm run bench:charts`: makes the charts and the tables of README.md from results/peers.json. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { figuresOf } from './figures.mjs';
import { sectionOf, withSection } from './section.mjs';

const bench = join(import.meta.dirname, '..');
const readme = join(bench, 'README.md');
const results = JSON.parse(readFileSync(join(bench, 'results', 'peers.json'), 'utf8'));

for (const { name, chart } of figuresOf(results)) writeFileSync(join(bench, 'results', `${name}.svg`), chart);
writeFileSync(readme, withSection(readFileSync(readme, 'utf8'), sectionOf(results)));
