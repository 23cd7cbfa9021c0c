// Compiles each kernels/*.ts with AssemblyScript to SIMD WebAssembly, and writes it as
// src/wasm/generated/NAME.ts: a base64 string, so that Node and browsers load it the same way.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const FLAGS = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--enable', 'simd'];
/** Kernels whose memory is shared between worker threads. */
const SHARED = ['sae'];
const SHARED_FLAGS = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'];

export async function buildKernels() {
  const out = 'src/wasm/generated';
  mkdirSync(out, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), 'polyseme-kernels-'));
  for (const file of readdirSync('kernels').filter((name) => name.endsWith('.ts'))) {
    const name = basename(file, '.ts');
    const wasm = join(scratch, `${name}.wasm`);
    const flags = SHARED.includes(name) ? [...FLAGS, ...SHARED_FLAGS] : FLAGS;
    execFileSync(
      process.execPath,
      ['node_modules/assemblyscript/bin/asc.js', `kernels/${file}`, '-o', wasm, ...flags],
      { stdio: 'inherit' },
    );
    const text = readFileSync(wasm).toString('base64');
    writeFileSync(
      join(out, `${name}.ts`),
      `// Made by scripts/kernels.mjs from kernels/${file}.\nexport const wasm = '${text}';\n`,
    );
  }
  rmSync(scratch, { recursive: true });
}
