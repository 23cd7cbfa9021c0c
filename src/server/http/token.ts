import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { HttpProblem } from '../../answers/problem.ts';

const COOKIE = 'polyseme-token';
/** Seconds that a browser keeps it: a week. */
const MAX_AGE = 7 * 24 * 3600;
/** What a program that watches the server may ask without it. */
const OPEN = '/healthz';

/**
 * Answers only requests that bring the token: in a header (`Authorization: Bearer TOKEN`), in the cookie that the first
 * address with `?token=TOKEN` sets, or in that address itself, which leads on to the same without it.
 */
export function demandToken(token: string): MiddlewareHandler {
  const expected = digest(token);
  // Of equal length, and compared in the same time wherever they differ.
  const isRight = (given: string | undefined): boolean =>
    given !== undefined && timingSafeEqual(digest(given), expected);
  return async (c, next) => {
    if (c.req.path === OPEN) return next();
    const bearer = /^Bearer (.+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (isRight(bearer) || isRight(getCookie(c, COOKIE))) return next();
    const url = new URL(c.req.url);
    if (!isRight(url.searchParams.get('token') ?? undefined)) {
      throw new HttpProblem(
        401,
        'this server asks for its token: open the address that polyseme serve printed, or send Authorization: Bearer TOKEN',
        { 'www-authenticate': 'Bearer' },
      );
    }
    setCookie(c, COOKIE, token, { httpOnly: true, sameSite: 'Lax', path: '/', maxAge: MAX_AGE });
    url.searchParams.delete('token');
    return c.redirect(url.pathname + url.search, 303);
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
