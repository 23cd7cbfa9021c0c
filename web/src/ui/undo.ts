import { useRouter } from '@tanstack/react-router';
import { useEffect } from 'react';

/** Ctrl-Z goes back to the cut before and Ctrl-Y (Ctrl-Shift-Z) forward again, as long as that stays on the same page. */
export function useUndo(page: string): void {
  const { history } = useRouter();
  useEffect(() => {
    // Another page begins anew, even if the URL says it before the page is there.
    const path = page === '' ? '' : history.location.pathname;
    let steps = 0;
    let undone = 0;
    const stop = history.subscribe(({ action, location }) => {
      if (location.pathname !== path) return;
      if (action.type === 'PUSH') {
        steps++;
        undone = 0;
      }
    });
    const onKey = (event: KeyboardEvent) => {
      const key = event.key.toLowerCase();
      if (!(event.ctrlKey || event.metaKey) || event.altKey || isField(event.target)) return;
      const back = key === 'z' && !event.shiftKey;
      const forward = key === 'y' || (key === 'z' && event.shiftKey);
      if ((back && steps > 0) || (forward && undone > 0)) {
        event.preventDefault();
        steps += back ? -1 : 1;
        undone += back ? 1 : -1;
        if (back) history.back();
        else history.forward();
      }
    };
    window.addEventListener('keydown', onKey);
    return () => {
      stop();
      window.removeEventListener('keydown', onKey);
    };
  }, [history, page]);
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(INPUT|TEXTAREA)$/.test(target.tagName);
}
