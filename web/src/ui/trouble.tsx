import { useEffect, useSyncExternalStore } from 'react';

// What went wrong at something that has no place of its own on the page, such as a key.

let said = '';
const listeners = new Set<() => void>();

function say(text: string): void {
  said = text;
  for (const listener of listeners) listener();
}

/** Tells the reader of an error. */
export function sayTrouble(error: unknown): void {
  say(error instanceof Error ? error.message : String(error));
}

/** How long it stands, in milliseconds. */
const STANDS = 8000;

/** The last error that was told. */
export function Trouble() {
  const text = useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => said,
  );
  useEffect(() => {
    if (text === '') return;
    const timer = setTimeout(() => say(''), STANDS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div role="alert" className={text === '' ? 'sr' : 'explanation trouble bad'}>
      {text}
    </div>
  );
}
