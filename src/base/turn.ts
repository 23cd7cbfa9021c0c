/** Lets whatever else waits for this thread (requests, a page's frame) have its turn; in Node and in browsers. */
export function nextTurn(): Promise<void> {
  // A timer waits for a millisecond at least; pages have nothing else.
  return new Promise((resolve) =>
    typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve, 0),
  );
}
