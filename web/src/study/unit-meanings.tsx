import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { unitQuery } from '../source/query-options.ts';
import { Meanings } from '../ui/meanings.tsx';

/** Features that are named. */
const NAMED = 3;
/** Milliseconds that the pointer rests on a point before its unit is asked for. */
const REST = 120;

/** What a unit's largest features are, asked for once the pointer rests; opening the unit then waits for nothing. */
export function UnitMeanings({ bank, index }: { bank: string; index: number }) {
  const name = `${bank}/${index}`;
  const [settled, setSettled] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSettled(name), REST);
    return () => clearTimeout(timer);
  }, [name]);
  const { data, error, isPlaceholderData } = useQuery({
    ...unitQuery(bank, index),
    enabled: settled === name,
  });
  if (error !== null) return null;
  if (data === undefined || isPlaceholderData) return <p className="muted">…</p>;
  const sizes = data.features.map(({ size }) => size);
  return (
    <p className="point-meanings">
      <Meanings unit={{ sizes, stray: data.stray.length, features: data.features.slice(0, NAMED) }} />
    </p>
  );
}
