import { testKilledRestores } from './influxdb2-kills.ts';

testKilledRestores(60, 52);
