/** Frames as WebM (VP9) or MP4 (H.264), by the system's ffmpeg. Browsers have encoders of their own; Node has none. */
import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { PlatformError } from "faltung/errors";
import type { Pixels } from "../gif.ts";

const CODECS = {
  webm: "-c:v libvpx-vp9 -b:v 0 -crf 32 -deadline realtime -cpu-used 8",
  mp4: "-c:v libx264 -preset veryfast -tune animation -crf 20 -movflags +faststart",
} as const;

/**
 * Writes a video. Each frame is repeated as often as its time asks for at `fps`.
 * @throws PlatformError if there is no ffmpeg, or it fails
 */
export async function writeVideo(
  frames: Iterable<{ readonly pixels: Pixels; readonly ms: number }>,
  format: "webm" | "mp4",
  fps: number,
  path: string,
): Promise<void> {
  let ffmpeg: ReturnType<typeof spawn> | undefined;
  let closed: Promise<unknown> | undefined;
  let errors = "";
  let failed: Error | undefined;
  let time = 0;
  let written = 0;
  for (const { pixels, ms } of frames) {
    if (!ffmpeg) {
      const input = `-f rawvideo -pix_fmt rgba -s ${pixels.width}x${pixels.height} -r ${fps} -i -`;
      const filter = "-vf pad=ceil(iw/2)*2:ceil(ih/2)*2 -pix_fmt yuv420p";
      const exact = "-threads 1 -fflags +bitexact -flags:v +bitexact";
      const options = `-hide_banner -loglevel error -y ${input} ${filter} ${CODECS[format]} ${exact}`.split(" ");
      ffmpeg = spawn("ffmpeg", [...options, path], { stdio: ["pipe", "ignore", "pipe"] });
      const child = ffmpeg;
      closed = new Promise<void>((resolve) => {
        child.on("close", () => resolve());
        child.on("error", (error) => {
          failed = error;
          resolve();
        });
      });
      ffmpeg.stdin?.on("error", () => {}); // a broken pipe: the exit code says why
      ffmpeg.stderr?.on("data", (chunk: Buffer) => {
        errors += chunk.toString();
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    time += ms;
    for (; written < Math.round((time * fps) / 1000); written++) {
      if (failed || ffmpeg.exitCode !== null) break;
      if (ffmpeg.stdin?.write(pixels.data) === false) await drained(ffmpeg.stdin, closed);
    }
  }
  if (!ffmpeg) return;
  ffmpeg.stdin?.end();
  await closed;
  if (failed) {
    throw new PlatformError(
      `Writing ${path} needs ffmpeg, which could not be started (${failed.message}). Install it (Debian: apt install ` +
        `ffmpeg), write a .gif or .svg instead, or export the video from the lab in a browser.`,
      { cause: failed },
    );
  }
  if (ffmpeg.exitCode !== 0) throw new PlatformError(`ffmpeg could not write ${path}: ${errors.trim()}`);
}

/** Until the pipe takes more, or the other end is gone. */
async function drained(pipe: Writable, closed: Promise<unknown> | undefined): Promise<void> {
  let release = (): void => {};
  const drain = new Promise<void>((resolve) => {
    release = resolve;
    pipe.once("drain", resolve);
  });
  await Promise.race([drain, closed]);
  pipe.off("drain", release);
}
