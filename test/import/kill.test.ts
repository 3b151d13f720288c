import { testImportKills } from './kill.ts';

testImportKills(5, 41);
