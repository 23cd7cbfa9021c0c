import { expect, test } from 'vitest';
import { MOST_RECENT, recentOf, withRecent } from '../../web/src/ui/recent.ts';

const unit = (index: number, title = `unit ${index}`) => ({ bank: 'mlp.0', index, title });

test('the unit looked at now comes first, and once; the oldest is forgotten', () => {
  let list = withRecent([], unit(0));
  for (let i = 1; i <= MOST_RECENT; i++) list = withRecent(list, unit(i));
  expect(list.map(({ index }) => index)).toEqual(
    Array.from({ length: MOST_RECENT }, (_, i) => MOST_RECENT - i),
  );
  list = withRecent(list, unit(5, 'x'.repeat(1000)));
  expect(list).toHaveLength(MOST_RECENT);
  expect(list[0]).toEqual({ bank: 'mlp.0', index: 5, title: 'x'.repeat(200) });
  expect(list.filter(({ index }) => index === 5)).toHaveLength(1);
  expect(withRecent(list, { ...unit(5), bank: 'mlp.1' })[1]).toEqual(list[0]);
});

test('what is stored is read again, whatever else is there', () => {
  const list = [unit(1), unit(2)];
  expect(recentOf(JSON.stringify(list))).toEqual(list);
  expect(recentOf('{')).toEqual([]);
  expect(recentOf('{}')).toEqual([]);
  expect(recentOf(JSON.stringify([null, 3, { bank: 'a' }, unit(1), { ...unit(2), index: 'x' }]))).toEqual([
    unit(1),
  ]);
});
