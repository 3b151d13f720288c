import { testCollectorKills, testJournalKills } from './kill.ts';

testJournalKills(200, 41);
testCollectorKills(200, 42);
