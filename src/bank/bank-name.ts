import { visible } from '../base/visible.ts';

/** Most characters of a bank's name. */
const LONGEST = 300;

/** What a bank's name must be, for errors. */
export const BANK_NAME = `1 to ${LONGEST} characters, none a space, a comma or invisible`;

/** Whether a bank can have that name: it stands in lists with commas, in tables and figures, and is read and typed. */
export function isBankName(name: unknown): name is string {
  return (
    typeof name === 'string' && name.length <= LONGEST && /^[^\s,]+$/.test(name) && visible(name) === name
  );
}

/** Most units of a bank, in a study and in a site; the largest SAE released for one layer has 2^20. */
export const MOST_UNITS = 2 ** 24;
