import { testRestoreKills } from './kills.ts';

testRestoreKills(50, 52);
