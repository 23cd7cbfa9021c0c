import { compile } from '../dist/model/compile.js';
import { openBackend } from '../dist/model/open-backend.js';
import { Session } from '../dist/model/session.js';
import { seconds } from './report.mjs';

/** Contexts run together. */
const ROWS = 8;

/** Seconds of the bare forward pass up to a site over contexts of `length` tokens, the opening of the session left out. */
export async function bareForward(model, site, contexts, length, threads) {
  const session = await Session.open(await openBackend(), compile(model.files, [site]), threads);
  const elapsed = await seconds(() => forward(session, contexts, length));
  await session.close();
  return elapsed;
}

/** Runs contexts of `length` tokens. */
export async function forward(session, contexts, length) {
  for (let first = 0; first < contexts.length; first += ROWS) {
    const rows = contexts.slice(first, first + ROWS);
    const tokens = new Int32Array(rows.length * length);
    for (const [row, context] of rows.entries()) tokens.set(context.tokens, row * length);
    await session.run(tokens, rows.length, length);
  }
}
