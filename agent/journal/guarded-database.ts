import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Guarded, guardedReads } from './damage-note.ts';
import { Waiting } from './waiting.ts';

/**
 * For who uses the journal's tables beside those of another database: SQLite's errors do not tell which file they are of.
 * What goes wrong with this one is an AgentError about the journal, and a damaged file is told to the collector.
 * @param open opens it
 * @throws AgentError
 */
export function guardedDatabase(stateDir: string, open: () => DatabaseSync): DatabaseSync {
  let waiting: Waiting | undefined;
  const guarded = guardedReads(stateDir, () => waiting?.runtimeDirectory());
  const db = guarded(open);
  const prepare = db.prepare.bind(db);
  const exec = db.exec.bind(db);
  waiting = new Waiting(stateDir, { prepare } as DatabaseSync);
  return Object.assign(db, {
    prepare: (sql: string) =>
      guardedStatement(
        guarded(() => prepare(sql)),
        guarded,
      ),
    exec: (sql: string) => guarded(() => exec(sql)),
  });
}

function guardedStatement(statement: StatementSync, guarded: Guarded): StatementSync {
  const get = statement.get.bind(statement) as (...values: never[]) => unknown;
  const all = statement.all.bind(statement) as (...values: never[]) => unknown;
  const run = statement.run.bind(statement) as (...values: never[]) => unknown;
  const iterate = statement.iterate.bind(statement) as (...values: never[]) => Iterator<unknown>;
  return Object.assign(statement, {
    get: (...values: never[]) => guarded(() => get(...values)),
    all: (...values: never[]) => guarded(() => all(...values)),
    run: (...values: never[]) => guarded(() => run(...values)),
    iterate: (...values: never[]) => {
      const rows = guarded(() => iterate(...values));
      const next = () => rows.next();
      return {
        next: () => guarded(next),
        return: () => rows.return?.() ?? { done: true, value: undefined },
        [Symbol.iterator]() {
          return this;
        },
      };
    },
  }) as unknown as StatementSync;
}
