/** Numbers that the server and the explorer share. */

/** Most units of a bank that a comparison at equal numbers of examples splits again: about a second a bank. */
export const MATCHED_UNITS = 300;
/** Most banks of such a comparison. */
export const MATCHED_BANKS = 6;

/** Features that a list says of a unit. */
export const LISTED_FEATURES = 4;
