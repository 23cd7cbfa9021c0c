import { PolysemeError } from '../../errors.ts';
import { describePart, type Part, ranges } from './part-file.ts';

/** Refuses parts that are not of one plan and one round. */
export function checkAlike(parts: readonly Part[]): void {
  const [first] = parts;
  for (const part of parts) {
    if (part.plan !== first!.plan) throw otherRun(part, first!);
    if (part.kind === first!.kind && (part.after !== first!.after || part.of !== first!.of)) {
      throw new PolysemeError(
        `${part.file.path} was made after other ${part.kind === 'examples' ? 'maxima' : 'examples'} than ${first!.file.path}: make it anew`,
      );
    }
  }
}

/** What differs between the runs of two parts, as far as it can be told. */
function otherRun(part: Part, first: Part): PolysemeError {
  const names = ['version', 'meta', 'inputs', 'shards'] as const;
  const said = {
    version: 'version of Polyseme',
    meta: 'model, data or options',
    inputs: 'text or files of the model',
    shards: 'number of shards',
  };
  const other = names.filter((name) => JSON.stringify(part.run[name]) !== JSON.stringify(first.run[name]));
  const why =
    other.length === 0
      ? 'another plan'
      : `a plan with another ${other.map((name) => said[name]).join(', another ')}`;
  return new PolysemeError(`${part.file.path} is of ${why} than ${first.file.path}: nothing was merged`);
}

/** The shards that parts cover together, ascending; one that comes twice is an error. */
export function coveredBy(parts: readonly Part[]): number[] {
  const from = new Map<number, Part>();
  for (const part of parts) {
    for (const shard of part.covers) {
      const other = from.get(shard);
      if (other !== undefined) {
        const what = part.kind === 'units' ? 'share' : 'shard';
        throw new PolysemeError(
          `${part.file.path} (${describePart(part)}) and ${other.file.path} (${describePart(other)}) both have ${what} ${shard}: leave one of them out; nothing was merged`,
        );
      }
      from.set(shard, part);
    }
  }
  return [...from.keys()].sort((a, b) => a - b);
}

/** Refuses parts that do not cover all shards. */
export function checkWhole(parts: readonly Part[]): void {
  const [{ of, kind, file }] = parts as readonly [Part, ...Part[]];
  const covered = new Set(coveredBy(parts));
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((shard) => !covered.has(shard));
  if (missing.length === 0) return;
  const where = parts.length === 1 ? `${file.path} lacks` : `the ${kind} lack`;
  throw new PolysemeError(
    `${where} shard${missing.length === 1 ? '' : 's'} ${ranges(missing)} of ${of}: make and merge the missing ones first`,
    'not-found',
  );
}
