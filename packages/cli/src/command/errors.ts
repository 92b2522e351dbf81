/** How the command ends badly: a wrong command line (2), something else the user can mend (1), an interruption (130). */

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something that the user can mend, told without a stack trace. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** Exit codes; 130 is what shells expect after Ctrl-C (128 + SIGINT). */
export const EXIT = { fine: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The system's error code (`ENOENT`), if it is such an error. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder",
  EEXIST: "it exists already",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "symbolic links go round in a circle",
  EFBIG: "the file would be larger than is allowed here",
  EIO: "the disk reports an error",
  EADDRINUSE: "the port is taken by another program; port=0 takes one that is free",
  EADDRNOTAVAIL: "this machine does not have that address",
  ENOTFOUND: "no machine is known by that name",
};

/** What went wrong with a file or an address, in words. */
export function reason(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined && code in REASONS) return REASONS[code];
  return error instanceof Error ? error.message : String(error);
}
