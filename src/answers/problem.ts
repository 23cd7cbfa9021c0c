/** A question that has no answer, with the HTTP status that says why. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

/** @param known names of the study's banks */
export function noBank(name: string, known: readonly string[]): HttpProblem {
  return new HttpProblem(404, `the study has no bank ${JSON.stringify(name)} (it has ${known.join(', ')})`);
}

/** @param units that the bank has */
export function noUnit(bank: string, index: number, units: number): HttpProblem {
  return new HttpProblem(
    404,
    index < units
      ? `unit ${bank}/${index} is not in the study yet: its run was not finished`
      : `bank ${bank} has no unit ${index}: its units go from 0 to ${units - 1}`,
  );
}
