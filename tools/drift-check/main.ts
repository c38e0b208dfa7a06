import path from 'node:path';
import { checkDrift } from './drift-check.ts';
import { formatFinding } from './finding.ts';
import { judgeFixture, listFixtures } from './fixtures.ts';

const { results, findings } = checkDrift(path.resolve(import.meta.dirname, '../..'));
for (const { rule, sites } of results) console.log(`${rule}: ${sites} places checked`);

const fixtures = listFixtures();
const misjudged: string[] = [];
for (const fixture of fixtures) {
  const problem = await judgeFixture(fixture);
  if (problem !== undefined) misjudged.push(problem);
}
console.log(`fixtures: ${fixtures.length - misjudged.length} of ${fixtures.length} judged rightly`);

for (const problem of [...findings.map(formatFinding), ...misjudged]) console.error(problem);
if (fixtures.length === 0) console.error('no fixture found');
if (findings.length + misjudged.length > 0 || fixtures.length === 0) process.exitCode = 1;
