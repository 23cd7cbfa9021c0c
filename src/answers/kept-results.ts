import type { KeptResults } from '../explain/explained.ts';
import { readCached, writeCached } from '../study/cache.ts';
import type { Study } from '../study/study.ts';

/** Keeps results in the cache beside the study. */
export function keptResults(study: Study): KeptResults {
  return {
    read(key, schema) {
      const kept = readCached(study, key);
      if (kept === null) return null;
      try {
        const parsed = schema.safeParse(JSON.parse(Buffer.from(kept).toString()));
        return parsed.success ? parsed.data : null;
      } catch {
        return null;
      }
    },
    write: (key, value) => writeCached(study, key, Buffer.from(JSON.stringify(value))),
  };
}
