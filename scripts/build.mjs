// Builds everything that is published: kernels → WebAssembly inside a TypeScript module, sources → dist/.
import { execFileSync } from 'node:child_process';
import { packSotu();
chmodSync, rmSync } from 'node:fs';
import { buildKernels } from './kernels.mjs';
import { packSotu } from './sotu.mjs';

const bin = (name) => `node_modules/.bin/${name}`;

rmSync('dist', { recursive: true, force: true });
await buildKernels();
execFileSync(bin('tsc'), ['-p', 'tsconfig.json'], { stdio: 'inherit', shell: process.platform === 'win32' });
packSotu();
chmodSync('dist/cli/main.js', 0o755);
