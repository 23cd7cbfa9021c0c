/** Lets whatever else waits for this thread (requests, a page's frame) have its turn; in Node and in browsers. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
