import { HttpProblem } from '../../../../src/answers/problem.ts';
import { PolysemeError } from '../../../../src/errors.ts';
import { ApiError } from '../http.ts';

/** An error as pages know it. */
export function problemOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof HttpProblem) return new ApiError(error.status, error.message);
  if (error instanceof PolysemeError) return new ApiError(422, error.message);
  return new ApiError(500, error instanceof Error ? error.message : String(error));
}
