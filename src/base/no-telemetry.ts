/**
 * Called before ONNX Runtime is loaded, which otherwise tells Microsoft of each use, and keeps files for that in the
 * folder of temporary files and in the user's cache. Only the main thread can say so for the process: a worker thread has
 * a copy of the environment, so that it must have been said before the thread was started. Who has said something else stays
 * with it.
 */
export function withoutTelemetry(): void {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
}
