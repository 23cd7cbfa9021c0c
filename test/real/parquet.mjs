// `npm run test:real`: pandas reads the tables that `export --format parquet` writes, and finds in them what the JSON lines say.
// It downloads pandas and pyarrow; PYTHON names an interpreter that has them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'polyseme-real-'));
const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
const polyseme = (...args) => run(process.execPath, at('../../dist/cli/main.js'), ...args);

try {
  let python = process.env.PYTHON;
  if (python === undefined) {
    run('python3', '-m', 'venv', join(folder, 'venv'));
    python = join(folder, 'venv/bin/python');
    run(python, '-m', 'pip', 'install', '--quiet', 'pandas', 'pyarrow');
  }
  const [study, tables, lines] = ['study.db', 'tables', 'study.jsonl'].map((name) => join(folder, name));
  polyseme('run', '--contexts', '60', '--layers', '1,2', '--examples', '8', '--out', study);
  polyseme('export', study, '--format', 'parquet', '--out', tables);
  polyseme('export', study, '--format', 'jsonl', '--out', lines);
  run(python, at('parquet_tables.py'), tables, lines);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
