import { testKilledRestores } from './kills.ts';

testKilledRestores(60, 52);
