/** A line or record that cannot be a reading, with the reason in a few words. It is counted; the others go on. */
export class BadRecord extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BadRecord';
  }
}
