import { expect, test } from 'vitest';
import { Attendance, RETURNS_WITHIN } from '../../../src/run/queue/attendance.ts';

test('that there is no worker is said once, and not while they may still come back', () => {
  const attendance = new Attendance();
  const never = Number.POSITIVE_INFINITY;
  const looks: [workers: number, sinceBack: number, isSaid: boolean][] = [
    [0, never, true],
    [0, never, false],
    [2, never, false],
    [0, never, true],
    [1, never, false],
    // The server was away: nobody is back at first.
    [0, 10, false],
    [0, RETURNS_WITHIN, false],
    [1, RETURNS_WITHIN + 1, false],
    [0, 10, false],
    [0, RETURNS_WITHIN + 1, true],
    // It was away again, and is still alone.
    [0, 10, false],
    [0, RETURNS_WITHIN + 1, false],
  ];
  for (const [i, [workers, sinceBack, isSaid]] of looks.entries())
    expect(attendance.lacks(workers, sinceBack), `look ${i}`).toBe(isSaid);
});
