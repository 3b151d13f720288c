import { testKilledRestores } from './kills.ts';

testKilledRestores(4, 51);
