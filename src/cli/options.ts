import { type Command, InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { flag } from './flags.ts';

/** What an option's `.meta()` says to the command line, the docs and shell completion. */
export interface OptionMeta {
  readonly description: string;
  /** Stands for the value in the help: N, FILE, LIST. Paths (FILE, DIR, PATH, M, D) are completed as file names. */
  readonly value?: string;
  /** The default in words, where the schema has none or its value does not explain itself. */
  readonly fallback?: string;
}

type Shape = Readonly<Record<string, z.ZodType>>;
type Parse = (text: string, before?: unknown) => unknown;

/** What several commands share. */
export const studyArgument = 'the file of the study';
export const saeArgument = 'the SAE: a folder, a weights file or hf:owner/name[@revision][:path]';
export const siteOption = z.string().min(1).optional().meta({
  description: 'the site that the SAE reads, if its files do not say it or are wrong',
  value: 'SITE',
});
export const bankOption = z.string().min(1).optional().meta({
  description: 'only this bank, e.g. mlp.2',
  value: 'BANK',
  fallback: 'all',
});
export const unitArgument = 'the unit, e.g. mlp.2/137';
export const featureOption = z.int().min(0).optional().meta({
  description: 'only this feature of the unit, by its number',
  value: 'F',
  fallback: 'all',
});
export const jsonOption = z.boolean().default(false).meta({
  description: 'print one JSON document on standard output, and nothing else there',
});

/** An option of a command whose value is stored under the schema's key, whatever its flag is called. */
export class ShapeOption extends Option {
  readonly #key: string;

  constructor(flags: string, description: string, key: string) {
    super(flags, description);
    this.#key = key;
  }

  override attributeName(): string {
    return this.#key;
  }
}

/**
 * Gives a command one option per field of a zod shape: name, help, choices, default and the check of the value all
 * come from the schema. `parse` replaces the reading of a field whose text has a form of its own.
 */
export function addOptions(
  command: Command,
  shape: Shape,
  parse: Readonly<Record<string, Parse>> = {},
): void {
  for (const [key, schema] of Object.entries(shape)) command.addOption(optionOf(key, schema, parse[key]));
}

function optionOf(key: string, schema: z.ZodType, parse: Parse | undefined): Option {
  const meta = schema.meta() as OptionMeta | undefined;
  if (meta?.description === undefined) throw new Error(`the option ${key} has no description`);
  const { inner, fallback, required } = unwrap(schema);
  const long = flag(key);
  const text =
    meta.fallback === undefined ? meta.description : `${meta.description} (default: ${meta.fallback})`;
  if (inner.def.type === 'boolean')
    return new ShapeOption(fallback === true ? long.replace('--', '--no-') : long, text, key);
  const option = new ShapeOption(`${long} <${meta.value ?? 'N'}>`, text, key);
  if (inner.def.type === 'enum') option.choices((inner as z.ZodEnum).options.map(String));
  else option.argParser(parse ?? parserOf(inner));
  if (fallback !== undefined && meta.fallback === undefined) {
    option.default(fallback, Array.isArray(fallback) ? fallback.join(',') : undefined);
  }
  return option.makeOptionMandatory(required);
}

/** A schema without its default and `optional`, and what these say. */
function unwrap(schema: z.ZodType): { inner: z.ZodType; fallback: unknown; required: boolean } {
  const { def } = schema as z.ZodDefault;
  if (schema.def.type === 'default')
    return { inner: def.innerType as z.ZodType, fallback: def.defaultValue, required: false };
  if (schema.def.type === 'optional')
    return { inner: def.innerType as z.ZodType, fallback: undefined, required: false };
  return { inner: schema, fallback: undefined, required: true };
}

/** Numbers are checked here, so that what is out of range is wrong usage; lists of numbers have commas between. */
function parserOf(schema: z.ZodType): Parse {
  if (schema.def.type === 'number')
    return (text) => checked(schema, numberOf(text), expected(schema as z.ZodNumber));
  if (schema.def.type !== 'array') return (text) => text;
  const element = (schema as z.ZodArray).element as z.ZodType;
  if (element.def.type !== 'number')
    return (text, before) => [...((before as string[] | undefined) ?? []), text];
  return (text) =>
    checked(
      schema,
      text.split(',').map(numberOf),
      `${expected(element as z.ZodNumber)}, or several with commas between`,
    );
}

function numberOf(text: string): number {
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
}

function checked(schema: z.ZodType, value: unknown, what: string): unknown {
  if (!schema.safeParse(value).success) throw new InvalidArgumentError(`It must be ${what}.`);
  return value;
}

/** `a whole number of at least 1`, `a number above 0 and at most 1`. */
function expected(schema: z.ZodNumber): string {
  const { minValue, maxValue, isInt } = schema;
  const least = minValue !== null && minValue > Number.MIN_SAFE_INTEGER ? minValue : null;
  const most = maxValue !== null && maxValue < Number.MAX_SAFE_INTEGER ? maxValue : null;
  const bounds = [
    least === null ? [] : [schema.safeParse(least).success ? `of at least ${least}` : `above ${least}`],
    most === null ? [] : [`at most ${most}`],
  ];
  return [isInt ? 'a whole number' : 'a number', bounds.flat().join(' and ')]
    .filter((part) => part !== '')
    .join(' ');
}
