/**
 * The longest that a worker waits before it tries again to reach a server that was away (what BullMQ waits at most, and some
 * more), in milliseconds.
 */
export const RETURNS_WITHIN = 25_000;

/** Whether there is anybody who works, as a run tells it: once, until there is again. */
export class Attendance {
  #isAlone = false;

  /**
   * @param workers how many are at the queue
   * @param sinceBack milliseconds since its server came back from being away: its workers may not have noticed yet
   * @returns whether it is to be said that there is none
   */
  lacks(workers: number, sinceBack: number): boolean {
    const wasAlone = this.#isAlone;
    this.#isAlone = workers === 0 && (wasAlone || sinceBack > RETURNS_WITHIN);
    return this.#isAlone && !wasAlone;
  }
}
