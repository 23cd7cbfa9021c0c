import { useSyncExternalStore } from 'react';

/** Width of a window up to which pages are laid out for a phone, as styles have it. */
export const NARROW = '(max-width: 720px)';

/** Whether a media query holds, now and later. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = window.matchMedia(query);
      list.addEventListener('change', changed);
      return () => list.removeEventListener('change', changed);
    },
    () => window.matchMedia(query).matches,
  );
}
