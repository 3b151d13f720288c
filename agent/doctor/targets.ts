import type { Config, MeterConfig } from '../config/schema.ts';
import { findModel } from '../meters/catalogue.ts';
import type { Evidence, Target } from './evidence.ts';

/** One line to look at, and what is expected there. */
export interface Visit {
  target: Target;
  expected?: Evidence['expected'];
  otherUnits?: readonly number[];
}

function targetOf({ connection }: MeterConfig): Target {
  if ('serial' in connection) return { kind: 'serial', path: connection.serial };
  if ('tcp' in connection) return { kind: 'tcp', ...connection.tcp };
  return { kind: 'rtuOverTcp', ...connection.rtuOverTcp };
}

const nameOf = (target: Target) => (target.kind === 'serial' ? target.path : `${target.host}:${target.port}`);

/** The meters of a configuration, each where and how it should answer. */
export function visitsOf({ meters }: Config): Visit[] {
  return meters.map((meter) => {
    const { connection, name, model, unit, table } = meter;
    const target = targetOf(meter);
    const line = 'serial' in connection ? { baudRate: connection.baudRate, parity: connection.parity } : {};
    const others = meters.filter((other) => other !== meter && nameOf(targetOf(other)) === nameOf(target));
    return {
      target,
      expected: {
        by: 'configuration',
        meter: name,
        model: table ?? findModel(model),
        modelName: model,
        unit,
        responseMs: connection.responseTimeout,
        ...line,
      },
      otherUnits: others.map((other) => other.unit),
    };
  });
}
