// Nearest-neighbour chains over a square f64 matrix of distances.
//
// A cluster has a place: a row of the matrix and, in the other rows, a column. A merged cluster takes the place of one of
// its two; its row is written at once, its column not: whatever row is read next fetches from the rows of the clusters
// made since it was last read what they say of it. (A column is a cache line of every row, and most of them would be
// written several times before they are read.) When half of the places (of many, a quarter) have fallen empty, the others are moved
// together, in their order: rows stay short, and the matrix sinks into the cache.
//
// Functions with loops are exported, so that engines compile each of them for itself, and the hot ones well.

/** Where the data start. The first page is the compiler's. */
const BASE: usize = 65_536;
/** Values between two looks at the least so far. */
const SEGMENT: usize = 4096;
/** Fewer places than this are not worth moving. */
const FEWEST_PLACES: i32 = 48;
/** With so many places a row is longer than what moving them costs. */
const MANY_PLACES: i32 = 1024;

/** Rows that are moved and made right together: four cache lines of what another row says of them. */
const TOGETHER: i32 = 32;

let count: i32 = 0;
// What the caller writes and reads.
export let merges: usize = 0;
export let heights: usize = 0;
export let membersA: usize = 0;
export let membersB: usize = 0;
export let strip: usize = 0;
let order: usize = 0;
let spare: usize = 0;
let parents: usize = 0;
let sizesOf: usize = 0;
let square: usize = 0;

// Of each place, by its number: 0 for a live cluster and infinity else (f64), points of the cluster (f64), the point that
// names it, the merge that made it (0: none), the merge up to which its row is right, the live cluster made before it and
// the one after it (−1: none).
let dead: usize = 0;
let sizes: usize = 0;
let names: usize = 0;
let made: usize = 0;
let seen: usize = 0;
let older: usize = 0;
let newer: usize = 0;
let chain: usize = 0;
let livePlaces: usize = 0;
let newPlaces: usize = 0;
/** While places are moved: of the live clusters that were made, their new places, in order. */
let madeRanks: usize = 0;
let madeCount: i32 = 0;

let places: i32 = 0;
let live: i32 = 0;
let stride: i32 = 0;
let newest: i32 = -1;

/**
 * Lays out the memory for `points` points, m being their number rounded up to a multiple of eight: first the tree
 * (4·m f64), heights of merges (m f64), members of the clusters merged (m i32, twice), a strip of `stripValues` f64.
 * Returns where the matrix starts.
 */
export function layOut(points: i32, stripValues: i32): usize {
  count = points;
  const m = (<usize>points + 7) & ~7;
  merges = BASE;
  heights = merges + 32 * m;
  membersA = heights + 8 * m;
  membersB = membersA + 4 * m;
  strip = membersB + 4 * m;
  dead = strip + 8 * ((<usize>stripValues + 7) & ~7);
  sizes = dead + 8 * (m + 8);
  names = sizes + 8 * m;
  made = names + 4 * m;
  seen = made + 4 * m;
  older = seen + 4 * m;
  newer = older + 4 * m;
  chain = newer + 4 * m;
  livePlaces = chain + 4 * m;
  newPlaces = livePlaces + 4 * m;
  madeRanks = newPlaces + 4 * m;
  order = madeRanks + 4 * m;
  spare = order + 4 * m;
  parents = spare + 4 * m;
  sizesOf = parents + 8 * m;
  square = (sizesOf + 8 * m + 63) & ~63;
  return square;
}

/** Values of a row of so many places: an odd number of cache lines, so that a column is spread over the cache. */
export function rowValues(points: i32): i32 {
  return (((points + 7) >> 3) | 1) << 3;
}

/** Every point is a cluster. */
export function begin(): void {
  stride = rowValues(count);
  places = count;
  live = count;
  newest = -1;
  for (let place = 0; place < count; place++) {
    setF64(sizes, place, 1);
    setI32(names, place, place);
    setI32(made, place, 0);
    setI32(seen, place, 0);
    setI32(older, place, -1);
    setI32(newer, place, -1);
  }
  markEnd();
}

/** Live places, then what fills the row up. */
function markEnd(): void {
  for (let place = 0; place < places; place++) setF64(dead, place, 0);
  for (let place = places; place < stride; place++) setF64(dead, place, Infinity);
}

/**
 * Copies distances of the rows `first` … `last` − 1 to later points, which lie in the strip, f64 if `wide` or else f32,
 * to both halves of the matrix. Returns the first value of the strip that is negative or not finite, or −1.
 */
export function fill(first: i32, last: i32, wide: bool): i32 {
  return wide ? fillFrom<f64>(first, last) : fillFrom<f32>(first, last);
}

function fillFrom<T>(first: i32, last: i32): i32 {
  let at = strip;
  for (let i = first; i < last; i++) {
    const row = rowOf(i);
    let worst: u64 = 0;
    for (let j = i + 1; j < count; j++) {
      const value = <f64>load<T>(at);
      at += sizeof<T>();
      store<f64>(row + ((<usize>j) << 3), value);
      // Of −0 as of 0; what is negative or not finite has bits from those of infinity on.
      worst = max(worst, reinterpret<u64>(value + 0.0));
    }
    if (worst >= 0x7ff0000000000000) return firstBad<T>();
    store<f64>(row + ((<usize>i) << 3), Infinity);
    for (let j = count; j < stride; j++) store<f64>(row + ((<usize>j) << 3), 0);
  }
  for (let j = first + 1; j < count; j++) mirror(j, first, min(j, last));
  return -1;
}

function firstBad<T>(): i32 {
  let at = strip;
  while (reinterpret<u64>(<f64>load<T>(at) + 0.0) < 0x7ff0000000000000) at += sizeof<T>();
  return <i32>((at - strip) / sizeof<T>());
}

/** Columns `first` … `last` − 1 of row `j`, from those rows' column. */
export function mirror(j: i32, first: i32, last: i32): void {
  const rowBytes = (<usize>stride) << 3;
  let from = rowOf(first) + ((<usize>j) << 3);
  let to = rowOf(j) + ((<usize>first) << 3);
  const end = rowOf(j) + ((<usize>last) << 3);
  while (to < end) {
    store<f64>(to, load<f64>(from));
    to += 8;
    from += rowBytes;
  }
}

/**
 * Merges clusters until there is one. A new chain starts at the lowest live place; the nearest neighbour is the previous
 * link of the chain where it ties, else the lowest of those that tie; the merged cluster takes the higher of the two
 * places. `method`: 0 average, 1 complete, 2 weighted.
 */
export function run(method: i32): void {
  let links = 0;
  let lowest = 0;
  for (let step = 1; step < count; step++) {
    if (places - live > places >> (places < MANY_PLACES ? 1 : 2) && places >= FEWEST_PLACES) {
      compact(step - 1, links);
      lowest = 0;
    }
    if (links == 0) {
      while (getF64(dead, lowest) != 0) lowest++;
      setI32(chain, links++, lowest);
    }
    let x: i32;
    let y: i32;
    for (;;) {
      x = getI32(chain, links - 1);
      const previous = links > 1 ? getI32(chain, links - 2) : -1;
      refresh(x, step - 1);
      y = nearest(rowOf(x), previous);
      if (y == previous) break;
      setI32(chain, links++, y);
    }
    links -= 2;
    const low = min(x, y);
    const high = max(x, y);
    refresh(y, step - 1);
    setI32(membersA, step - 1, getI32(names, low));
    setI32(membersB, step - 1, getI32(names, high));
    setF64(heights, step - 1, load<f64>(rowOf(x) + ((<usize>y) << 3)));
    blend(low, high, method);
    setF64(dead, low, Infinity);
    live--;
    setF64(sizes, high, getF64(sizes, low) + getF64(sizes, high));
    unlist(low);
    unlist(high);
    setI32(made, high, step);
    setI32(seen, high, step);
    setI32(older, high, newest);
    setI32(newer, high, -1);
    if (newest >= 0) setI32(newer, newest, high);
    newest = high;
  }
}

/** Takes a cluster that is merged from the list of those made. */
function unlist(place: i32): void {
  if (getI32(made, place) == 0) return;
  const before = getI32(older, place);
  const after = getI32(newer, place);
  if (before >= 0) setI32(newer, before, after);
  if (after >= 0) setI32(older, after, before);
  else newest = before;
}

/** Fetches for row `x` the distances to the clusters made since it was right. */
export function refresh(x: i32, now: i32): void {
  const since = getI32(seen, x);
  if (since == now) return;
  const row = rowOf(x);
  const column = (<usize>x) << 3;
  for (let c = newest; c >= 0 && getI32(made, c) > since; c = getI32(older, c)) {
    store<f64>(row + ((<usize>c) << 3), load<f64>(rowOf(c) + column));
  }
  setI32(seen, x, now);
}

/** The nearest live cluster to the one whose row lies at `row`: `previous` (−1: none) where it ties, else the lowest. */
export function nearest(row: usize, previous: i32): i32 {
  const bytes = (<usize>stride) << 3;
  let least = Infinity;
  let segment: usize = 0;
  for (let start: usize = 0; start < bytes; start += SEGMENT) {
    const end = min(start + SEGMENT, bytes);
    let m0 = f64x2.splat(Infinity),
      m1 = m0,
      m2 = m0,
      m3 = m0;
    for (let at = start; at < end; at += 64) {
      m0 = f64x2.pmin(m0, f64x2.add(v128.load(row + at, 0), v128.load(dead + at, 0)));
      m1 = f64x2.pmin(m1, f64x2.add(v128.load(row + at, 16), v128.load(dead + at, 16)));
      m2 = f64x2.pmin(m2, f64x2.add(v128.load(row + at, 32), v128.load(dead + at, 32)));
      m3 = f64x2.pmin(m3, f64x2.add(v128.load(row + at, 48), v128.load(dead + at, 48)));
    }
    m0 = f64x2.pmin(f64x2.pmin(m0, m1), f64x2.pmin(m2, m3));
    const first = f64x2.extract_lane(m0, 0);
    const second = f64x2.extract_lane(m0, 1);
    const here = second < first ? second : first;
    if (here < least) {
      least = here;
      segment = start;
    }
  }
  if (previous >= 0 && load<f64>(row + ((<usize>previous) << 3)) <= least) return previous;
  let at = segment;
  const sought = f64x2.splat(least);
  for (;;) {
    const a = f64x2.eq(f64x2.add(v128.load(row + at, 0), v128.load(dead + at, 0)), sought);
    const b = f64x2.eq(f64x2.add(v128.load(row + at, 16), v128.load(dead + at, 16)), sought);
    const c = f64x2.eq(f64x2.add(v128.load(row + at, 32), v128.load(dead + at, 32)), sought);
    const d = f64x2.eq(f64x2.add(v128.load(row + at, 48), v128.load(dead + at, 48)), sought);
    if (v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) break;
    at += 64;
  }
  while (load<f64>(row + at) + load<f64>(dead + at) != least) at += 8;
  return <i32>(at >> 3);
}

/** Rewrites the row of `high` as that of the cluster of both. Places of dead clusters get values that nothing reads. */
export function blend(low: i32, high: i32, method: i32): void {
  const rowLow = rowOf(low);
  const rowHigh = rowOf(high);
  const bytes = (<usize>stride) << 3;
  const weightLow = f64x2.splat(getF64(sizes, low));
  const weightHigh = f64x2.splat(getF64(sizes, high));
  const both = f64x2.add(weightLow, weightHigh);
  const half = f64x2.splat(0.5);
  for (let at: usize = 0; at < bytes; at += 16) {
    const a = v128.load(rowLow + at);
    const b = v128.load(rowHigh + at);
    let value: v128;
    if (method == 0) value = f64x2.div(f64x2.add(f64x2.mul(weightLow, a), f64x2.mul(weightHigh, b)), both);
    else if (method == 1) value = f64x2.pmax(a, b);
    else value = f64x2.mul(half, f64x2.add(a, b));
    v128.store(rowHigh + at, value);
  }
}

/** Moves the live places together, in their order. */
function compact(now: i32, links: i32): void {
  let rank = 0;
  madeCount = 0;
  for (let place = 0; place < places; place++) {
    if (getF64(dead, place) != 0) continue;
    if (getI32(made, place) > 0) setI32(madeRanks, madeCount++, rank);
    setI32(livePlaces, rank, place);
    setI32(newPlaces, place, rank++);
  }
  const newStride = rowValues(live);
  for (let first = 0; first < live; first += TOGETHER) {
    const last = min(first + TOGETHER, live);
    for (let k = first; k < last; k++) moveRow(k, newStride);
    refreshRows(first, last, newStride);
  }
  for (let k = 0; k < live; k++) {
    const place = getI32(livePlaces, k);
    setF64(sizes, k, getF64(sizes, place));
    setI32(names, k, getI32(names, place));
    setI32(made, k, getI32(made, place));
    setI32(seen, k, now);
    setI32(older, k, moved(getI32(older, place)));
    setI32(newer, k, moved(getI32(newer, place)));
  }
  newest = moved(newest);
  for (let link = 0; link < links; link++) setI32(chain, link, moved(getI32(chain, link)));
  places = live;
  stride = newStride;
  markEnd();
}

function moved(place: i32): i32 {
  return place < 0 ? -1 : getI32(newPlaces, place);
}

/** Moves row `k` of the live ones to where it shall lie: those before it lie there. */
export function moveRow(k: i32, newStride: i32): void {
  const row = rowOf(getI32(livePlaces, k));
  const to = square + ((<usize>k * <usize>newStride) << 3);
  for (let l = 0; l < live; l++) setF64(to, l, getF64(row, getI32(livePlaces, l)));
  for (let l = live; l < newStride; l++) setF64(to, l, 0);
}

/**
 * Makes rows `first` … `last` − 1 right, as `refresh` does it, these and those before them having been moved: together,
 * since what they fetch from a row lies together.
 */
export function refreshRows(first: i32, last: i32, newStride: i32): void {
  let since = i32.MAX_VALUE;
  for (let k = first; k < last; k++) since = min(since, getI32(seen, getI32(livePlaces, k)));
  const rowBytes = (<usize>newStride) << 3;
  const rows = square + <usize>first * rowBytes;
  for (let i = 0; i < madeCount; i++) {
    const column = getI32(madeRanks, i);
    const c = getI32(livePlaces, column);
    const birth = getI32(made, c);
    if (birth <= since) continue;
    const moved = column < last;
    const from = moved ? square + <usize>column * rowBytes : rowOf(c);
    let to = rows + ((<usize>column) << 3);
    for (let k = first; k < last; k++) {
      const x = getI32(livePlaces, k);
      if (birth > getI32(seen, x)) store<f64>(to, getF64(from, moved ? k : x));
      to += rowBytes;
    }
  }
}

/** Writes the tree: the merges sorted stably by height, each named by the clusters that its members are in by then. */
export function label(): void {
  const rows = count - 1;
  const sorted = sortByHeight(rows);
  for (let id = 0; id < count + rows; id++) {
    setI32(parents, id, id);
    setI32(sizesOf, id, 1);
  }
  for (let row = 0; row < rows; row++) {
    const k = getI32(sorted, row);
    const x = root(getI32(membersA, k));
    const y = root(getI32(membersB, k));
    const merged = count + row;
    setI32(parents, x, merged);
    setI32(parents, y, merged);
    setI32(sizesOf, merged, getI32(sizesOf, x) + getI32(sizesOf, y));
    setF64(merges, 4 * row, <f64>min(x, y));
    setF64(merges, 4 * row + 1, <f64>max(x, y));
    setF64(merges, 4 * row + 2, getF64(heights, k));
    setF64(merges, 4 * row + 3, <f64>getI32(sizesOf, merged));
  }
}

/** The cluster that holds `id` now, shortening the path to it. */
function root(id: i32): i32 {
  let top = id;
  while (getI32(parents, top) != top) top = getI32(parents, top);
  while (getI32(parents, id) != top) {
    const next = getI32(parents, id);
    setI32(parents, id, top);
    id = next;
  }
  return top;
}

/** Merges by rising height, of equal ones the earlier first: runs of eight by insertion, then run with run. */
export function sortByHeight(rows: i32): usize {
  for (let first = 0; first < rows; first += 8) {
    for (let i = first; i < min(first + 8, rows); i++) {
      const height = getF64(heights, i);
      let j = i;
      while (j > first && getF64(heights, getI32(order, j - 1)) > height) {
        setI32(order, j, getI32(order, j - 1));
        j--;
      }
      setI32(order, j, i);
    }
  }
  let from = order;
  let to = spare;
  for (let run = 8; run < rows; run <<= 1) {
    for (let first = 0; first < rows; first += 2 * run) mergeRuns(from, to, first, run, rows);
    const swapped = from;
    from = to;
    to = swapped;
  }
  return from;
}

export function mergeRuns(from: usize, to: usize, first: i32, run: i32, rows: i32): void {
  const middle = min(first + run, rows);
  const end = min(middle + run, rows);
  let i = first;
  let j = middle;
  for (let k = first; k < end; k++) {
    const left =
      i < middle && (j == end || getF64(heights, getI32(from, i)) <= getF64(heights, getI32(from, j)));
    setI32(to, k, getI32(from, left ? i++ : j++));
  }
}

function rowOf(place: i32): usize {
  return square + ((<usize>place * <usize>stride) << 3);
}

function getI32(values: usize, i: i32): i32 {
  return load<i32>(values + ((<usize>i) << 2));
}

function setI32(values: usize, i: i32, value: i32): void {
  store<i32>(values + ((<usize>i) << 2), value);
}

function getF64(values: usize, i: i32): f64 {
  return load<f64>(values + ((<usize>i) << 3));
}

function setF64(values: usize, i: i32, value: f64): void {
  store<f64>(values + ((<usize>i) << 3), value);
}
