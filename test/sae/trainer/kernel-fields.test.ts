import { readFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';
import { describe, expect, it } from 'vitest';
import { fieldsModule, readBlocks, readConstants } from '../../../scripts/kernel-fields.mjs';
import { Layout } from '../../../src/sae/trainer/layout.ts';
import type { SaeKernel } from '../../../src/sae/trainer/sae-kernel.ts';
import { resolveOptions } from '../../../src/sae/trainer/trainer-options.ts';
import { Pairs, Params } from '../../../src/wasm/generated/sae/params.ts';
import * as places from '../../../src/wasm/generated/sae/places.ts';
import { wasm } from '../../../src/wasm/generated/sae.ts';
import { instantiate } from '../../../src/wasm/instance.ts';

const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
const source = read('kernels/sae/params.ts');

/** The offsets that the AssemblyScript compiler itself gives the fields, by class and field. */
async function compilerOffsets(source: string): Promise<Record<string, Record<string, number>>> {
  const blocks = readBlocks(source, 'params.ts');
  const files: Record<string, string> = {
    'params.ts': source,
    'main.ts': [
      `import { ${blocks.map(({ name }) => name).join(', ')} } from './params';`,
      ...blocks.flatMap(({ name, fields }) =>
        fields.map(
          (field) =>
            `export function ${name}_${field.name}(): i32 { return offsetof<${name}>('${field.name}'); }`,
        ),
      ),
    ].join('\n'),
  };
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ['main.ts', '-o', 'out.wasm', '--runtime', 'stub', '--use', 'abort='],
    {
      readFile: (name: string) => files[name] ?? null,
      writeFile: (_name: string, contents: string | Uint8Array) => {
        if (typeof contents !== 'string') binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}: ${stderr}`);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(binary!)));
  return Object.fromEntries(
    blocks.map(({ name, fields }) => [
      name,
      Object.fromEntries(
        fields.map((field) => [field.name, (exports[`${name}_${field.name}`] as () => number)()]),
      ),
    ]),
  );
}

const offsets = (fields: Record<string, { offset: number }>) =>
  Object.fromEntries(Object.entries(fields).map(([name, { offset }]) => [name, offset]));

describe('the fields of the parameter blocks', () => {
  it('are those of the sources as they are now', () => {
    expect(read('src/wasm/generated/sae/params.ts')).toBe(fieldsModule(source, 'kernels/sae/params.ts'));
    const constants = readConstants(read('kernels/sae/places.ts'));
    expect(Object.fromEntries(constants.map(({ name, value }) => [name, value]))).toEqual({ ...places });
  });

  it('lie where the compiler puts them, and the kernel has blocks of that size', async () => {
    expect({ Pairs: offsets(Pairs.fields), Params: offsets(Params.fields) }).toEqual(
      await compilerOffsets(source),
    );
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 65_536, shared: true });
    const kernel = instantiate<SaeKernel>(wasm, memory).exports;
    expect([kernel.pairsBytes(), kernel.paramsBytes()]).toEqual([Pairs.bytes, Params.bytes]);
  });

  it('follow the class where two fields change places, or have 8 bytes', async () => {
    const swapped = source
      .replace('  encoder: usize;', '  OTHER')
      .replace('  bDec: usize;', '  encoder: usize;')
      .replace('  OTHER', '  bDec: usize;');
    const wide =
      '@unmanaged\nexport class Wide {\n  a: i32;\n  /** b */\n  b: f64; // c\n  c: u32;\n  d: u64;\n}\n';
    for (const text of [swapped, wide]) {
      const read = readBlocks(text, 'params.ts').map(({ name, fields }) => [
        name,
        Object.fromEntries(fields.map(({ name, offset }) => [name, offset])),
      ]);
      expect(Object.fromEntries(read)).toEqual(await compilerOffsets(text));
      expect(read).not.toContainEqual(['Params', offsets(Params.fields)]);
    }
  });

  it('are refused where their type is unknown', () => {
    const text = '@unmanaged\nexport class Block {\n  a: bool;\n}\n';
    expect(() => readBlocks(text, 'kernels/x.ts')).toThrow(
      'kernels/x.ts: class Block: no field of a known type: a: bool;',
    );
  });

  it('are written by name', () => {
    const settings = resolveOptions({ architecture: 'relu', width: 8, latents: 8, learningRate: 1 });
    const layout = new Layout(settings, 1, false);
    layout.set('clip', 0.75);
    layout.set('tokens', 77);
    layout.setPair('aux', 'columns', 123);
    const lines: string[][] = source.split('@unmanaged').map((part) => part.match(/^ {2}\w+: \w+;$/gm) ?? []);
    const place = (block: 1 | 2, line: string) => 4 * lines[block]!.indexOf(line);
    const view = new DataView(layout.memory.buffer);
    expect(view.getFloat32(layout.params + place(2, '  clip: f32;'), true)).toBe(0.75);
    expect(view.getInt32(layout.params + place(2, '  tokens: i32;'), true)).toBe(77);
    expect(view.getUint32(layout.aux + place(1, '  columns: usize;'), true)).toBe(123);
  });
});
