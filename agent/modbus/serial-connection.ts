import { constants, existsSync, readSync, realpathSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { SerialPort } from 'serialport';
import { AgentError, errnoOf, messageOf } from '../system/errors.ts';
import { type Connection, type Connector, type Wire, wireText } from './connection.ts';

/** A driver that never reports the close must not hang the agent (bindings-cpp 162). */
const CLOSE_BOUND_MS = 1000;
const OPEN_BOUND_MS = 5000;
/** A hang-up can pass without any event while the driver reads nothing for ever (bindings-cpp 162): so it is looked for. */
const PRESENCE_MS = 500;
const WASTE = Buffer.alloc(512);

/** Why the port did not open, as a sentence with a remedy. serialport sets no `code`, so its text and the file decide. */
async function openError(path: string, cause: Error): Promise<AgentError> {
  if (/lock port|temporarily unavailable|busy/i.test(cause.message)) {
    return new AgentError('unavailable', `serial port ${path} is held by another program`, {
      retryable: true,
      hint: `find it with: fuser -v ${path}`,
      cause,
    });
  }
  const missing = await access(path, constants.F_OK).then(
    () => false,
    (error) => errnoOf(error) === 'ENOENT',
  );
  if (missing) {
    return new AgentError('unavailable', `serial port ${path} is not there`, {
      retryable: true,
      hint: 'plug the adapter in and look for its name with: ls -l /dev/serial/by-id /dev/ttyUSB* /dev/ttyACM*',
      cause,
    });
  }
  if (/permission|EACCES/i.test(cause.message)) {
    return new AgentError('permission', `no permission to open serial port ${path}`, {
      retryable: true,
      hint: 'add your user to the group that owns it (sudo usermod -aG dialout $USER) and log in again',
      cause,
    });
  }
  return new AgentError(
    'unavailable',
    `serial port ${path} cannot be opened: ${cause.message.replace(/^Error:?\s*/, '')}`,
    {
      retryable: true,
      hint: 'check that the path names a serial adapter',
      cause,
    },
  );
}

/** A serial port by its path, with the line settings of the meter. */
export function serialConnector(path: string, wire: Wire): Connector {
  return { name: path, wire, framing: 'rtu', open: () => openSerial(path, wire), prepareConfigure: loadLineSettings };
}

async function openSerial(path: string, wire: Wire): Promise<Connection> {
  const port = new SerialPort({ path, ...wire, autoOpen: false });
  // Errors reach the listeners below once the port is open; before, they would be unhandled events.
  let failure: Error | undefined;
  port.on('error', (error: Error) => {
    failure = error;
  });
  const opened = await new Promise<Error | null>((resolve) => {
    const bound = setTimeout(() => resolve(new Error('the driver does not answer')), OPEN_BOUND_MS);
    port.open((error) => {
      clearTimeout(bound);
      resolve(error);
    });
  });
  if (opened) throw await openError(path, opened);

  let closed = false;
  let closing = false;
  let notify: ((reason: Error | undefined) => void) | undefined;
  // A failed write emits `error` and then `close` twice: everything after the first is ignored.
  const finish = (reason: Error | undefined) => {
    if (closed) return;
    closed = true;
    clearInterval(presence);
    notify?.(closing ? undefined : (reason ?? failure ?? new Error(`serial port ${path} closed`)));
  };
  const device = realpathSync(path);
  const presence = setInterval(() => {
    if (!existsSync(device)) finish(new Error(`${device} is gone`));
  }, PRESENCE_MS);
  port.on('error', finish);
  port.on('close', (reason?: Error | null) => finish(reason ?? undefined));

  return {
    write: (bytes) => {
      if (!closed) port.write(bytes);
    },
    configure: (wire) => configure(port, path, wire),
    drain: () => (closed ? 0 : readAll(port)),
    onData: (listener) => port.on('data', listener),
    onClose: (listener) => {
      notify = listener;
    },
    close: () => {
      closing = true;
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(bound);
          finish(undefined);
          resolve();
        };
        const bound = setTimeout(done, CLOSE_BOUND_MS);
        if (!port.isOpen) return done();
        try {
          port.close(done);
        } catch (error) {
          finish(new Error(messageOf(error)));
          done();
        }
      });
    },
  };
}

/** Only where meters of different settings share a port: it takes 5 MB. */
const loadLineSettings = () => import('./line-settings.ts');

async function configure(port: SerialPort, path: string, wire: Wire): Promise<void> {
  const fd = fdOf(port);
  if (fd === null) return;
  try {
    const { setLine } = await loadLineSettings();
    await setLine(fd, wire);
  } catch (error) {
    throw new AgentError('unavailable', `serial port ${path} cannot be set to ${wireText(wire)}: ${messageOf(error)}`, {
      retryable: true,
      hint: 'give the meters of this line the same settings, or each its own adapter',
      cause: error,
    });
  }
}

function fdOf(port: SerialPort): number | null {
  return port.port && 'fd' in port.port ? port.port.fd : null;
}

/** serialport reads in a thread of its own, which on a busy machine has its turn late: this reads at once. */
function readAll(port: SerialPort): number {
  const fd = fdOf(port);
  let count = 0;
  try {
    for (;;) {
      const read = fd === null ? 0 : readSync(fd, WASTE);
      if (read === 0) return count;
      count += read;
    }
  } catch {
    // EAGAIN: nothing is left. Whatever else it is, the port's own reading will meet it.
    return count;
  }
}
