/** Longest text that is probed, in characters. */
export const MAX_TEXT = 1 << 17;
/** Most units of one token. */
export const MOST_UNITS = 32;

/** Contexts that effects are measured in, unless told otherwise, and at most. */
export const USUAL_CONTEXTS = 100;
export const MOST_CONTEXTS = 1000;
/** Scales of an activation: from turned around to strong steering. */
export const SCALES = [-1, 10] as const;

/** Longest note on a unit or feature, in characters. */
export const MAX_NOTE = 10_000;
/** Values of an image that is classified; a larger one would not fit a request. */
export const MOST_PIXELS = 1 << 18;
/** Characters of the query of a search that is kept. */
export const MAX_SEARCH = 2000;
