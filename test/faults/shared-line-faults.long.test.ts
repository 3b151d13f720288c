import { describeSharedLineFaults } from './shared-line-faults.ts';

describeSharedLineFaults('pty', 600, 41);
describeSharedLineFaults('rtu-over-tcp', 600, 42);
describeSharedLineFaults('tcp', 600, 43);
