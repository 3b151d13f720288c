// node:sqlite announces itself as a release candidate in each worker.
const warn = process.emitWarning.bind(process);
process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
  if (String(warning).includes('SQLite')) return;
  (warn as (...args: unknown[]) => void)(warning, ...rest);
}) as typeof process.emitWarning;
