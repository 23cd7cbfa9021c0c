/** Numbers that the server and the explorer share. */

/** Most units of a bank that a comparison at equal numbers of examples splits again: about a second a bank. */
export const MATCHED_UNITS = 300;
/** Most banks of such a comparison. */
export const MATCHED_BANKS = 6;

/** Features that a search says of a unit. */
export const MATCHED_FEATURES = 5;
/** Least separations that a search counts units by; from the second on a unit is several things. */
export const SEPARATIONS = [0.25, 0.45, 0.6] as const;

/** Features that a list says of a unit. */
export const LISTED_FEATURES = 4;
