/** A picture from a file, by dropping, by pasting, or from the webcam. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { W } from "../words.ts";
import { decodePicture } from "./decode.ts";
import { DropZone, FileButton } from "./drop-zone.tsx";

export interface PictureInputProps {
  /** Reads what it needs of the picture at once: it is closed behind it. */
  readonly take: (picture: ImageBitmap) => void;
}

const WRONG = { en: "This file is no picture that the browser can read:", ko: "브라우저가 읽을 수 없는 그림입니다:" };

export function PictureInput({ take }: PictureInputProps): JSX.Element {
  const { t } = useApp();
  const [problem, setProblem] = useState<string>();
  const [filming, setFilming] = useState(false);
  const read = async (file: File): Promise<void> => {
    try {
      const picture = await decodePicture(file);
      take(picture);
      picture.close();
      setProblem(undefined);
    } catch {
      setProblem(`${t(WRONG)} ${file.name}`);
    }
  };
  useEffect(() => {
    const paste = (event: ClipboardEvent): void => {
      const file = [...(event.clipboardData?.files ?? [])].find((f) => f.type.startsWith("image/"));
      if (file) void read(file);
    };
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  });
  return (
    <DropZone name="picture" take={([{ file }]) => void read(file)}>
      <div class="buttons">
        {t(W.yourPicture)}
        <FileButton name="picture" accept="image/*" label={t(W.choose)} take={([{ file }]) => void read(file)} />
      </div>
      <p class="hint">{t(W.dropHint)}</p>
      <button type="button" class="small" aria-expanded={filming} onClick={() => setFilming(!filming)}>
        {t(W.webcam)}
      </button>
      {filming && <Webcam take={take} />}
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </DropZone>
  );
}

/** The webcam's picture, live, and a button that takes it. */
export function Webcam({
  take,
  label,
}: {
  /** The picture is closed when it has been taken. */
  readonly take: (picture: ImageBitmap) => void | Promise<void>;
  readonly label?: string;
}): JSX.Element {
  const { t } = useApp();
  const video = useRef<HTMLVideoElement>(null);
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    let stream: MediaStream | undefined;
    let gone = false;
    const start = async (): Promise<void> => {
      try {
        // Over plain http there is none.
        if (!("mediaDevices" in navigator)) throw new Error("https");
        stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 320 } });
        if (gone) return stop();
        if (video.current) {
          video.current.srcObject = stream;
          await video.current.play();
        }
      } catch (error) {
        setProblem(error instanceof Error ? error.message : String(error));
      }
    };
    const stop = (): void => stream?.getTracks().forEach((track) => track.stop());
    void start();
    return () => {
      gone = true;
      stop();
    };
  }, []);
  const shoot = async (): Promise<void> => {
    if (!video.current || video.current.videoWidth === 0) return; // nothing has come yet
    const picture = await createImageBitmap(video.current);
    await take(picture);
    picture.close();
  };
  if (problem !== undefined) {
    return (
      <p class="problem" role="alert">
        {t(W.noWebcam)} {problem}
      </p>
    );
  }
  return (
    <div>
      <video
        ref={video}
        muted
        playsInline
        width={160}
        height={160}
        style={{ objectFit: "cover", borderRadius: "6px" }}
      />
      <div>
        <button type="button" class="small" onClick={() => void shoot()}>
          {label ?? t(W.takePicture)}
        </button>
      </div>
    </div>
  );
}
