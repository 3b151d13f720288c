import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDockerFile } from '../compose-files.ts';
import { METER, STOP_MS, ZONE } from './world.ts';

/** Rows of an answer, column by name; texts as InfluxDB writes them. */
export type Rows = Record<string, string>[];

interface Target {
  refId: string;
  query: string;
  datasource: { type: string; uid: string };
}

export interface DashboardFile {
  uid: string;
  title: string;
  time: { from: string; to: string };
  panels: { id: number; title: string; type: string; targets: Target[]; datasource: Target['datasource'] }[];
  templating: { list: { name: string; type: string; query: unknown; datasource?: Target['datasource'] }[] };
  annotations: { list?: { name: string; target?: Target; datasource?: Target['datasource'] }[] };
}

/** The files that Grafana loads. */
export const dashboard = (name: string): DashboardFile =>
  JSON.parse(readDockerFile(`grafana/dashboards/${name}.json`)) as DashboardFile;

export function queryOf(from: DashboardFile, title: string): string {
  const found = from.panels.find((panel) => panel.title === title);
  if (!found?.targets[0]) throw new Error(`${from.title} has no panel ${title}`);
  return found.targets[0].query;
}

/** What a page fills in. */
export interface Page {
  fromMs: number;
  toMs: number;
  /** Milliseconds a pixel is wide, as Grafana rounds it. */
  intervalMs: number;
  variables: Readonly<Record<string, string>>;
}

export const PAGE: Page = {
  fromMs: STOP_MS - 24 * 3_600_000,
  toMs: STOP_MS,
  intervalMs: 120_000,
  variables: { meter: METER, zone: ZONE, price: '0.25', host: 'raspberrypi' },
};

/** A query as Grafana sends it: its variables first, then what begins with v (grafana/pkg/tsdb/influxdb/flux/macros.go). */
export function asGrafana(query: string, { fromMs, toMs, intervalMs, variables }: Page): string {
  return query
    .replaceAll(/\$\{(\w+)(?::(\w+))?\}/g, (whole, name: string, format?: string) => {
      const value = variables[name];
      if (value === undefined) throw new Error(`${whole} is no variable of the page`);
      if (format !== undefined && format !== 'raw') throw new Error(`${whole}: only raw is known here`);
      return value;
    })
    .replaceAll('v.timeRangeStart', new Date(fromMs).toISOString())
    .replaceAll('v.timeRangeStop', new Date(toMs).toISOString())
    .replaceAll('v.windowPeriod', `${intervalMs}ms`);
}

/** Annotated CSV without annotations; each table has a head of its own. */
function parseCsv(text: string): Rows {
  return text
    .trim()
    .split(/\r?\n\r?\n/)
    .flatMap((table) => {
      const [head = '', ...lines] = table.split(/\r?\n/);
      const names = head.split(',');
      return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i] ?? '', cell])));
    });
}

interface Recorded {
  script: string;
  csv: string;
}

/**
 * Answers to queries: of a real server, or where there is none those that it gave when they were recorded (RECORD_ANSWERS=1).
 * An answer to another script than today's does not count.
 */
export class Answers {
  readonly #send: ((script: string) => Promise<string>) | undefined;
  readonly #path: string | undefined;
  readonly #recorded: Record<string, Recorded>;

  /** @param file one for each file of tests: they run side by side; none for answers that are only of now */
  constructor(file: string | undefined, send: ((script: string) => Promise<string>) | undefined) {
    this.#send = send;
    this.#path = file && join(import.meta.dirname, 'answers', `${file}.json`);
    const text = this.#path && existsSync(this.#path) ? readFileSync(this.#path, 'utf8') : '{}';
    this.#recorded = JSON.parse(text) as Record<string, Recorded>;
  }

  /** @param name of this answer among the recorded ones */
  async ask(name: string, query: string, page: Page = PAGE): Promise<Rows> {
    const text = asGrafana(query, page);
    const script = createHash('sha256').update(text).digest('hex').slice(0, 16);
    if (this.#send) {
      const csv = await this.#send(text);
      if (process.env.RECORD_ANSWERS === '1') this.#keep(name, { script, csv: csv.trimEnd() });
      return parseCsv(csv);
    }
    const recorded = this.#recorded[name];
    if (recorded?.script !== script) {
      throw new Error(
        `the answer ${name} was recorded for another query: record it anew with RECORD_ANSWERS=1 and an influxd`,
      );
    }
    return parseCsv(recorded.csv);
  }

  #keep(name: string, answer: Recorded): void {
    if (!this.#path) return;
    this.#recorded[name] = answer;
    const sorted = Object.entries(this.#recorded).sort(([a], [b]) => (a < b ? -1 : 1));
    writeFileSync(this.#path, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
  }
}
