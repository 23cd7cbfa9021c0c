import { Link } from '@tanstack/react-router';
import { Empty } from '../parts/states.tsx';

export function Lost() {
  return (
    <main id="main" className="page">
      <title>Not found · Polyseme</title>
      <h1 className="sr">Not found</h1>
      <Empty title="There is no such page">
        <p>Units are at /unit/BANK/INDEX, such as /unit/mlp.2/137.</p>
        <Link to="/" className="button">
          To the study
        </Link>
      </Empty>
    </main>
  );
}
