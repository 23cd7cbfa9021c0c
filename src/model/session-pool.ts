import type { Session } from './session.ts';

/** Sessions kept open; each holds its own packed copy of the weights that it multiplies by. */
const KEPT = 2;

/** The sessions of one model: those that were used last are kept open. */
export class SessionPool {
  readonly #open = new Map<string, Session>();

  /** The session of a key, opened unless it is. */
  async get(key: string, open: () => Promise<Session>): Promise<Session> {
    const known = this.#open.get(key);
    if (known !== undefined) {
      this.#open.delete(key);
      this.#open.set(key, known);
      return known;
    }
    const session = await open();
    this.#open.set(key, session);
    if (this.#open.size > KEPT) {
      const oldest = this.#open.keys().next().value!;
      await this.#open.get(oldest)!.close();
      this.#open.delete(oldest);
    }
    return session;
  }

  /** Closes the session of a key, if it is open. */
  async release(key: string): Promise<void> {
    const session = this.#open.get(key);
    this.#open.delete(key);
    await session?.close();
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#open.keys(), (key) => this.release(key)));
  }
}
