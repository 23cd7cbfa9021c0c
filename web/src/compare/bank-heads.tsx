/** Head of a table with a row a metric and a column a bank. */
export function BankHeads({ names, colour }: { names: readonly string[]; colour: (bank: string) => string }) {
  return (
    <thead>
      <tr>
        <th scope="col">Metric</th>
        {names.map((name) => (
          <th key={name} scope="col" className="num">
            <i className="dot" style={{ background: colour(name) }} /> {name}
          </th>
        ))}
      </tr>
    </thead>
  );
}
