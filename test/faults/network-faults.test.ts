import { describeLineFaults } from './line-faults.ts';

describeLineFaults('rtu-over-tcp', 120, 12);
describeLineFaults('tcp', 120, 13);
