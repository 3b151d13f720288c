/**
 * What the machine itself does to a timer: sleeps to each second of the wall clock, as the collector's grid does, and does
 * nothing then. Prints how late each one was, in ms, when it is ended.
 */
const lateMs: number[] = [];
const next = () =>
  setTimeout(
    () => {
      const sinceSecond = Date.now() % 1000;
      lateMs.push(sinceSecond > 900 ? 0 : sinceSecond);
      next();
    },
    1000 - (Date.now() % 1000),
  );
next();
process.once('SIGTERM', () => {
  process.stdout.write(JSON.stringify(lateMs), () => process.exit(0));
});
