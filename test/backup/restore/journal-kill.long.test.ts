import { testRestoreKills } from './journal-kills.ts';

testRestoreKills(50, 52);
