import { testHistoryKills } from './kills.ts';

testHistoryKills(6, 7);
