import { PolysemeError } from '../errors.ts';
import { checkCount } from './condensed.ts';

/** The width of `count` row-major rows; throws unless they are of equal width, of at least one value. */
export function rowWidth(caller: string, rows: Float32Array, count: number): number {
  checkCount(caller, count);
  if (count === 0 ? rows.length > 0 : rows.length === 0 || rows.length % count !== 0) {
    throw new PolysemeError(
      `${caller}: rows holds ${rows.length} values, which cannot be ${count} rows of equal width`,
    );
  }
  return count === 0 ? 0 : rows.length / count;
}

/** The error of a row that holds no plain numbers. */
export function notFinite(caller: string, row: number): PolysemeError {
  return new PolysemeError(`${caller}: row ${row} of rows holds a NaN or an infinite value`);
}
