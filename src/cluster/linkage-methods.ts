export const linkageMethods = ['average', 'complete', 'single', 'weighted'] as const;

/** How the distance between two clusters follows from those between their points. */
export type LinkageMethod = (typeof linkageMethods)[number];
