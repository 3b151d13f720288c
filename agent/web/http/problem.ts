/** Why a request is not served, as `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  /** What stands in the document besides, such as the parameter that is wrong. */
  readonly extra: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  /**
   * @param detail one sentence for a person: what is wrong, and what to do
   * @param more `headers` of the response; all else stands in the document
   */
  constructor(
    status: number,
    title: string,
    detail: string,
    { headers = {}, ...extra }: { headers?: Record<string, string> } & Record<string, unknown> = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.title = title;
    this.extra = extra;
    this.headers = headers;
  }

  document(): object {
    return { type: 'about:blank', title: this.title, status: this.status, detail: this.message, ...this.extra };
  }
}

/** A parameter that cannot be taken. @param detail what to write instead */
export const badParameter = (parameter: string, detail: string): Problem =>
  new Problem(400, 'Bad Request', detail, { parameter });

export const notFound = (detail: string): Problem => new Problem(404, 'Not Found', detail);
