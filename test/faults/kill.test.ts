import { testCollectorKills, testJournalKills, testPowerCut } from './kill.ts';

testJournalKills(15, 31);
testCollectorKills(6, 32);
testPowerCut();
