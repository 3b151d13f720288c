import type { MeterModel } from '../meters/model.ts';
import type { ServiceTables } from '../meters/service/tables.ts';
import type { BusTiming } from '../modbus/bus.ts';
import type { Connector, Wire } from '../modbus/connection.ts';

/** A meter that a person wants to look at or to set. */
export interface Target {
  model: MeterModel;
  tables: ServiceTables;
  unit: number;
  /** Is it on a port of this machine? Of a line behind a gateway the settings are the gateway's. */
  isSerial: boolean;
  /** Opens its line; with other settings where they are named. */
  connect(changed?: Partial<Wire>): Connector;
  /** Longest wait for its answers to begin, ms; undefined: the model's, or the line's. */
  responseMs: number | undefined;
  timing?: BusTiming;
}
