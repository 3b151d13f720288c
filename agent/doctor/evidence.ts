import type { MeterModel } from '../meters/model.ts';
import type { TerminalSettings } from '../system/termios.ts';
import type { Adapter } from './adapters.ts';
import type { Given } from './attempts.ts';
import type { Measured } from './measure.ts';
import type { Questions } from './questions.ts';
import type { Recognised } from './recognise.ts';
import type { Found, Searched } from './search.ts';

/** A line that is examined, as the configuration names it. */
export type Target = { kind: 'serial'; path: string } | { kind: 'tcp' | 'rtuOverTcp'; host: string; port: number };

/** What is known of one line when the examination ends; what has not been looked at is not there. */
export interface Evidence {
  target: Target;
  /** Of a serial port. */
  adapter?: Adapter;
  /** Why the line could not be opened, or was lost. */
  failure?: { message: string; when: 'opening' | 'examining' };
  /** It was ended before all was looked at: what is missing says nothing. */
  isStopped?: boolean;
  /** Another program has the port. */
  isHeld?: boolean;
  searched?: Searched;
  found?: Found;
  recognised?: Recognised;
  /** Other parities at which it answers as well. */
  toleratedParities?: TerminalSettings['parity'][];
  /** What it takes of the model's reads. */
  questions?: Questions;
  measured?: Measured;
  /** What was expected, by the command line or the configuration. */
  expected?: Given & {
    model?: MeterModel | undefined;
    modelName?: string | undefined;
    /** How long the collector is told to wait for an answer to begin, ms. */
    responseMs?: number | undefined;
    by: 'command line' | 'configuration';
    meter?: string;
  };
}
