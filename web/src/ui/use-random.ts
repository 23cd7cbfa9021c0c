import { useNavigate, useParams } from '@tanstack/react-router';
import { randomUnit } from '../source/query-options.ts';
import { sayTrouble } from './trouble.tsx';

/** Goes to a unit drawn by chance. On a unit's page the view, linkage and threshold stay. */
export function useRandom(): () => void {
  const navigate = useNavigate();
  const params = useParams({ strict: false });
  return () => {
    void randomUnit().then(
      ({ bank, index }) =>
        navigate({
          to: '/unit/$bank/$index',
          params: { bank, index },
          search: (before) =>
            params.bank === undefined ? {} : { ...before, feature: undefined, example: undefined },
        }),
      sayTrouble,
    );
  };
}
