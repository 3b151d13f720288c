import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firmwareFlags, throttling, vcgencmdFlags } from '../../agent/host/throttling.ts';
import { PC, PI, rootWith } from './fixtures.ts';

const NOTHING_NOW = { under_voltage: 0, frequency_capped: 0, throttled: 0, soft_temperature_limit: 0 };
const NONE = {
  ...NOTHING_NOW,
  under_voltage_has_occurred: 0,
  frequency_capped_has_occurred: 0,
  throttled_has_occurred: 0,
  soft_temperature_limit_has_occurred: 0,
};
const FIRMWARE = 'sys/devices/platform/soc/soc:firmware/get_throttled';

test.for([
  ['0', {}],
  ['0x0', {}],
  ['throttled=0x0\n', {}],
  ['1\n', { under_voltage: 1 }],
  ['2', { frequency_capped: 1 }],
  ['4', { throttled: 1 }],
  ['8', { soft_temperature_limit: 1 }],
  ['10000', { under_voltage_has_occurred: 1 }],
  ['20000', { frequency_capped_has_occurred: 1 }],
  ['40000', { throttled_has_occurred: 1 }],
  ['throttled=0x80008\n', { soft_temperature_limit: 1, soft_temperature_limit_has_occurred: 1 }],
  ['0x50005', { under_voltage: 1, throttled: 1, under_voltage_has_occurred: 1, throttled_has_occurred: 1 }],
  ['FFF0FFF0', {}],
] as const)('bits of %j by vcgencmd', ([word, set]) => {
  expect(vcgencmdFlags(word)).toEqual({ ...NONE, ...set });
});

test.for([
  ['0\n', {}],
  ['1\n', { under_voltage: 1 }],
  ['e', { frequency_capped: 1, throttled: 1, soft_temperature_limit: 1 }],
  // Within the last 2 s is now enough for a look each minute.
  ['10000', { under_voltage: 1 }],
  ['f0000', { under_voltage: 1 }],
  ['e0000', {}],
  ['50005\n', { under_voltage: 1, throttled: 1 }],
] as const)('bits of %j in the file of the firmware: what is now, nothing about since boot', ([word, set]) => {
  expect(firmwareFlags(word)).toEqual({ ...NOTHING_NOW, ...set });
});

test.for([
  '',
  'error=1 error_msg="Command not registered"',
  'VCHI initialization failed',
  '0x',
  'ffffffff0',
  undefined,
])('no flag is made of %j', (word) => {
  expect(vcgencmdFlags(word)).toEqual({});
  expect(firmwareFlags(word)).toEqual({});
});

test('the file of the firmware serves where vcgencmd is not installed', () => {
  expect(throttling(PI)).toEqual({ ...NOTHING_NOW, under_voltage: 1, throttled: 1 });
});

test('on a Pi 5 the file of the firmware has another place, which its driver knows', () => {
  const node = 'sys/devices/platform/soc@107c000000/soc@107c000000:firmware';
  const driver = 'sys/bus/platform/drivers/raspberrypi-firmware';
  const root = rootWith({ [`${node}/get_throttled`]: '4\n', [`${driver}/uevent`]: '', [`${driver}/bind`]: '' });
  expect(throttling(root)).toEqual({});
  symlinkSync(join(root, node), join(root, driver, 'soc@107c000000:firmware'));
  expect(throttling(root)).toEqual({ ...NOTHING_NOW, throttled: 1 });
});

test('vcgencmd knows what has occurred since boot, so it is asked first; when it may not, the file is', () => {
  const vcgencmd = (text: string) => {
    const root = rootWith({ 'usr/bin/vcgencmd': text, [FIRMWARE]: '1\n' });
    chmodSync(join(root, 'usr/bin/vcgencmd'), 0o755);
    return throttling(root);
  };
  expect(vcgencmd('#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x40000\n')).toEqual({
    ...NONE,
    throttled_has_occurred: 1,
  });
  const refused = '#!/bin/sh\necho "Can\'t open device file: /dev/vcio" >&2\nexit 255\n';
  expect(vcgencmd(refused)).toEqual({ ...NOTHING_NOW, under_voltage: 1 });
  expect(vcgencmd('no program')).toEqual({ ...NOTHING_NOW, under_voltage: 1 });
});

test.for([
  ['0\n', { under_voltage: 0 }],
  ['1\n', { under_voltage: 1 }],
  ['', {}],
  ['7\n', {}],
] as const)('hwmon alone tells undervoltage only: %j', ([alarm, expected]) => {
  const root = rootWith({
    'sys/class/hwmon/hwmon0/name': 'cpu_thermal\n',
    'sys/class/hwmon/hwmon0/in0_lcrit_alarm': '1\n',
    'sys/class/hwmon/hwmon3/name': 'rpi_volt\n',
    'sys/class/hwmon/hwmon3/in0_lcrit_alarm': alarm,
  });
  expect(throttling(root)).toEqual(expected);
});

test('a PC has no such flags', () => {
  expect(throttling(PC)).toEqual({});
});
