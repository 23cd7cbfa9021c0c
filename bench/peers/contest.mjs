// Contestants are processes that do the same work, one after another, round by round.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Starts a contestant: its answers are lines of JSON; `{ missing }` says why it cannot run. */
export async function openContestant({ name, command, env = {} }) {
  const child = spawn(command[0], command.slice(1).map(String), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint = (complaint + text).slice(-2000);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = new Promise((_, reject) => child.once('error', reject));
  const next = async () => {
    for (;;) {
      const { done, value } = await Promise.race([lines.next(), failed]);
      if (done) {
        const why = complaint.trim().split('\n').at(-1) || child.signalCode || 'no reason given';
        throw new Error(`${name} ended: ${why}`);
      }
      // What libraries print of themselves.
      if (value.startsWith('{')) return JSON.parse(value);
    }
  };
  const { missing, version } = await next();
  return {
    missing: missing ?? null,
    version: version ?? null,
    run() {
      child.stdin.write('run\n');
      return next();
    },
    close: () => child.kill(),
  };
}

/**
 * Runs what can be run, in turn, one round to warm up and `rounds` that count.
 * @param warm false: no first round
 * @returns the contestants that ran, with their answers by round, and those that could not
 */
export async function contest(contestants, { rounds, warm = true, progress }) {
  const ran = [];
  const missing = [];
  try {
    for (const contestant of contestants) {
      progress(`${contestant.name}: starts`);
      try {
        const opened = await openContestant(contestant);
        if (opened.missing === null) ran.push({ ...contestant, ...opened, answers: [] });
        else missing.push({ name: contestant.name, why: opened.missing });
      } catch (error) {
        if (!mayBeMissing(contestant)) throw error;
        missing.push({ name: contestant.name, why: error.message });
      }
    }
    for (let round = warm ? -1 : 0; round < rounds; round++) {
      for (const one of [...ran]) {
        try {
          const found = await one.run();
          const which = round < 0 ? 'warm-up' : `round ${round + 1} of ${rounds}`;
          progress(`${one.name}: ${which}, ${found.cpu.toFixed(2)} processor seconds`);
          if (round >= 0) one.answers.push(found);
        } catch (error) {
          if (!mayBeMissing(one)) throw error;
          ran.splice(ran.indexOf(one), 1);
          missing.push({ name: one.name, why: error.message });
        }
      }
    }
  } finally {
    for (const one of ran) one.close();
  }
  return { ran, missing };
}

/** Whether it is enough to say that a contestant cannot run: a peer, or a device that may not be there. */
function mayBeMissing({ kind, optional = false }) {
  return kind === 'peer' || optional;
}
