import { describeLineFaults } from './line-faults.ts';

describeLineFaults('rtu-over-tcp', 3000, 22);
describeLineFaults('tcp', 3000, 23);
