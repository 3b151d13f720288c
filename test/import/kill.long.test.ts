import { testImportKills } from './kill.ts';

testImportKills(100, 42);
