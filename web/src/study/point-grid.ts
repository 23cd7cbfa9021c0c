/** Finds the point nearest to a place among many: points in square cells, searched ring by ring. */
export class PointGrid {
  readonly #cells = new Map<number, number[]>();
  readonly #x: Float32Array;
  readonly #y: Float32Array;
  readonly #cell: number;

  /** @param x, y places in pixels; NaN leaves a point out */
  constructor(x: Float32Array, y: Float32Array, cell = 16) {
    this.#x = x;
    this.#y = y;
    this.#cell = cell;
    for (let i = 0; i < x.length; i++) {
      if (Number.isNaN(x[i]!) || Number.isNaN(y[i]!)) continue;
      const key = this.#key(Math.floor(x[i]! / cell), Math.floor(y[i]! / cell));
      const points = this.#cells.get(key);
      if (points === undefined) this.#cells.set(key, [i]);
      else points.push(i);
    }
  }

  /** The nearest point within `reach` pixels (at most one cell), or −1. */
  nearest(px: number, py: number, reach: number): number {
    const column = Math.floor(px / this.#cell);
    const row = Math.floor(py / this.#cell);
    let found = -1;
    let best = reach * reach;
    for (let dx = -1; dx <= 1; dx++) {
      for (let dy = -1; dy <= 1; dy++) {
        for (const i of this.#cells.get(this.#key(column + dx, row + dy)) ?? []) {
          const distance = (this.#x[i]! - px) ** 2 + (this.#y[i]! - py) ** 2;
          if (distance > best || (distance === best && found >= 0)) continue;
          best = distance;
          found = i;
        }
      }
    }
    return found;
  }

  #key(column: number, row: number): number {
    return column * 65_536 + row;
  }
}
