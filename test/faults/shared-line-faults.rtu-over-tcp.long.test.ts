import { describeSharedLineFaults } from './shared-line-faults.ts';

describeSharedLineFaults('rtu-over-tcp', 300, 42);
