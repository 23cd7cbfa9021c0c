// npm run audit: known faults of what is installed with Polyseme. Where the registry keeps no advisories it says so and
// fails nothing: a mirror often has none.
import { spawnSync } from 'node:child_process';

const { stdout, status } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  encoding: 'utf8',
  shell: process.platform === 'win32',
});
const report = parsed(stdout);
if (report?.metadata === undefined) {
  const why = report?.message ?? report?.error?.summary ?? `npm ended with ${status}`;
  console.log(`not checked: this registry answers no audit (${String(why).split('\n')[0]})`);
} else {
  const { total, ...levels } = report.metadata.vulnerabilities;
  for (const { name, severity, via } of Object.values(report.vulnerabilities)) {
    console.log(`${name}: ${severity}, ${via.map((one) => one.title ?? one).join('; ')}`);
  }
  console.log(
    `${total} known faults (${Object.entries(levels)
      .map(([level, n]) => `${n} ${level}`)
      .join(', ')})`,
  );
  process.exitCode = total > 0 ? 1 : 0;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
