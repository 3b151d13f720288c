import type { Outcome } from '../backup/outcome.ts';
import type { StatusReport } from '../collector/status-report.ts';
import type { SinkReport } from '../forwarding/forward-report.ts';
import type { MachineFacts } from './machine.ts';
import type { MeterDay } from './meter-day.ts';
import type { Unit } from './units.ts';

/** What a configuration says that a fact is measured by. */
export interface Expected {
  /** Undefined where a command line says all of it. */
  file: string | undefined;
  /** Names of the stores that backups go to; undefined where none are configured. */
  stores: string[] | undefined;
  /** The weekly timer can restore a backup on trial: it has a key, or needs none. */
  drills: boolean;
}

/** How everything is: what `status` shows, and what its problems are found in. */
export interface Facts extends StatusReport {
  version: string;
  /** UTC ms. */
  nowMs: number;
  /** Undefined where only the state directory was named, or the configuration has mistakes. */
  expected: Expected | undefined;
  /** Why the configuration is not taken. */
  configProblem: { message: string; hint: string | undefined } | undefined;
  /** The agent's units; undefined where systemd does not run, or none is installed. */
  units: Unit[] | undefined;
  /** Of each meter, from the journal; none while that cannot be read. */
  meters: MeterDay[];
  /** The servers of `influxdb`; none while the journal cannot be read. */
  servers: SinkReport[];
  /** By the names of the stores. */
  backups: Record<string, Outcome>;
  machine: MachineFacts;
}
