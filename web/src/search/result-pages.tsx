import { Link } from '@tanstack/react-router';
import { FOUND_PAGE } from '../source/query-options.ts';
import { formatWhole } from '../ui/metric-info.ts';
import type { FindSearch } from '../ui/url-state.ts';

/** The way through all pages of what was found. @param page from 1 */
export function ResultPages({ search, page, total }: { search: FindSearch; page: number; total: number }) {
  const last = Math.ceil(total / FOUND_PAGE);
  if (last <= 1) return null;
  const to = (target: number, name: string, label: string) =>
    target < 1 || target > last || target === page ? (
      <span className="button" aria-disabled="true">
        {name}
      </span>
    ) : (
      <Link
        to="/search"
        search={{ ...search, page: target === 1 ? undefined : target }}
        className="button"
        aria-label={label}
      >
        {name}
      </Link>
    );
  return (
    <nav className="result-pages" aria-label="Pages of results">
      {to(1, '«', 'First page')}
      {to(page - 1, 'Previous', 'Previous page')}
      <span className="muted num">
        page {formatWhole(page)} of {formatWhole(last)}
      </span>
      {to(page + 1, 'Next', 'Next page')}
      {to(last, '»', 'Last page')}
    </nav>
  );
}
