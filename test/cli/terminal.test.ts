import { afterEach, expect, it, vi } from 'vitest';
import { Progress, peakMark } from '../../src/cli/terminal.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('tells no time left that grows while the work waits, and an end once', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  vi.stubGlobal('process', {
    ...process,
    stderr: { isTTY: false, write: (line: string) => lines.push(line) },
  });
  const lines: string[] = [];
  const progress = new Progress();
  const show = (seconds: number, done: number): void => {
    vi.advanceTimersByTime(1000 * seconds);
    progress.show('work', done, 4, 'jobs');
  };
  show(0, 0);
  show(5, 1);
  show(5, 1);
  show(5, 1);
  show(5, 2);
  show(1, 4);
  show(1, 4);
  vi.unstubAllGlobals();
  expect(lines).toEqual([
    'work: 0 of 4 jobs\n',
    'work: 1 of 4 jobs, 0.2/s, 15 s left\n',
    'work: 1 of 4 jobs, 0.2/s, 15 s left\n',
    'work: 1 of 4 jobs\n',
    'work: 2 of 4 jobs, 0.1/s, 20 s left\n',
    'work: 4 of 4 jobs, 0.19/s\n',
  ]);
});

it('marks the token of a peak without colours, but not the space before it', () => {
  expect(peakMark(' war')).toBe(' «war»');
  expect(peakMark('\n\twar')).toBe('↵⇥«war»');
  expect(peakMark('\n')).toBe('«↵»');
  expect(peakMark(' ')).toBe('« »');
  expect(peakMark('')).toBe('«»');
  expect(peakMark('\u001b[31m')).toBe('«␛[31m»');
  expect(peakMark(' war', (text) => `_${text}_`)).toBe(' «_war_»');
});
