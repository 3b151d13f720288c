import { testKills } from './kills.ts';

testKills(5, 41);
