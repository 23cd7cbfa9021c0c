// The public names of the package's two faces, and that their types can be named.
import { join } from 'node:path';
import * as polyseme from 'polyseme';
import * as core from 'polyseme/core';
import { describe, expect, test } from 'vitest';
import { mentioned, publicNames } from './public-names.ts';

const DIST = join(import.meta.dirname, '../../dist');

/** What computes other types, and values behind `typeof`: nobody needs their names. */
const MACHINERY = [
  'ARCHITECTURES',
  'CACHE_DTYPES',
  'ColumnValues',
  'DEVICES',
  'DEVICE_OPTIONS',
  'DTYPE_BYTES',
  'Listed',
  'NORMALIZATIONS',
  'NamesWith',
  'POLYSEMY',
  'SIMILARITIES',
  'STATE_ARRAYS',
  'VECTOR_KINDS',
  'WordColumn',
];
/**
 * The graph that an edit of a model writes to, how a checkpoint is read, and what explanations ask of a model and of a
 * study: its inside, given as it is.
 */
const INSIDE = [
  'Architecture',
  'Checkpoint',
  'EditResult',
  'ExplainModel',
  'ExplainedUnits',
  'GraphBuilder',
  'KeptResults',
  'ModelBank',
  'UnitReader',
  'Wire',
];

describe.each([
  ['polyseme', 'index.d.ts', polyseme],
  ['polyseme/core', 'core.d.ts', core],
])('%s', (_, file, face) => {
  const names = publicNames(join(DIST, file));

  test('exports these names', () => {
    expect([...names.keys()].sort()).toMatchSnapshot();
  });

  test('what is exported at run time is declared', () => {
    for (const name of Object.keys(face)) expect(names.has(name), name).toBe(true);
  });

  test('every type that a public declaration mentions is exported', () => {
    const missing: Record<string, string[]> = {};
    for (const [name, declaration] of names) {
      expect(declaration, name).toBeDefined();
      for (const type of mentioned(declaration)) {
        if (names.has(type) || MACHINERY.includes(type) || INSIDE.includes(type)) continue;
        missing[type] = [...(missing[type] ?? []), name];
      }
    }
    expect(missing).toEqual({});
  });
});

test('core is part of the whole', () => {
  const all = publicNames(join(DIST, 'index.d.ts'));
  for (const name of publicNames(join(DIST, 'core.d.ts')).keys()) expect(all.has(name), name).toBe(true);
});

test('the walk finds a type that is not exported', () => {
  const bank = publicNames(join(DIST, 'index.d.ts')).get('TappedBank')!;
  expect([...mentioned(bank)]).toContain('GraphEdit');
  expect([...mentioned({ ...bank, text: 'readonly edits: readonly GraphEdit[]' })]).toEqual(['GraphEdit']);
});
