import { expect, test } from 'vitest';
import { HostNames } from '../../../agent/web/http/host-names.ts';

const hosts = new HostNames(['Energy.home.arpa'], 'Pi.fritz.box');

test.each([
  '127.0.0.1',
  '127.0.0.1:8515',
  '192.168.1.20:8515',
  '[::1]:8515',
  '[fe80::1]',
  'localhost',
  'LOCALHOST:8515',
  'pi',
  'pi.local:8515',
  'pi.fritz.box',
  'energy.home.arpa:443',
  'energy.home.arpa.',
])('%s is a name of this page', (header) => {
  expect(hosts.allows(header)).toBe(true);
});

test.each([
  undefined,
  '',
  'evil.example',
  'evil.example:8515',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  'pi.local.evil.example',
  'evil.example/127.0.0.1',
  'user@localhost',
  '[::1',
  '[evil.example]',
  'localhost:port',
  'localhost:123456',
  '2130706433.evil',
])('%s is none', (header) => {
  expect(hosts.allows(header)).toBe(false);
});
