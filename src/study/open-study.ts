import { StudyReader } from './reader.ts';
import { openDatabase } from './schema.ts';
import type { Study } from './study.ts';

/**
 * Opens a study, finished or not.
 *
 * @throws PolysemeError when the file is missing, is no study, or was made by a newer version
 * @example
 * const study = openStudy('study.db');
 * const [unit] = study.units({ sort: 'clusters', descending: true, limit: 1 });
 * console.log(study.unit(unit.bank, unit.index).features.map(({ words }) => words));
 * study.close();
 */
export function openStudy(path: string): Study {
  return new StudyReader(path, openDatabase(path, 'read'));
}
