// The tables of options in docs/api.md are made from the schemas that check these options; `npm run docs:options`
// writes them anew.
import { expect, test } from 'vitest';
import type * as z from 'zod';
import { cacheOptions } from '../../src/activations/cache-options.ts';
import { flag } from '../../src/cli/flags.ts';
import { evaluateOptions } from '../../src/evaluate/evaluate-options.ts';
import { runOptions } from '../../src/run/run-options.ts';
import { saeTrainOptions } from '../../src/train/train-options.ts';
import { expectTables } from '../helpers/option-tables.ts';

const PAGE = new URL('../../docs/api.md', import.meta.url).pathname;

const schemas: Record<string, z.ZodObject> = {
  runStudy: runOptions,
  trainSae: saeTrainOptions,
  evaluateSae: evaluateOptions,
  cacheActivations: cacheOptions,
};

/** Types beside that of the schema, which checks what a command line can give. */
const ALSO: Record<string, string> = { model: 'Model', data: 'Corpus' };

test('docs/api.md has the options of every long call', async () => {
  await expectTables(PAGE, Object.keys(schemas), (name) => tableOf(schemas[name]!));
});

test('a row has the type, the default and the meaning, in the words of the library', () => {
  const rows = tableOf(saeTrainOptions).split('\n');
  const row = (name: string) => rows.find((line) => line.startsWith(`| \`${name}\``));
  expect(row('k')).toMatch(/^\| `k` \| `number\[\]` \| 32 \| active latents per token/);
  expect(row('architecture')).toMatch(/^\| `architecture` \| `'relu' \\\| 'topk' .* \| `'topk'` \|/);
  expect(row('deadAfter')).toContain('| a tenth of `tokens`, at most 10⁷ |');
  expect(row('scale')).toMatch(/^\| `scale` \| `boolean` \| `true` \| `false`: do not scale inputs/);
});

function tableOf({ shape }: z.ZodObject): string {
  const options = new Set(Object.keys(shape));
  const rows = Object.entries(shape).map(([name, schema]) => {
    const { inner, fallback } = unwrap(schema as z.ZodType);
    const meta = (schema as z.ZodType).meta() as { description: string; fallback?: string };
    const standard = meta.fallback ?? (fallback === undefined ? '' : `\`${literal(fallback)}\``);
    // On the command line an option that is on by default has a flag that turns it off.
    const meaning = fallback === true ? `\`false\`: ${meta.description}` : meta.description;
    const type = [typeOf(inner), ALSO[name]].filter((part) => part !== undefined).join(' | ');
    const cells = [`\`${name}\``, `\`${type}\``, inWords(standard, options), inWords(meaning, options)];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| option | type | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** Flags of the command line as options of the library. */
function inWords(text: string, options: ReadonlySet<string>): string {
  return text.replaceAll(/--[a-z][a-z-]*/g, (flagged) => {
    const name = [...options].find((option) => flag(option) === flagged);
    expect(name, `${flagged} in: ${text}`).toBeDefined();
    return `\`${name}\``;
  });
}

function unwrap(schema: z.ZodType): { inner: z.ZodType; fallback: unknown } {
  const { def } = schema as z.ZodDefault;
  if (schema.def.type === 'default') return { inner: def.innerType as z.ZodType, fallback: def.defaultValue };
  if (schema.def.type === 'optional') return { inner: def.innerType as z.ZodType, fallback: undefined };
  return { inner: schema, fallback: undefined };
}

function typeOf(schema: z.ZodType): string {
  if (schema.def.type === 'array') return `${typeOf((schema as z.ZodArray).element as z.ZodType)}[]`;
  if (schema.def.type === 'enum') return (schema as z.ZodEnum).options.map(literal).join(' | ');
  expect(['string', 'number', 'boolean']).toContain(schema.def.type);
  return schema.def.type;
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}
