// Builds everything that is published: kernels → WebAssembly inside a TypeScript module, sources and data → dist/,
// the explorer → dist/web/.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { buildKernels } from './kernels.mjs';
import { packSotu } from './sotu.mjs';

rmSync('dist', { recursive: true, force: true });
await buildKernels();
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], {
  stdio: 'inherit',
});
packSotu();
execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--config', 'web/vite.config.ts'], {
  stdio: 'inherit',
});
chmodSync('dist/cli/main.js', 0o755);
