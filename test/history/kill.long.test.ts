import { testHistoryKills } from './kills.ts';

testHistoryKills(100, 8);
