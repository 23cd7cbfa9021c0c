// Builds everything that is published: kernels → WebAssembly inside a TypeScript module, sources and data → dist/.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { buildKernels } from './kernels.mjs';
import { packSotu } from './sotu.mjs';

rmSync('dist', { recursive: true, force: true });
await buildKernels();
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], { stdio: 'inherit' });
packSotu();
chmodSync('dist/cli/main.js', 0o755);
