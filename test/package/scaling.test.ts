// The scripts of docs/scaling.md are typed as they are, but for two shards in place of four or eight, with programs that stand in
// for the schedulers: they start the same plain processes, one after another.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStudy } from '../../src/index.ts';
import { smallPackage } from './small-package.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/scaling.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'polyseme-scaling-'));
const programs = join(folder, 'programs');
let undivided = '';
const SHARDS = 2;

/** `sbatch`: runs the wrapped command at once, for each index of the array; what it waits for must be done. */
const SBATCH = `#!/usr/bin/env bash
indices=(none); parsable=
for word in "$@"; do
  case "$word" in
    --array=*) range=\${word#--array=}; indices=($(seq \${range/-/ })) ;;
    --dependency=afterok:*) [ -e "jobs/\${word#--dependency=afterok:}" ] || exit 3 ;;
    --wrap=*) command=\${word#--wrap=} ;;
    --parsable) parsable=1 ;;
    --cpus-per-task=*) ;;
    *) echo "sbatch: $word?" >&2; exit 2 ;;
  esac
done
for i in "\${indices[@]}"; do SLURM_ARRAY_TASK_ID=$i sh -c "$command" >&2 || exit 1; done
mkdir -p jobs; id=$(ls jobs | wc -l); touch jobs/$id
[ -n "$parsable" ] && echo $id; true
`;

/** \`parallel\`: a command for each word after \`:::\`. */
const PARALLEL = `#!/usr/bin/env bash
[ "$1 $2 $3 $4" = '--sshloginfile hosts --workdir .' ] || exit 2
shift 4; command=()
while [ "$1" != ::: ]; do command+=("$1"); shift; done; shift
for i in "$@"; do "\${command[@]//\\{\\}/$i}" || exit 1; done
`;

beforeAll(() => {
  mkdirSync(programs);
  const main = smallPackage(join(folder, 'package'), 40);
  const program = (name: string, text: string) => writeFileSync(join(programs, name), text, { mode: 0o755 });
  program('polyseme', `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  program('npx', '#!/bin/sh\nexec "$@"\n');
  program('sbatch', SBATCH);
  program('parallel', PARALLEL);
  const cwd = room('undivided');
  type('polyseme run --model builtin:folio-5m --layers 0 --contexts 40 --examples 8 --out big.db', cwd);
  undivided = hashOf(cwd);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the plain processes of the first block make the study of the undivided run', () => {
  const cwd = room('plain');
  type(blockAfter('sh', '# Beyond one machine').replaceAll('divided.', 'big.'), cwd);
  expect(hashOf(cwd)).toBe(undivided);
}, 120_000);

test.each(['Slurm', 'GNU parallel'])(
  '%s',
  (scheduler) => {
    const cwd = room(scheduler);
    type(blockAfter('bash', `## ${scheduler}`), cwd);
    expect(hashOf(cwd)).toBe(undivided);
  },
  180_000,
);

test('a Kubernetes indexed job', () => {
  const cwd = room('kubernetes');
  const parallel = blockAfter('bash', '## GNU parallel').split('\n');
  const job = /^ +- (i=\$.*)$/m.exec(blockAfter('yaml', '## Kubernetes'))![1]!;
  const pods = (command: string): string =>
    Array.from({ length: SHARDS }, (_, index) => `JOB_COMPLETION_INDEX=${index} sh -c '${command}'`).join(
      '\n',
    );
  const lines = parallel.map((line) => {
    if (!line.startsWith('parallel')) return line;
    return pods(
      line.includes('--after')
        ? job.replace(
            `/${SHARDS} --out parts/big-examples`,
            `/${SHARDS} --after big.examples --out parts/big-rows`,
          )
        : job,
    );
  });
  expect(lines.join('\n')).toContain('--after big.examples --out parts/big-rows-$i');
  type(lines.join('\n'), cwd);
  expect(hashOf(cwd)).toBe(undivided);
}, 180_000);

function room(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

function blockAfter(language: string, heading: string): string {
  const after = page.slice(page.indexOf(heading));
  const [, block] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(after)!;
  return block!
    .replaceAll(/(--shards |seq |--array=1-|\/)[48]\b/g, `$1${SHARDS}`)
    .replaceAll(/completions: 8|parallelism: 8/g, (line) => line.replace('8', `${SHARDS}`));
}

function type(script: string, cwd: string): void {
  const { status, stderr } = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${programs}:${process.env['PATH']}` },
  });
  expect(status, `${script}\n${stderr}`).toBe(0);
}

function hashOf(cwd: string): string {
  const study = openStudy(join(cwd, 'big.db'));
  const { contentHash } = study.info();
  study.close();
  return contentHash!;
}
