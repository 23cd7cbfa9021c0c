// What a page will load to run a model holds nothing of Node: compiling, streaming, the graph and the tokenizer.
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from 'vite';
import { expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../src');

/** The files that read from disk, or run in Node's threads: all others of their folders run in a page. */
const NODE_ONLY = {
  model: [
    'backends/onnxruntime-node.ts',
    'check-model.ts',
    'check/',
    'checkpoint.ts',
    'download.ts',
    // Files of other formats lie on a disk.
    'gguf/',
    'inspect.ts',
    // Runs a model in groups of layers, with values on a disk between.
    'layer-groups.ts',
    'load-image-input.ts',
    'load-model.ts',
    'locate.ts',
    'onnx/',
    'open-backend.ts',
    'session-worker.ts',
    'spill.ts',
    'to-model.ts',
  ],
  onnx: ['read-onnx.ts', 'tensors.ts', 'wire.ts'],
  tokenizer: ['load-tokenizer.ts'],
};

/** Modules of a bundle for the browser of these files, and what they import that is not in it. */
async function bundle(files: readonly string[]): Promise<{ modules: string[]; outside: string[] }> {
  const outside = new Set<string>();
  const entry = 'virtual:page';
  const built = await build({
    root: SRC,
    configFile: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'page',
        enforce: 'pre',
        resolveId(id) {
          if (id === entry) return id;
          if (!/^node:/.test(id)) return null;
          outside.add(id);
          return { id, external: true };
        },
        load: (id) =>
          id === entry
            ? files
                .map((file) =>
                  `import * as m from '${file}'; console.log(m);`.replaceAll(
                    /\bm\b/g,
                    `m${files.indexOf(file)}`,
                  ),
                )
                .join('\n')
            : null,
      },
    ],
    build: { write: false, minify: false, target: 'es2022', rollupOptions: { input: entry } },
  });
  const { output } = built as { output: { type: string; moduleIds?: string[]; imports?: string[] }[] };
  return {
    modules: output
      .flatMap(({ moduleIds = [] }) => moduleIds)
      .filter((id) => id.startsWith(SRC))
      .map((id) => relative(SRC, id)),
    outside: [...outside],
  };
}

it('model, onnx and tokenizer build for a page without Node, but for the files that load from disk', async () => {
  const files = Object.entries(NODE_ONLY).flatMap(([room, nodeOnly]: [string, string[]]) =>
    readdirSync(join(SRC, room), { recursive: true, encoding: 'utf8' })
      .map((file) => file.replaceAll('\\', '/'))
      .filter(
        (file) =>
          file.endsWith('.ts') &&
          !nodeOnly.some((name) => file === name || (name.endsWith('/') && file.startsWith(name))),
      )
      .map((file) => join(SRC, room, file)),
  );
  const { modules, outside } = await bundle(files);
  expect(modules).toEqual(
    expect.arrayContaining([
      'model/compile.ts',
      'model/taps.ts',
      'model/backend.ts',
      'onnx/graph.ts',
      'tokenizer/tokenizer.ts',
    ]),
  );
  expect(outside).toEqual([]);
  expect(modules.filter((file) => /\b(load|checkpoint|locate|json-file|rpc)/.test(file))).toEqual([]);
});

it('sees a module of Node where there is one', async () => {
  const { outside } = await bundle([join(SRC, 'model/checkpoint.ts')]);
  expect(outside).toContain('node:fs/promises');
});
