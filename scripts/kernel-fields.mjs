// What kernels and their host must agree on, read from the AssemblyScript sources: the fields of `@unmanaged` classes
// and exported constants. The host takes both from here, so that no list of them is written twice.

/** Bytes of each type that a field can have; `usize` is an address of a 32-bit memory. */
const BYTES = { i32: 4, u32: 4, f32: 4, usize: 4, i64: 8, u64: 8, f64: 8 };
const CLASS = /@unmanaged\s+export class (\w+) \{([^{}]*)\}/g;
const FIELD = /^(\w+): (\w+);$/;
const CONSTANT = /^export const (\w+): (\w+) = (\d+);/gm;

/**
 * The fields of each `@unmanaged` class of a source, in their order, with the offsets that AssemblyScript gives them
 * (each aligned to its own size).
 *
 * @param {string} source
 * @param {string} file as it is named in an error
 * @returns {{ name: string, bytes: number, fields: { name: string, type: string, offset: number }[] }[]}
 */
export function readBlocks(source, file) {
  return [...source.matchAll(CLASS)].map(([, name, body]) => {
    let end = 0;
    const fields = [];
    for (const line of withoutComments(body)) {
      const [, field, type] = FIELD.exec(line) ?? [];
      const bytes = BYTES[type];
      if (bytes === undefined) throw new Error(`${file}: class ${name}: no field of a known type: ${line}`);
      const offset = Math.ceil(end / bytes) * bytes;
      fields.push({ name: field, type, offset });
      end = offset + bytes;
    }
    return { name, bytes: end, fields };
  });
}

/**
 * The exported whole-number constants of a source.
 *
 * @param {string} source
 * @returns {{ name: string, value: number }[]}
 */
export function readConstants(source) {
  return [...source.matchAll(CONSTANT)].map(([, name, , value]) => ({ name, value: Number(value) }));
}

/**
 * The TypeScript module that hands them to the host; null for a source that has neither.
 *
 * @param {string} source
 * @param {string} file
 * @returns {string | null}
 */
export function fieldsModule(source, file) {
  const blocks = readBlocks(source, file);
  const constants = readConstants(source);
  if (blocks.length + constants.length === 0) return null;
  const lines = [`// Made by scripts/kernels.mjs from ${file}.`];
  for (const { name, value } of constants) lines.push(`export const ${name} = ${value};`);
  for (const { name, bytes, fields } of blocks) {
    lines.push(`export const ${name} = {`, `  bytes: ${bytes},`, '  fields: {');
    for (const { name, type, offset } of fields)
      lines.push(`    ${name}: { type: '${type}', offset: ${offset} },`);
    lines.push('  },', '} as const;');
  }
  return `${lines.join('\n')}\n`;
}

/** @param {string} body */
function withoutComments(body) {
  return body
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
