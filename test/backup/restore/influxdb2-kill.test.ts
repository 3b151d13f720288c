import { testKilledRestores } from './influxdb2-kills.ts';

testKilledRestores(4, 51);
