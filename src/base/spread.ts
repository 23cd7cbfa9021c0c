/** `count` whole numbers from `first` to `last`, evenly spread, each once: fewer where they coincide. */
export function spread(first: number, last: number, count: number): number[] {
  const numbers = Array.from({ length: count }, (_, i) =>
    Math.floor(first + ((last - first) * i) / Math.max(1, count - 1)),
  );
  return [...new Set(numbers)];
}
