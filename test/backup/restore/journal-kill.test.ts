import { testRestoreKills } from './journal-kills.ts';

testRestoreKills(5, 51);
