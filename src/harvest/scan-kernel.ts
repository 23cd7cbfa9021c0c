/** What kernels/harvest.ts gives to the scanner of a bank; it says what each is given. */
export interface ScanExports {
  scanUnits(
    data: number,
    contexts: number,
    rows: number,
    positions: number,
    units: number,
    stride: number,
    valid: number,
    offsets: number,
    bounds: number,
    sign: number,
    statistics: number,
    high: number,
    low: number,
    max: number,
    min: number,
    active: number,
    histogram: number,
    best: number,
    pitch: number,
    faults: number,
  ): number;
  places(
    data: number,
    positions: number,
    stride: number,
    valid: number,
    sign: number,
    best: number,
    where: number,
    exponents: number,
  ): void;
  windows(
    data: number,
    positions: number,
    units: number,
    exponents: number,
    pitch: number,
    apart: number,
    to: number,
  ): void;
  halve(from: number, count: number, to: number): number;
  copy(to: number, from: number, bytes: number): void;
}

/** The parts of the memory that it works in. */
export type ScanRegion =
  | 'high'
  | 'low'
  | 'max'
  | 'min'
  | 'active'
  | 'histogram'
  | 'best'
  | 'where'
  | 'exponents'
  | 'scratch'
  | 'half'
  | 'windows'
  | 'row'
  | 'valid'
  | 'positions'
  | 'offsets'
  | 'bounds'
  | 'faults'
  | 'data';
