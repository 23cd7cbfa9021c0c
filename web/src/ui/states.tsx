import { Link, useRouteContext } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ApiError } from '../source/http.ts';
import { firstPage } from './first-page.ts';

export function Loading({ what }: { what: string }) {
  return (
    <div className="state" role="status">
      <div className="pulse" />
      <span>Loading {what} …</span>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A line among a page's panels. */
export function Note({ isBad = false, children }: { isBad?: boolean; children: ReactNode }) {
  return <p className={`trainings-note small wrap ${isBad ? 'bad' : 'muted'}`}>{children}</p>;
}

/** Of a page that keeps asking, and shows what it last heard. */
export function NotAnswering() {
  return <Note isBad>The server does not answer: what follows is how things stood when it last did.</Note>;
}

/** What went wrong, in the server's words, and a way on. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const missing = error instanceof ApiError && error.status === 404;
  return (
    <div className="state" role="alert">
      <h2>{missing ? 'Not in this study' : 'That did not work'}</h2>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      <div className="controls">
        {missing || (
          <button type="button" className="button" onClick={onRetry ?? (() => window.location.reload())}>
            Try again
          </button>
        )}
        <HomeLink />
      </div>
    </div>
  );
}

/** Back to the first page. */
export function HomeLink() {
  const { served } = useRouteContext({ from: '__root__' });
  return (
    <Link to="/" className="button">
      To the {firstPage(served).name}
    </Link>
  );
}
