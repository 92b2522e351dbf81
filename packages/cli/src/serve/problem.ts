/** What a request may not do, as an answer: a status and a sentence. Nothing of the machine is in it. */

export type ProblemCode =
  | "bad_request"
  | "not_found"
  | "method_not_allowed"
  | "body_too_large"
  | "picture_too_large"
  | "unsupported_media_type"
  | "unreadable_picture"
  | "too_many_requests"
  | "timeout"
  | "stopping"
  | "internal";

const STATUS: Readonly<Record<ProblemCode, number>> = {
  bad_request: 400,
  not_found: 404,
  method_not_allowed: 405,
  body_too_large: 413,
  picture_too_large: 413,
  unsupported_media_type: 415,
  unreadable_picture: 422,
  too_many_requests: 429,
  internal: 500,
  timeout: 503,
  stopping: 503,
};

export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;

  constructor(code: ProblemCode, message: string) {
    super(message);
    this.code = code;
    this.status = STATUS[code];
  }
}
