import { useRouteContext } from '@tanstack/react-router';
import { Empty, HomeLink } from '../ui/states.tsx';

export function Lost() {
  const { served } = useRouteContext({ from: '__root__' });
  return (
    <main id="main" className="page">
      <title>Not found · Polyseme</title>
      <h1 className="sr">Not found</h1>
      <Empty title="There is no such page">
        {served.study && <p>Units are at /unit/BANK/INDEX, such as /unit/mlp.2/137.</p>}
        <HomeLink />
      </Empty>
    </main>
  );
}
