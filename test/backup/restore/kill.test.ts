import { testRestoreKills } from './kills.ts';

testRestoreKills(5, 51);
