/** Share of the axis within which curves cannot be told apart. */
const NEAR = 0.004;
/** Length of a dash, in pixels. */
const DASH = 9;

interface Line {
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
}

/**
 * Dashes for curves that hide each other: those that coincide are drawn in turns, so that each shows through the others. Undefined for
 * a curve that stands alone.
 * @param range length of the vertical axis
 */
export function turns(
  curves: readonly Line[],
  range: number,
): ({ dash: string; offset: number } | undefined)[] {
  const sets: number[][] = [];
  curves.forEach((curve, i) => {
    const set = sets.find(([first]) => coincide(curves[first!]!, curve, NEAR * range));
    if (set === undefined) sets.push([i]);
    else set.push(i);
  });
  const found: ({ dash: string; offset: number } | undefined)[] = curves.map(() => undefined);
  for (const set of sets) {
    if (set.length < 2) continue;
    set.forEach((curve, place) => {
      found[curve] = { dash: `${DASH} ${DASH * (set.length - 1)}`, offset: -DASH * place };
    });
  }
  return found;
}

/** Whether two curves have values at the same places, nearly the same ones. */
function coincide(a: Line, b: Line, near: number): boolean {
  const byX = new Map(a.x.map((x, i) => [x, a.y[i]]));
  let shared = 0;
  for (let i = 0; i < b.x.length; i++) {
    const [one, other] = [byX.get(b.x[i]!), b.y[i]];
    if (one == null || other == null) continue;
    if (Math.abs(one - other) > near) return false;
    shared++;
  }
  return shared > 1;
}
