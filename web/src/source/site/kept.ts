/** Answers by what they are of: each is made once, a failure is not kept, and those asked for long ago go. */
export class Kept<Key, T> {
  readonly #most: number;
  readonly #make: (key: Key) => Promise<T>;
  readonly #known = new Map<Key, Promise<T>>();

  constructor(most: number, make: (key: Key) => Promise<T>) {
    this.#most = most;
    this.#make = make;
  }

  get(key: Key): Promise<T> {
    let found = this.#known.get(key);
    if (found === undefined) {
      found = this.#make(key);
      found.catch(() => this.#known.delete(key));
    }
    this.#known.delete(key);
    this.#known.set(key, found);
    if (this.#known.size > this.#most) this.#known.delete(this.#known.keys().next().value!);
    return found;
  }
}

/** What is made when it is first asked for. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  const kept = new Kept<null, T>(1, make);
  return () => kept.get(null);
}
