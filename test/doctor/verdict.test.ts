import { expect, test } from 'vitest';
import type { Adapter } from '../../agent/doctor/adapters.ts';
import type { Evidence } from '../../agent/doctor/evidence.ts';
import { latencyOf, type Measured } from '../../agent/doctor/measure.ts';
import type { Searched } from '../../agent/doctor/search.ts';
import { meterEntry } from '../../agent/doctor/snippet.ts';
import { codeOf, findingsOf } from '../../agent/doctor/verdict.ts';
import { SDM120, SDM230, SDM630 } from '../../agent/meters/eastron.ts';
import { WE_514, WE_515 } from '../../agent/meters/orno.ts';

const ADAPTER: Adapter = {
  path: '/dev/ttyUSB0',
  stablePath: '/dev/serial/by-id/usb-1',
  driver: 'ftdi_sio',
  access: 'granted',
  holders: [],
};
const SILENT: Searched = {
  quiet: { ms: 250, bytes: 0, zeros: 0, frames: 0 },
  attempts: 500,
  kinds: { silent: 500 },
  echoes: 0,
  gatewayRefusals: 0,
  nearMisses: [],
  isStuck: false,
  counted: undefined,
  elapsedMs: 52_000,
  isComplete: true,
};
const SETTINGS = { baudRate: 9600, parity: 'even', stopBits: 1 } as const;
const SERIAL: Evidence = { target: { kind: 'serial', path: '/dev/ttyUSB0' }, adapter: ADAPTER };
const TCP: Evidence = { target: { kind: 'tcp', host: 'gateway', port: 502 } };
const lineWith = (searched: Partial<Searched>): Evidence => ({ ...SERIAL, searched: { ...SILENT, ...searched } });
const opening = (message: string): Evidence => ({ ...SERIAL, failure: { message, when: 'opening' } });

test.for<[string, Evidence, string, RegExp]>([
  [
    'no right',
    { ...SERIAL, adapter: { ...ADAPTER, access: { group: 'dialout' } } },
    'no-permission',
    /usermod -aG dialout/,
  ],
  [
    'left to root alone',
    { ...SERIAL, adapter: { ...ADAPTER, access: { group: 'root' } } },
    'no-permission',
    /chgrp dialout \/dev\/ttyUSB0(?!.*usermod)/s,
  ],
  [
    'held by our collector',
    { ...SERIAL, isHeld: true, adapter: { ...ADAPTER, holders: [{ pid: 7, program: 'node', command: 'collect' }] } },
    'port-busy',
    /energy-monitor collect \(process 7\).*kill -INT 7/s,
  ],
  [
    'held by nobody we see',
    { ...SERIAL, isHeld: true },
    'port-busy',
    /may not see.*fuser -v .*stop energy-monitor-collector.*ModemManager/s,
  ],
  [
    'held by ModemManager',
    {
      ...SERIAL,
      isHeld: true,
      adapter: { ...ADAPTER, holders: [{ pid: 8, program: 'ModemManager', command: undefined }] },
    },
    'port-busy',
    /ModemManager \(process 8\).*it opens each new port: sudo systemctl disable --now ModemManager$/s,
  ],
  [
    'held by another doctor',
    { ...SERIAL, isHeld: true, adapter: { ...ADAPTER, holders: [{ pid: 9, program: 'node', command: 'doctor' }] } },
    'port-busy',
    /energy-monitor doctor \(process 9\).*end it, or wait for it: process 9/s,
  ],
  [
    'bytes that are no answer',
    lineWith({ attempts: 500, kinds: { silent: 498, breaks: 2 } }),
    'no-answer',
    /2 times something came/,
  ],
  ['not there', opening('serial port /dev/ttyUSB0 is not there'), 'port-missing', /plug the adapter in/],
  ['EIO', opening('serial port /dev/ttyUSB0 cannot be opened: Input/output error'), 'dead-adapter', /under-voltage/],
  [
    'lost in use',
    { ...SERIAL, failure: { message: '/dev/ttyUSB0 was lost', when: 'examining' } },
    'dead-adapter',
    /another adapter/,
  ],
  ['takes nothing', lineWith({ isStuck: true, attempts: 1, kinds: { silent: 1 } }), 'dead-adapter', /takes no bytes/],
  ['nothing at all', lineWith({}), 'no-answer', /display is lit.*swap the wires.*display of the meter/s],
  ['nothing but echo', lineWith({ echoes: 500 }), 'no-answer', /it hears itself/],
  ['breaks after each request', lineWith({ attempts: 6, kinds: { breaks: 6 } }), 'swapped', /swap the wires/],
  [
    'a stream of zeros',
    lineWith({ quiet: { ms: 1250, bytes: 900, zeros: 900, frames: 0 } }),
    'swapped',
    /idles the wrong way/,
  ],
  [
    'breaks that the driver counts',
    lineWith({ attempts: 6, kinds: { silent: 6 }, counted: { frame: 0, parity: 0, overruns: 0, breaks: 6 } }),
    'swapped',
    /A and B/,
  ],
  [
    'broken replies at one setting',
    lineWith({ nearMisses: [{ settings: SETTINGS, unit: 3 }], kinds: { damaged: 9, silent: 50 } }),
    'collision',
    /unit 3.*two of the same unit/s,
  ],
  [
    'bytes out of nowhere',
    lineWith({ quiet: { ms: 1250, bytes: 30, zeros: 1, frames: 0 } }),
    'noise',
    /ground \(G, C\)/,
  ],
  [
    'frames of others',
    lineWith({ quiet: { ms: 1250, bytes: 90, zeros: 6, frames: 12 } }),
    'other-master',
    /one master/,
  ],
  [
    'gateway away',
    { ...TCP, failure: { message: 'tcp://gateway:502 refuses the connection', when: 'opening' } },
    'gateway-away',
    /one client at a time/,
  ],
  ['nothing behind the gateway', { ...TCP, searched: SILENT }, 'no-answer', /settings of the gateway/],
])('no meter: %s', ([, evidence, cause, text]) => {
  const findings = findingsOf(evidence);
  expect(findings.map((finding) => finding.cause)).toEqual([cause]);
  const [finding] = findings;
  expect([finding?.sentence, ...(finding?.remedies ?? [])].join('\n')).toMatch(text);
  expect(finding?.level).toBe('fault');
});

const MEASURED: Measured = {
  forMs: 60_000,
  requests: 400,
  failed: 0,
  kinds: { answer: 400 },
  short: { registers: 1, requests: 200, failed: 0 },
  long: { registers: 41, requests: 200, failed: 0 },
  latency: latencyOf([12, 14, 20]),
  late: 0,
  patienceMs: 250,
  echoes: 0,
  withStrays: 0,
  quietBytes: 0,
  quietMs: 16_000,
  foreignFrames: 0,
  counted: undefined,
};
const FOUND: Evidence = {
  ...SERIAL,
  searched: { ...SILENT, kinds: { answer: 2 }, attempts: 2 },
  found: { settings: SETTINGS, unit: 1, attempt: 1, stage: 'factory' },
  recognised: { candidates: [WE_515, WE_514], isCertain: true, because: 'its tariffs have counted' },
  measured: MEASURED,
};
const losing = (short: number, long: number, more: Partial<Measured> = {}): Evidence => ({
  ...FOUND,
  measured: {
    ...MEASURED,
    failed: short + long,
    kinds: { answer: 400 - short - long, damaged: short + long },
    short: { registers: 1, requests: 200, failed: short },
    long: { registers: 41, requests: 200, failed: long },
    ...more,
  },
});
const given = (expected: Partial<NonNullable<Evidence['expected']>>): Evidence => ({
  ...FOUND,
  expected: { by: 'configuration', meter: 'house', ...expected },
});

test.for<[string, Evidence, string[]]>([
  ['all is well', FOUND, ['healthy']],
  ['a failure or two is chance', losing(1, 1), ['healthy']],
  ['long replies suffer', losing(2, 40), ['termination']],
  ['all replies suffer', losing(90, 150), ['collision']],
  ['bytes come in between', losing(2, 40, { quietBytes: 200 }), ['noise']],
  ['frames of others come in between', losing(2, 40, { quietBytes: 200, foreignFrames: 20 }), ['other-master']],
  ['silence now and then', losing(10, 11, { kinds: { answer: 379, silent: 21 } }), ['unsteady']],
  ['slow', losing(0, 0, { late: 20, latency: latencyOf([200, 480]) }), ['slow', 'healthy']],
  ['echo', losing(0, 0, { echoes: 400 }), ['echo', 'healthy']],
  ['glitches around replies', losing(0, 0, { withStrays: 390 }), ['stray-bytes', 'healthy']],
  [
    'right by luck',
    losing(0, 0, { counted: { parity: 0, frame: 900, breaks: 0, overruns: 0 } }),
    ['parity-errors', 'healthy'],
  ],
  ['any parity', { ...FOUND, toleratedParities: ['none'] }, ['any-parity', 'healthy']],
  ['unknown registers', { ...FOUND, recognised: { candidates: [], isCertain: false, because: '' } }, ['unknown-model']],
  [
    'alike',
    { ...FOUND, recognised: { candidates: [WE_514, WE_515], isCertain: false, because: 'no tariff has counted' } },
    ['similar-models', 'healthy'],
  ],
  ['another unit', given({ unit: 5 }), ['wrong-unit']],
  ['another rate', given({ baudRate: 2400 }), ['wrong-baud']],
  ['another parity', given({ parity: 'none' }), ['wrong-parity']],
  ['another model', given({ model: SDM120 }), ['wrong-model']],
  ['as configured', given({ unit: 1, baudRate: 9600, parity: 'even', model: WE_515 }), ['healthy']],
])('a meter: %s', ([, evidence, causes]) => {
  expect(findingsOf(evidence).map(({ cause }) => cause)).toEqual(causes);
});

test('a configuration that gives a slow meter no time is wrong, and one that does is right', () => {
  const slow = losing(0, 0, { late: 20, latency: latencyOf([200, 480]) });
  const checked: Evidence = { ...slow, expected: { by: 'configuration', meter: 'house', responseMs: undefined } };
  const findings = findingsOf(checked);
  expect(findings).toMatchObject([{ cause: 'slow', level: 'fault' }]);
  expect(findings[0]?.remedies).toEqual(['write responseTimeout: 750ms below connection']);
  expect(codeOf(findings, checked.expected)).toBe('config');
});

test('the exit code: a fault, a missing right, a configuration that is wrong', () => {
  const code = (evidence: Evidence) => codeOf(findingsOf(evidence), evidence.expected);
  expect(code(FOUND)).toBeUndefined();
  expect(code(lineWith({}))).toBe('unavailable');
  expect(code({ ...SERIAL, adapter: { ...ADAPTER, access: { group: 'dialout' } } })).toBe('permission');
  expect(code(given({ unit: 5 }))).toBe('config');
  expect(code({ ...given({ unit: 5 }), expected: { by: 'command line', unit: 5 } })).toBe('unavailable');
});

test('the configuration says what differs from the factory, and nothing else', () => {
  expect(meterEntry(FOUND, 'house')).toEqual({
    name: 'house',
    model: 'we-515',
    connection: { serial: '/dev/serial/by-id/usb-1' },
  });
  const odd = {
    ...FOUND,
    found: { settings: { baudRate: 2400, parity: 'odd', stopBits: 1 }, unit: 9, attempt: 1, stage: 'line' },
  } as const;
  const sdm = { ...odd, recognised: { candidates: [SDM230], isCertain: false, because: '' } };
  expect(meterEntry({ ...sdm, measured: { ...MEASURED, late: 3, latency: latencyOf([480]) } }, 'house')).toEqual({
    name: 'house',
    model: 'sdm230',
    unit: 9,
    connection: { serial: '/dev/serial/by-id/usb-1', baudRate: 2400, parity: 'odd', responseTimeout: '750ms' },
  });
  // What differs is what differs from the model that is written, also where another one is likelier.
  const at2400 = {
    ...FOUND,
    found: { ...odd.found, settings: { baudRate: 2400, parity: 'none', stopBits: 1 } },
  } as const;
  const named = { ...at2400, recognised: { candidates: [SDM120, SDM630], isCertain: true, because: '' } };
  const said = { by: 'command line', model: SDM630, modelName: 'sdm630' } as const;
  expect(meterEntry({ ...named, expected: said }, 'house')).toMatchObject({
    model: 'sdm630',
    connection: { baudRate: 2400 },
  });
  expect(meterEntry({ ...odd, ...TCP }, 'house')?.connection).toEqual({ tcp: 'gateway:502' });
  expect(meterEntry(lineWith({}), 'house')).toBeUndefined();
});

test('latency: quantiles, and a histogram that has each reply once', () => {
  const latency = latencyOf([30, 5, 11, 2000, 5.1]);
  expect(latency).toMatchObject({ leastMs: 5, medianMs: 11, mostMs: 2000 });
  expect(latency?.histogram.filter(({ replies }) => replies > 0)).toEqual([
    { upToMs: 5, replies: 1 },
    { upToMs: 10, replies: 1 },
    { upToMs: 20, replies: 1 },
    { upToMs: 30, replies: 1 },
    { upToMs: undefined, replies: 1 },
  ]);
  expect(latencyOf([])).toBeUndefined();
});
