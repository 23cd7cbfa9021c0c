/** Longest text that is probed, in characters. */
export const MAX_TEXT = 1 << 17;
/** Most units of one token. */
export const MOST_UNITS = 32;
